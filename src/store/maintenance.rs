//! What operators do with a store: walk through all of it, hold it to its sessions, look into it.

use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::StoreError;
use super::doctor::Diagnosis;
use crate::domain::{CourseId, LearnerId, SessionId};

/// The upkeep of a store, on a service that goes on meanwhile.
///
/// Each call takes as long as it takes, in steps that hold up nobody else for more than a few
/// milliseconds, and in memory that does not grow with the data. One that sends something ends where
/// nobody receives it any more.
#[async_trait]
pub trait Maintenance: Send + Sync {
    /// The next learners that have sessions, after one of them or from the beginning, in the order of
    /// their ids; none at the end. Learners who join or leave meanwhile may be among them or not.
    async fn learners(&self, after: Option<LearnerId>) -> Result<Vec<LearnerId>, StoreError>;

    /// Counts all aggregates and indexes again from the sessions, and sends what is found. With
    /// `repair`, mends each difference in an atomic step that reckons with writes that happen
    /// meanwhile.
    ///
    /// Such writes are not told as differences.
    async fn verify(
        &self,
        repair: bool,
        events: mpsc::Sender<VerifyEvent>,
    ) -> Result<VerifyReport, StoreError>;

    /// Sends all that is stored of a learner, of a learner in a course, or of one session, with what
    /// is kept for it: in the order that a reader would want to see it.
    async fn inspect(
        &self,
        subject: Subject,
        entries: mpsc::Sender<Entry>,
    ) -> Result<(), StoreError>;

    /// Looks at all that could keep the store from doing its work.
    async fn diagnose(&self) -> Vec<Diagnosis>;

    /// What the last verification came to that was carried out to its end; the embedded store knows of
    /// those since it was opened.
    async fn last_verification(&self) -> Result<Option<LastVerification>, StoreError>;

    /// Sets the store's gauges in the metrics that do not follow its events.
    async fn update_gauges(&self) {}
}

/// What a verification tells on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerifyEvent {
    /// It is under way.
    Progress {
        /// How many sessions were counted so far.
        sessions: u64,
    },
    /// Something is not as the sessions say.
    Difference(Difference),
}

/// Something that is not as the sessions say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where it is stored: the key in Redis, the table and key in the embedded store.
    pub key: String,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// Whether it was mended.
    pub mended: bool,
}

/// What a verification came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// How many sessions were counted.
    pub sessions: u64,
    /// How many differences there are.
    pub differences: u64,
    /// How many of them were mended.
    pub mended: u64,
    /// How many aggregates changed too often to be held to their sessions.
    pub unsettled: u64,
}

impl VerifyReport {
    /// Whether all is as the sessions say, now.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.differences == self.mended && self.unsettled == 0
    }
}

/// A verification that was carried out to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastVerification {
    /// When it ended, in seconds since 1970.
    pub ended: u64,
    /// What it came to.
    pub verified: VerifyReport,
}

impl LastVerification {
    /// One that ended now.
    #[must_use]
    pub fn now(verified: VerifyReport) -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            ended: since_epoch.unwrap_or_default().as_secs(),
            verified,
        }
    }
}

/// What to look into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// The learner.
    pub learner: LearnerId,
    /// One course of theirs.
    pub course: Option<CourseId>,
    /// One session in that course.
    pub session: Option<SessionId>,
}

/// Something that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where: the key in Redis, the table and key in the embedded store.
    pub key: String,
    /// What.
    pub value: String,
}
