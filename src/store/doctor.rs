//! Diagnoses of the doctor, by either store.

/// Result of a check of the store or of its surroundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// Severity of the result.
    pub severity: Severity,
    /// Subject of the check, in a word or two.
    pub subject: &'static str,
    /// Result of the check, with advice for a warning or a problem.
    pub detail: String,
}

/// Severity of a [`Diagnosis`], from the least to the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// No action is needed.
    Ok,
    /// The store works, with a risk of later errors or of data loss.
    Warning,
    /// The store does not work, or will lose data.
    Problem,
}

impl Diagnosis {
    /// Returns a diagnosis of a severity that the check decides.
    pub fn new(severity: Severity, subject: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self {
            severity,
            subject,
            detail,
        }
    }

    /// Returns a diagnosis without a need for action.
    pub fn ok(subject: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Severity::Ok, subject, detail)
    }

    /// Returns a diagnosis of a risk.
    pub fn warning(subject: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Severity::Warning, subject, detail)
    }

    /// Returns a diagnosis of a failure.
    pub fn problem(subject: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Severity::Problem, subject, detail)
    }
}
