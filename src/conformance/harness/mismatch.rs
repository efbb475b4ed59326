//! The failure of a check.

use std::fmt::{self, Display};

/// Result of a check, or of a step of a check.
pub(crate) type CheckResult<T = ()> = Result<T, Mismatch>;

/// The request, the expected response and the actual response, in one line of text.
#[derive(Debug)]
pub struct Mismatch(String);

impl Mismatch {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
