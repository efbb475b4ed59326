//! The pair that most operations are about: a learner in a course.

use super::{CourseId, LearnerId};

/// A learner in a course.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Enrolment {
    /// The learner.
    pub learner: LearnerId,
    /// The course.
    pub course: CourseId,
}

impl Enrolment {
    /// The enrolment of a learner in a course.
    #[must_use]
    pub fn new(learner: LearnerId, course: CourseId) -> Self {
        Self { learner, course }
    }
}
