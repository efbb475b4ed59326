//! The error that ends the process.

/// Why the process cannot do what it was started for, in one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is wrong; the message says what would be right.
    #[error("{0}")]
    Configuration(String),
    /// The configuration may be right, but the machine or a peer does not let it happen.
    #[error("{0}")]
    Environment(String),
    /// As [`Environment`](Self::Environment): another process has the data directory open.
    #[error("{0}")]
    InUse(String),
}

impl StartError {
    /// The process's exit code: 2 for a wrong configuration, as clap's, else 1.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Configuration(_) => 2,
            Self::Environment(_) | Self::InUse(_) => 1,
        }
    }
}
