//! The upkeep of this store: it looks at snapshots, and mends in the writer's transactions.

mod course;
mod courses;
mod display;
mod inspect;
mod recount;
mod repair;
mod summary;
#[cfg(test)]
mod tests;
mod verify;

use std::fs;

use async_trait::async_trait;
use redb::ReadTransaction;
use rustix::fs::statvfs;
use tokio::sync::mpsc;

use super::schema::{self, COURSES};
use super::{EmbeddedStore, doctor};
use crate::domain::LearnerId;
use crate::store::StoreError;
use crate::store::doctor::Diagnosis;
use crate::store::maintenance::{
    Entry, LastVerification, Maintenance, Subject, VerifyEvent, VerifyReport,
};
use crate::telemetry::metrics;
use verify::Verification;

/// Learners that are given at once.
const LEARNERS: usize = 1_000;

#[async_trait]
impl Maintenance for EmbeddedStore {
    async fn learners(&self, after: Option<LearnerId>) -> Result<Vec<LearnerId>, StoreError> {
        self.walk(move |snapshot| learners(snapshot, after)).await
    }

    async fn verify(
        &self,
        repair: bool,
        events: mpsc::Sender<VerifyEvent>,
    ) -> Result<VerifyReport, StoreError> {
        let verification = Verification::new(self, repair, events.clone());
        let verified = verification.run().await?;
        if !events.is_closed() {
            *self.last_verification() = Some(LastVerification::now(verified));
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

    async fn diagnose(&self) -> Vec<Diagnosis> {
        doctor::checks(self).await
    }

    async fn last_verification(&self) -> Result<Option<LastVerification>, StoreError> {
        Ok(*self.last_verification())
    }

    async fn update_gauges(&self) {
        let looked = self.away(|file| {
            let size = fs::metadata(&file.path).map_or(0, |file| file.len());
            let free = statvfs(&file.path).map_or(0, |disk| disk.f_bavail * disk.f_frsize);
            Ok((size, free))
        });
        let (file, free) = looked.await.unwrap_or_default();
        metrics::embedded(|embedded| {
            embedded.file.set(file.try_into().unwrap_or(i64::MAX));
            embedded.free.set(free.try_into().unwrap_or(i64::MAX));
        });
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
