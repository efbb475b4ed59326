//! Maintenance of the embedded store: checks read snapshots, repairs run in transactions of the writer.

use std::fs;

use async_trait::async_trait;
use redb::ReadTransaction;
use rustix::fs::statvfs;
use tokio::sync::mpsc;

use super::clock::MonotonicClock;
use super::schema::{COURSES, CourseKey, ERASURES, following, id};
use super::{EmbeddedStore, doctor};
use crate::domain::{Erasure, LearnerId};
use crate::store::StoreError;
use crate::store::doctor::Diagnosis;
use crate::store::maintenance::{
    InspectScope, LastVerification, Maintenance, StoredEntry, VerifyEvent, VerifyReport, inspect,
    verify,
};
use crate::telemetry::metrics;

/// Maximum number of learners, or of erasures, in a page.
const PAGE: usize = 1_000;

#[async_trait]
impl Maintenance for EmbeddedStore {
    async fn learners(&self, after: Option<LearnerId>) -> Result<Vec<LearnerId>, StoreError> {
        self.read_long(move |snapshot| learners(snapshot, after))
            .await
    }

    async fn erasures(&self, after: Option<LearnerId>) -> Result<Vec<Erasure>, StoreError> {
        let now = MonotonicClock::default().now().millis;
        self.read_long(move |snapshot| erasures(snapshot, after, now))
            .await
    }

    async fn restore_erasure(&self, erasure: Erasure) -> Result<bool, StoreError> {
        let restoring = self.writer.write(1, move |tables, clock| {
            tables.restore_erasure(erasure, clock.now())
        });
        restoring.await
    }

    async fn verify(
        &self,
        repair: bool,
        events: mpsc::Sender<VerifyEvent>,
    ) -> Result<VerifyReport, StoreError> {
        let report = verify::verify(self, repair, events.clone()).await?;
        if !events.is_closed() {
            *self.last_verification() = Some(LastVerification::now(report));
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
        doctor::diagnose(self).await
    }

    async fn last_verification(&self) -> Result<Option<LastVerification>, StoreError> {
        Ok(*self.last_verification())
    }

    async fn update_gauges(&self) {
        let sizes = self.run_blocking(|file| {
            let size = fs::metadata(&file.path).map_or(0, |file| file.len());
            let free = statvfs(&file.path).map_or(0, |disk| disk.f_bavail * disk.f_frsize);
            Ok((size, free))
        });
        let (file, free) = sizes.await.unwrap_or_default();
        metrics::embedded(|embedded| {
            embedded.file.set(file.try_into().unwrap_or(i64::MAX));
            embedded.free.set(free.try_into().unwrap_or(i64::MAX));
        });
    }
}

/// Returns the next erasures that expire after `now`, in milliseconds since 1970.
fn erasures(
    snapshot: &ReadTransaction,
    after: Option<LearnerId>,
    now: i64,
) -> Result<Vec<Erasure>, StoreError> {
    let table = snapshot.open_table(ERASURES)?;
    let mut erasures = Vec::new();
    for entry in table.range(following(after.map(|after| after.as_u128())))? {
        let (key, row) = entry?;
        let (learner, (as_of, expires)) = (id(key.value()), row.value());
        if expires > now {
            erasures.push(Erasure {
                learner,
                as_of,
                expires,
            });
        }
        if erasures.len() == PAGE {
            break;
        }
    }
    Ok(erasures)
}

/// Returns the next learners in the course index. A lookup per learner skips the learner's further courses.
fn learners(
    snapshot: &ReadTransaction,
    mut after: Option<LearnerId>,
) -> Result<Vec<LearnerId>, StoreError> {
    let courses = snapshot.open_table(COURSES)?;
    let mut learners = Vec::new();
    while learners.len() < PAGE {
        let last = after.map(|learner| *CourseKey::range(learner).end());
        let Some(entry) = courses.range(following(last))?.next() else {
            break;
        };
        let learner = entry?.0.value().learner;
        learners.push(learner);
        after = Some(learner);
    }
    Ok(learners)
}
