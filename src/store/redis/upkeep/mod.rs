//! The upkeep of this store: passes over all keys (`scan`), what is gathered on them (`window`), and
//! what is done with it.

mod ask;
mod course;
mod entries;
mod inspect;
mod look;
mod note;
mod repair;
mod scan;
mod summary;
mod sums;
mod survey;
mod text;
mod verify;
mod window;

use async_trait::async_trait;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::RedisStore;
use super::keys::Name;
use crate::domain::LearnerId;
use crate::store::StoreError;
use crate::store::upkeep::{
    Check, Entry, LastVerified, Subject, Upkeep, Verified, Verifying, Vitals,
};
use inspect::Inspection;
use verify::Verification;
use window::Window;

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
impl Upkeep for RedisStore {
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
                if let Some(Name::Courses(learner)) = self.keys.read(&key) {
                    learners.add(learner, |()| ());
                }
            }
        }
        Ok(learners.take().into_keys().collect())
    }

    async fn verify(
        &self,
        repair: bool,
        events: mpsc::Sender<Verifying>,
    ) -> Result<Verified, StoreError> {
        let verification = Verification::new(self, repair, events.clone());
        let verified = verification.run().await?;
        if !events.is_closed() {
            self.note(LastVerified::now(verified)).await;
        }
        Ok(verified)
    }

    async fn inspect(
        &self,
        subject: Subject,
        entries: mpsc::Sender<Entry>,
    ) -> Result<(), StoreError> {
        let inspection = Inspection {
            store: self,
            entries,
        };
        inspection.run(subject).await
    }

    async fn examine(&self) -> Vec<Check> {
        self.examine_redis().await
    }

    async fn last_verified(&self) -> Result<Option<LastVerified>, StoreError> {
        self.noted().await
    }

    async fn vitals(&self) -> Vitals {
        let (lanes, open) = self.lanes.count();
        Vitals::Redis { lanes, open }
    }
}
