//! The upkeep of this store.

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::RedisStore;
use crate::domain::LearnerId;
use crate::store::StoreError;
use crate::store::upkeep::{Check, Entry, Subject, Upkeep, Verified, Verifying};

#[async_trait]
impl Upkeep for RedisStore {
    async fn learners(&self, _after: Option<LearnerId>) -> Result<Vec<LearnerId>, StoreError> {
        Ok(Vec::new())
    }

    async fn verify(
        &self,
        _repair: bool,
        _events: mpsc::Sender<Verifying>,
    ) -> Result<Verified, StoreError> {
        Ok(Verified::default())
    }

    async fn inspect(
        &self,
        _subject: Subject,
        _entries: mpsc::Sender<Entry>,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    async fn examine(&self) -> Vec<Check> {
        self.examine_redis().await
    }
}
