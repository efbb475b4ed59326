//! The pair of a learner and a course.

use super::{CourseId, LearnerId};

/// A learner in a course: the key of totals, of the session index and of most requests.
///
/// Enrolments are ordered by learner and then by course, as the rows of a store are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Enrolment {
    /// Id of the learner.
    pub learner: LearnerId,
    /// Id of the course.
    pub course: CourseId,
}

impl Enrolment {
    /// Returns the enrolment of a learner in a course.
    #[must_use]
    pub fn new(learner: LearnerId, course: CourseId) -> Self {
        Self { learner, course }
    }
}
