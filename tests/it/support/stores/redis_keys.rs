//! Keys of an enrolment in Redis, as docs/DATA-MODEL.md spells them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use study_stats::domain::{Enrolment, LearnerId, SessionId};

use crate::support::audit::bucket;

/// Key of a kind, in the bucket of the learner.
pub(crate) fn key(kind: char, learner: LearnerId, ids: &[&[u8; 16]]) -> String {
    let ids: String = ids
        .iter()
        .map(|id| format!(":{}", URL_SAFE_NO_PAD.encode(id)))
        .collect();
    format!("ss:{{{}}}:{kind}{ids}", bucket(learner.as_u128()))
}

/// Keys of an enrolment.
pub(crate) trait RedisKeys {
    fn session_key(&self, session: SessionId) -> String;
    fn totals_key(&self) -> String;
    fn timeline_key(&self) -> String;
    /// Course index of the learner.
    fn courses_key(&self) -> String;
    /// Summary of the course, in the bucket of the learner.
    fn summary_key(&self) -> String;
    /// Roster of the course, in the bucket of the learner.
    fn roster_key(&self) -> String;
    fn erased_key(&self) -> String;
}

impl RedisKeys for Enrolment {
    fn session_key(&self, session: SessionId) -> String {
        let Self { learner, course } = self;
        let ids = [learner.as_bytes(), course.as_bytes(), session.as_bytes()];
        key('s', *learner, &ids)
    }

    fn totals_key(&self) -> String {
        let Self { learner, course } = self;
        key('a', *learner, &[learner.as_bytes(), course.as_bytes()])
    }

    fn timeline_key(&self) -> String {
        let Self { learner, course } = self;
        key('i', *learner, &[learner.as_bytes(), course.as_bytes()])
    }

    fn courses_key(&self) -> String {
        key('u', self.learner, &[self.learner.as_bytes()])
    }

    fn summary_key(&self) -> String {
        key('y', self.learner, &[self.course.as_bytes()])
    }

    fn roster_key(&self) -> String {
        key('r', self.learner, &[self.course.as_bytes()])
    }

    fn erased_key(&self) -> String {
        key('x', self.learner, &[self.learner.as_bytes()])
    }
}
