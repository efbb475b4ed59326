//! The upkeep of this store: passes over all keys (`scan`), what is gathered on them (`window`), and
//! what is done with it.

pub(crate) mod aggregate;
mod course;
pub(crate) mod display;
mod indexes;
mod inspect;
mod last_verified;
pub(crate) mod query;
mod repair;
mod snapshot;
mod summary;
pub(crate) mod verify;

use async_trait::async_trait;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::RedisStore;
use super::keys::Key;
use super::scan::window::Window;
use crate::domain::LearnerId;
use crate::store::StoreError;
use crate::store::doctor::Diagnosis;
use crate::store::maintenance::{
    InspectScope, LastVerification, Maintenance, StoredEntry, VerifyEvent, VerifyReport,
};
use inspect::Inspection;
use verify::Verification;

/// How much upkeep has in hand at once.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Learners, and learners of courses, that are kept in mind: some 20 MB for what it is by default.
    /// Where there are more, there are more passes over all keys.
    pub remembered: usize,
    /// Sessions, or learners, that one call looks at: Redis does nothing else meanwhile.
    pub page: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            remembered: 200_000,
            page: 500,
        }
    }
}

#[async_trait]
impl Maintenance for RedisStore {
    async fn learners(&self, after: Option<LearnerId>) -> Result<Vec<LearnerId>, StoreError> {
        let first = match after.map(|after| after.as_u128().checked_add(1)) {
            Some(None) => return Ok(Vec::new()),
            Some(Some(first)) => Some(Uuid::from_u128(first).into()),
            None => None,
        };
        let mut learners: Window<LearnerId, ()> = Window::new(self.bounds.remembered, first);
        let mut scan = self.scan(self.keys.pattern(Some('u'))).await?;
        while let Some(keys) = scan.next().await? {
            for key in keys {
                if let Some(Key::Courses(learner)) = self.keys.parse(&key) {
                    learners.add(learner, |()| ());
                }
            }
        }
        Ok(learners.take().into_keys().collect())
    }

    async fn verify(
        &self,
        repair: bool,
        events: mpsc::Sender<VerifyEvent>,
    ) -> Result<VerifyReport, StoreError> {
        let verification = Verification::new(self, repair, events.clone());
        let verified = verification.run().await?;
        if !events.is_closed() {
            self.note(LastVerification::now(verified)).await;
        }
        Ok(verified)
    }

    async fn inspect(
        &self,
        subject: InspectScope,
        entries: mpsc::Sender<StoredEntry>,
    ) -> Result<(), StoreError> {
        let inspection = Inspection {
            store: self,
            entries,
        };
        inspection.run(subject).await
    }

    async fn diagnose(&self) -> Vec<Diagnosis> {
        self.examine_redis().await
    }

    async fn last_verification(&self) -> Result<Option<LastVerification>, StoreError> {
        self.noted().await
    }
}
