//! Erasures of learners.

use super::LearnerId;

/// Erasure of a learner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasure {
    /// The erased learner.
    pub learner: LearnerId,
    /// Records of sessions up to this time are refused, in milliseconds since 1970.
    pub as_of: i64,
    /// End of the refusals, in milliseconds since 1970.
    pub expires: i64,
}
