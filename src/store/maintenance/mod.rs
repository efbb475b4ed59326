//! Maintenance of a store: verify, repair, list learners for an export, inspect, diagnose.

pub(crate) mod display;
pub(crate) mod inspect;
pub(crate) mod ledger;
pub(crate) mod verify;

use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::StoreError;
use super::doctor::Diagnosis;
use crate::domain::{CourseId, Erasure, LearnerId, SessionId};

/// Operations on a whole store, while the service handles requests.
///
/// Operations have no timeout. An operation runs in steps that delay requests by a few milliseconds at most,
/// in memory that does not grow with the data. An operation with a channel is cancelled, and returns early,
/// when the receiver is dropped.
#[async_trait]
pub trait Maintenance: Send + Sync {
    /// Returns the next learners with sessions, in the order of their ids: after a learner, or from the
    /// start. An empty list is the end. Learners whose first session is recorded, or whose last session is
    /// deleted, meanwhile are in the list or not.
    async fn learners(&self, after: Option<LearnerId>) -> Result<Vec<LearnerId>, StoreError>;

    /// Returns the next erasures, in the order of their learners: after a learner, or from the start. An empty
    /// list is the end. Expired erasures are left out.
    async fn erasures(&self, after: Option<LearnerId>) -> Result<Vec<Erasure>, StoreError>;

    /// Erases records of a learner as an exported erasure says: until the erasure expires, or a later erasure
    /// that is stored. Deletes no session. Returns false, and changes nothing, for an expired erasure.
    async fn restore_erasure(&self, erasure: Erasure) -> Result<bool, StoreError>;

    /// Recounts all aggregates and indexes from the sessions, and sends the differences. With `repair`,
    /// repairs each difference in an atomic step, from the state at the time of the repair.
    ///
    /// A concurrent write is no difference. An aggregate that changes too often to be compared is counted as
    /// unsettled.
    async fn verify(
        &self,
        repair: bool,
        events: mpsc::Sender<VerifyEvent>,
    ) -> Result<VerifyReport, StoreError>;

    /// Sends all entries of a learner, an enrolment or a session, and of their indexes and aggregates, in
    /// the order of a report for an operator.
    async fn inspect(
        &self,
        scope: InspectScope,
        entries: mpsc::Sender<StoredEntry>,
    ) -> Result<(), StoreError>;

    /// Checks the store and its surroundings for every known cause of errors and of data loss.
    async fn diagnose(&self) -> Vec<Diagnosis>;

    /// Returns the last verification that ran to the end. The embedded store keeps the verification in memory,
    /// until the process ends.
    async fn last_verification(&self) -> Result<Option<LastVerification>, StoreError>;

    /// Upgrades data of a former version; sends the progress, and what prevents the upgrade. The embedded
    /// store upgrades its data when it is opened.
    async fn upgrade(&self, _events: mpsc::Sender<VerifyEvent>) -> Result<Upgrade, StoreError> {
        Ok(Upgrade::NotNeeded)
    }

    /// Updates the gauges of the store's metrics that no event updates.
    async fn update_gauges(&self) {}
}

/// Event of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerifyEvent {
    /// The verification continues.
    Progress {
        /// Number of sessions counted up to now.
        sessions: u64,
    },
    /// A stored value disagrees with the sessions.
    Difference(Difference),
}

/// Disagreement between a stored value and a recount of the sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Key in Redis; table and key in the embedded store.
    pub key: String,
    /// Value by a recount.
    pub expected: String,
    /// Value in the store.
    pub found: String,
    /// Whether the difference was repaired.
    pub repaired: bool,
}

/// Result of a verification.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Number of sessions counted.
    pub sessions: u64,
    /// Number of differences.
    pub differences: u64,
    /// Number of differences that were repaired.
    pub repaired: u64,
    /// Number of aggregates without a result, as concurrent writes changed them too often.
    pub unsettled: u64,
}

impl VerifyReport {
    /// Returns whether the whole store now agrees with the sessions.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        self.differences == self.repaired && self.unsettled == 0
    }
}

/// Verification that ran to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastVerification {
    /// Time of the end, in seconds since 1970.
    pub ended: u64,
    /// Result of the verification.
    pub report: VerifyReport,
}

impl LastVerification {
    /// Returns a verification that ended now.
    #[must_use]
    pub fn now(report: VerifyReport) -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            ended: since_epoch.unwrap_or_default().as_secs(),
            report,
        }
    }
}

/// Result of an upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrade {
    /// The data have the present version.
    NotNeeded,
    /// All data were recounted. The data have the present version where the report is
    /// [consistent](VerifyReport::is_consistent).
    Done(VerifyReport),
}

/// Part of the store to inspect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InspectScope {
    /// The learner.
    pub learner: LearnerId,
    /// A course of the learner; `None` for the learner's rows and keys only.
    pub course: Option<CourseId>,
    /// A session in the course; `None` for all sessions.
    pub session: Option<SessionId>,
}

/// Row or key of the store as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Key in Redis; table and key in the embedded store.
    pub key: String,
    /// Value of the key or row.
    pub value: String,
}
