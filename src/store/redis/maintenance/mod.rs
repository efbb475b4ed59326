//! Maintenance of the Redis store: verification with repair, listing of the learners, inspection.

mod erasures;
mod last_verification;

use async_trait::async_trait;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::RedisStore;
use super::keys::Key;
use super::scan::lowest::Lowest;
use crate::domain::{Erasure, LearnerId};
use crate::store::StoreError;
use crate::store::doctor::Diagnosis;
use crate::store::maintenance::{
    InspectScope, LastVerification, Maintenance, StoredEntry, Upgrade, VerifyEvent, VerifyReport,
    inspect, verify,
};

/// Limits of the memory and of the script calls of maintenance.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Maximum number of learners in memory: some 10 MB by default. More learners need more passes over all
    /// keys.
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
        self.learners_of('u', after).await
    }

    async fn erasures(&self, after: Option<LearnerId>) -> Result<Vec<Erasure>, StoreError> {
        let mut after = after;
        loop {
            let learners = self.learners_of('x', after).await?;
            let Some(last) = learners.last() else {
                return Ok(Vec::new());
            };
            // All of a step may have expired since the pass.
            after = Some(*last);
            let erasures = erasures::read(self, &learners).await?;
            if !erasures.is_empty() {
                return Ok(erasures);
            }
        }
    }

    async fn restore_erasure(&self, erasure: Erasure) -> Result<bool, StoreError> {
        erasures::restore(self, erasure).await
    }

    async fn verify(
        &self,
        repair: bool,
        events: mpsc::Sender<VerifyEvent>,
    ) -> Result<VerifyReport, StoreError> {
        let report = verify::verify(self, repair, events.clone()).await?;
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
        inspect::inspect(self, scope, entries).await
    }

    async fn diagnose(&self) -> Vec<Diagnosis> {
        self.diagnose_redis().await
    }

    async fn upgrade(&self, events: mpsc::Sender<VerifyEvent>) -> Result<Upgrade, StoreError> {
        self.upgrade_data(events).await
    }

    async fn last_verification(&self) -> Result<Option<LastVerification>, StoreError> {
        self.read_last_verification().await
    }
}

impl RedisStore {
    /// Returns the next learners with a key of a kind, in the order of their ids.
    async fn learners_of(
        &self,
        kind: char,
        after: Option<LearnerId>,
    ) -> Result<Vec<LearnerId>, StoreError> {
        let first = match after.map(|after| after.as_u128().checked_add(1)) {
            Some(None) => return Ok(Vec::new()),
            Some(Some(first)) => Some(Uuid::from_u128(first).into()),
            None => None,
        };
        let mut learners = Lowest::new(self.bounds.remembered, first);
        let mut scan = self.scan(self.keys.pattern(Some(kind))).await?;
        while let Some(keys) = scan.next().await? {
            for key in keys {
                if let Some(Key::Courses(learner) | Key::Erased(learner)) = self.keys.parse(&key) {
                    learners.add(learner);
                }
            }
        }
        Ok(learners.into_vec())
    }
}
