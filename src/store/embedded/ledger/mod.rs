//! The embedded store as a [`Ledger`]: each read has a snapshot of its own, each repair is a transaction of the
//! writer.

mod pages;
mod repairs;
mod scan;
#[cfg(test)]
mod tests;

use async_trait::async_trait;

use super::EmbeddedStore;
use super::schema::{ERASURES, RosterKey};
use crate::domain::{AggregateDelta, CourseId, Enrolment, LearnerId, SessionId};
use crate::store::StoreError;
use crate::store::maintenance::ledger::{
    CoursesPage, EnrolmentPage, EntryPosition, Ledger, Location, Pass, Scan, SessionSnapshot,
    StoredAggregate, SummaryPage,
};
use scan::TableScan;

/// Maximum number of rows of a page.
const PAGE: usize = 1_000;

#[async_trait]
impl Ledger for EmbeddedStore {
    /// Returns the table, and the key in brackets.
    fn name(&self, location: &Location) -> String {
        let of = |enrolment: &Enrolment| {
            let Enrolment { learner, course } = enrolment;
            format!("{learner}, {course}")
        };
        match location {
            Location::Session(key, session) => format!("sessions[{}, {session}]", of(key)),
            Location::Totals(key) => format!("totals[{}]", of(key)),
            Location::SessionIndex(key) => format!("timeline[{}]", of(key)),
            Location::SessionEntry(key, session) => format!("timeline[{}, {session}]", of(key)),
            Location::CourseIndex(learner) => format!("courses[{learner}]"),
            Location::CourseEntry(key) => format!("courses[{}]", of(key)),
            Location::Roster(bucket, course) => format!("roster[{course}, {bucket}]"),
            Location::RosterEntry(key) => {
                let RosterKey {
                    course,
                    bucket,
                    learner,
                } = RosterKey::of(*key);
                format!("roster[{course}, {bucket}, {learner}]")
            }
            Location::Summary(bucket, course) => format!("summary[{course}, {bucket}]"),
            Location::Erasure(learner) => format!("erasures[{learner}]"),
        }
    }

    async fn scan(&self, pass: Pass) -> Result<Box<dyn Scan + '_>, StoreError> {
        Ok(Box::new(TableScan::new(self, pass)))
    }

    async fn enrolment(
        &self,
        enrolment: Enrolment,
        after: Option<&EntryPosition>,
        unindexed: &[SessionId],
    ) -> Result<EnrolmentPage, StoreError> {
        let (after, unindexed) = (after.cloned(), unindexed.to_vec());
        self.read_long(move |snapshot| {
            pages::enrolment(snapshot, enrolment, after.as_ref(), &unindexed)
        })
        .await
    }

    async fn summary(
        &self,
        bucket: u16,
        course: CourseId,
        after: Option<LearnerId>,
    ) -> Result<SummaryPage, StoreError> {
        self.read_long(move |snapshot| pages::summary(snapshot, bucket, course, after))
            .await
    }

    async fn courses(
        &self,
        learner: LearnerId,
        after: Option<&EntryPosition>,
    ) -> Result<CoursesPage, StoreError> {
        let after = after.cloned();
        self.read_long(move |snapshot| pages::courses(snapshot, learner, after.as_ref()))
            .await
    }

    async fn erasure(&self, learner: LearnerId) -> Result<Option<String>, StoreError> {
        self.read_long(move |snapshot| {
            let row = snapshot.open_table(ERASURES)?.get(learner.as_u128())?;
            Ok(row.map(|row| row.value().0.to_string()))
        })
        .await
    }

    async fn align(
        &self,
        enrolment: Enrolment,
        sessions: &[SessionSnapshot],
    ) -> Result<(), StoreError> {
        for step in sessions.chunks(PAGE) {
            let step = step.to_vec();
            let aligning = self.writer.write(step.len(), move |tables, _| {
                tables.align_sessions(enrolment, &step)
            });
            aligning.await?;
        }
        let aligning = self
            .writer
            .write(1, move |tables, _| tables.align_enrolment(enrolment));
        aligning.await
    }

    /// Does nothing: redb has neither invalid members nor rows of another type.
    async fn strip(&self, _: &Location, _: &[Vec<u8>]) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn repair_aggregate(
        &self,
        location: &Location,
        found: &StoredAggregate,
        expected: &AggregateDelta,
    ) -> Result<bool, StoreError> {
        let (location, found, expected) = (*location, found.clone(), *expected);
        let repairing = self.writer.write(1, move |tables, _| {
            tables.repair_aggregate(&location, &found, expected)
        });
        repairing.await
    }
}
