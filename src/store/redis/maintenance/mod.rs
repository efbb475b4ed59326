//! Maintenance of the Redis store: verification with repair, listing of the learners, inspection.

mod aggregate;
mod display;
mod enrolment;
mod indexes;
mod inspect;
mod last_verification;
mod repair;
mod snapshot;
mod summary;
mod survey;
mod verify;

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
use inspect::Inspector;
use verify::VerifyRun;

/// Limits of the memory and of the script calls of maintenance.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Maximum number of learners, or of enrolments, in memory: some 20 MB by default. More learners need
    /// more passes over all keys.
    pub remembered: usize,
    /// Maximum number of sessions, or learners, in a script call: Redis serves no other client during the call.
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
        let run = VerifyRun::new(self, repair, events.clone());
        let report = run.run().await?;
        if !events.is_closed() {
            let last = LastVerification::now(report);
            self.write_last_verification(last).await;
        }
        Ok(report)
    }

    async fn inspect(
        &self,
        scope: InspectScope,
        entries: mpsc::Sender<StoredEntry>,
    ) -> Result<(), StoreError> {
        let inspector = Inspector {
            store: self,
            entries,
        };
        inspector.run(scope).await
    }

    async fn diagnose(&self) -> Vec<Diagnosis> {
        self.diagnose_redis().await
    }

    async fn last_verification(&self) -> Result<Option<LastVerification>, StoreError> {
        self.read_last_verification().await
    }
}
