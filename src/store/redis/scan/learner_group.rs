//! Groups of learners, as a survey finds the learners and a verification checks them.

use std::collections::{BTreeMap, BTreeSet};

use super::window::Size;
use crate::domain::{CourseId, LearnerId, SessionId};
use crate::store::bucket;

/// Group of learners to verify together: the learners of a bucket in a course, summed by a summary row.
/// Without a course, the learners of the bucket whose course index has a member other than a course id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LearnerGroup {
    pub(crate) bucket: u16,
    pub(crate) course: Option<CourseId>,
}

impl LearnerGroup {
    pub(crate) fn of(learner: LearnerId, course: Option<CourseId>) -> Self {
        let bucket = bucket::of(learner);
        Self { bucket, course }
    }
}

/// Learners of a group, each with the sessions absent from the session index.
#[derive(Debug, Default)]
pub(crate) struct GroupMembers {
    pub(crate) learners: BTreeMap<LearnerId, BTreeSet<SessionId>>,
    size: usize,
}

impl GroupMembers {
    /// Adds a learner, and a session of the learner absent from the session index.
    pub(crate) fn add(&mut self, learner: LearnerId, session: Option<SessionId>) {
        let before = self.learners.len();
        let sessions = self.learners.entry(learner).or_default();
        let is_new = session.is_some_and(|session| sessions.insert(session));
        self.size += usize::from(is_new) + self.learners.len() - before;
    }
}

impl Size for GroupMembers {
    fn size(&self) -> usize {
        self.size
    }
}
