//! The error that ends the process.

use std::io::{self, ErrorKind};

/// An error that ends the process; the message is one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is invalid; the message has an example of a valid value.
    #[error("{0}")]
    Configuration(String),
    /// The configuration is valid, but the machine or another server refuses.
    #[error("{0}")]
    Environment(String),
    /// Another process has the data directory open; a case of [`Environment`](Self::Environment).
    #[error("{0}")]
    InUse(String),
    /// The reader of standard output has closed the pipe. The process ends as by SIGPIPE, without a message.
    #[error("nobody reads the output")]
    BrokenPipe,
}

impl StartError {
    /// Error of a write to standard output.
    #[must_use]
    pub fn output(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::Environment(format!("cannot write to standard output: {error}")),
        }
    }

    /// Returns the exit code: 2 for an invalid configuration, as clap does, 141 for a closed pipe, as a shell
    /// reports SIGPIPE, else 1.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Configuration(_) => 2,
            Self::Environment(_) | Self::InUse(_) => 1,
            Self::BrokenPipe => 128 + 13,
        }
    }
}
