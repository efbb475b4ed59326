//! The upkeep of this store: it looks at snapshots, and mends in the writer's transactions.

mod course;
mod courses;
mod examine;
mod inspect;
mod mend;
mod recount;
mod rows;
mod summaries;
#[cfg(test)]
mod tests;
mod verify;

use std::fs;

use async_trait::async_trait;
use redb::ReadTransaction;
use rustix::fs::statvfs;
use tokio::sync::mpsc;

use super::EmbeddedStore;
use super::schema::{self, COURSES};
use crate::domain::LearnerId;
use crate::store::StoreError;
use crate::store::upkeep::{
    Check, Entry, LastVerified, Subject, Upkeep, Verified, Verifying, Vitals,
};
use verify::Verification;

/// Learners that are given at once.
const LEARNERS: usize = 1_000;

#[async_trait]
impl Upkeep for EmbeddedStore {
    async fn learners(&self, after: Option<LearnerId>) -> Result<Vec<LearnerId>, StoreError> {
        self.walk(move |snapshot| learners(snapshot, after)).await
    }

    async fn verify(
        &self,
        repair: bool,
        events: mpsc::Sender<Verifying>,
    ) -> Result<Verified, StoreError> {
        let verification = Verification::new(self, repair, events.clone());
        let verified = verification.run().await?;
        if !events.is_closed() {
            *self.last_verified() = Some(LastVerified::now(verified));
        }
        Ok(verified)
    }

    async fn inspect(
        &self,
        subject: Subject,
        entries: mpsc::Sender<Entry>,
    ) -> Result<(), StoreError> {
        self.walk(move |snapshot| inspect::send(snapshot, subject, &entries))
            .await
    }

    async fn examine(&self) -> Vec<Check> {
        examine::checks(self).await
    }

    async fn last_verified(&self) -> Result<Option<LastVerified>, StoreError> {
        Ok(*self.last_verified())
    }

    async fn vitals(&self) -> Vitals {
        let looked = self.away(|file| {
            let size = fs::metadata(&file.path).map_or(0, |file| file.len());
            let free = statvfs(&file.path).map_or(0, |disk| disk.f_bavail * disk.f_frsize);
            Ok((size, free))
        });
        let (file, free) = looked.await.unwrap_or_default();
        Vitals::Embedded { file, free }
    }
}

/// The next learners that have courses, found by one look each.
fn learners(
    snapshot: &ReadTransaction,
    after: Option<LearnerId>,
) -> Result<Vec<LearnerId>, StoreError> {
    let courses = snapshot.open_table(COURSES)?;
    let mut learners = Vec::new();
    let mut next = match after {
        Some(after) => after.as_u128().checked_add(1),
        None => Some(u128::MIN),
    };
    while learners.len() < LEARNERS
        && let Some(from) = next
        && let Some(first) = courses.range((from, i64::MIN, u128::MIN)..)?.next()
    {
        let learner = first?.0.value().0;
        learners.push(schema::id(learner));
        next = learner.checked_add(1);
    }
    Ok(learners)
}
