//! The findings of the doctor.

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// How it is.
    pub severity: Severity,
    /// What was looked at, in a word or two.
    pub subject: &'static str,
    /// What was found, and what to do where it is not well.
    pub detail: String,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Ok,
    /// It works, but may not always.
    Warning,
    /// It does not work, or data will be lost.
    Problem,
}
