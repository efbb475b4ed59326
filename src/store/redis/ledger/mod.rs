//! The Redis store as a [`Ledger`]: each read is a script call on keys of one bucket, so is each repair.

mod pages;
mod probes;
mod scan;

use async_trait::async_trait;

use super::RedisStore;
use super::script_call::ScriptCall;
use super::scripts::{ALIGN, LuaScript, REPAIR_AGGREGATE, STRIP};
use crate::domain::{AggregateDelta, CourseId, Enrolment, LearnerId, SessionId};
use crate::store::maintenance::display::OTHER_TYPE;
use crate::store::maintenance::ledger::{
    CoursesPage, EnrolmentPage, EntryPosition, Ledger, Location, OtherType, Pass, Scan,
    SessionSnapshot, StoredAggregate, SummaryPage,
};
use crate::store::{StoreError, bucket};
use scan::KeyScan;

#[async_trait]
impl Ledger for RedisStore {
    /// Returns the key, and for an entry of an index the id behind a space.
    fn name(&self, location: &Location) -> String {
        let key = self.location_key(location);
        match location {
            Location::SessionEntry(_, session) => format!("{key} {session}"),
            Location::CourseEntry(enrolment) => format!("{key} {}", enrolment.course),
            Location::RosterEntry(enrolment) => format!("{key} {}", enrolment.learner),
            _ => key,
        }
    }

    async fn scan(&self, pass: Pass) -> Result<Box<dyn Scan + '_>, StoreError> {
        Ok(Box::new(KeyScan::start(self, pass).await?))
    }

    async fn enrolment(
        &self,
        enrolment: Enrolment,
        after: Option<&EntryPosition>,
        unindexed: &[SessionId],
    ) -> Result<EnrolmentPage, StoreError> {
        pages::enrolment(self, enrolment, after, unindexed).await
    }

    async fn summary(
        &self,
        bucket: u16,
        course: CourseId,
        after: Option<LearnerId>,
    ) -> Result<SummaryPage, StoreError> {
        pages::summary(self, bucket, course, after).await
    }

    async fn courses(
        &self,
        learner: LearnerId,
        after: Option<&EntryPosition>,
    ) -> Result<CoursesPage, StoreError> {
        pages::courses(self, learner, after).await
    }

    async fn erasure(&self, learner: LearnerId) -> Result<Option<String>, StoreError> {
        pages::erasure(self, learner).await
    }

    async fn align(
        &self,
        enrolment: Enrolment,
        sessions: &[SessionSnapshot],
    ) -> Result<(), StoreError> {
        let Enrolment { learner, course } = enrolment;
        // Without sessions, one call aligns the enrolment.
        let steps = sessions.len().div_ceil(self.bounds.page).max(1);
        for step in 0..steps {
            let step = sessions.iter().skip(step * self.bounds.page);
            let step: Vec<_> = step.take(self.bounds.page).map(|found| found.id).collect();
            let mut keys = vec![
                self.keys.timeline(enrolment),
                self.keys.courses(learner),
                self.keys.roster_in(bucket::of(learner), course),
            ];
            keys.extend(step.iter().map(|&id| self.keys.session(enrolment, id)));
            let mut arguments = vec![course.as_bytes().to_vec(), learner.as_bytes().to_vec()];
            arguments.extend(step.iter().map(|id| id.as_bytes().to_vec()));
            let call = ScriptCall::new(&ALIGN, learner, keys, arguments);
            self.write_retried(call).await?;
        }
        Ok(())
    }

    async fn strip(&self, location: &Location, members: &[Vec<u8>]) -> Result<bool, StoreError> {
        let kind = match location {
            Location::Erasure(_) => "string",
            _ => "zset",
        };
        let mut arguments = vec![kind.as_bytes().to_vec()];
        arguments.extend(members.iter().cloned());
        self.repair(&STRIP, location, arguments).await
    }

    async fn repair_aggregate(
        &self,
        location: &Location,
        found: &StoredAggregate,
        expected: &AggregateDelta,
    ) -> Result<bool, StoreError> {
        let is_summary = matches!(location, Location::Summary(..));
        let (kind, value) = if is_summary {
            ("summary", found.summary_value())
        } else {
            ("totals", found.totals_value())
        };
        let text = match &found.0 {
            Ok(text) => text.clone().unwrap_or_default(),
            Err(OtherType) => OTHER_TYPE.into(),
        };
        let delta = *expected - value.unwrap_or_default();
        let counts = [delta.learners, delta.sessions].map(|count| count.to_string());
        let sums = delta.sums.map(|sum| sum.to_string()).into_array();
        let numbers = counts.into_iter().chain(sums).map(String::into_bytes);
        let state = if value.is_some() {
            "readable"
        } else {
            "unreadable"
        };
        let texts = [text, kind.into(), state.into()];
        let arguments = texts.into_iter().chain(numbers).collect();
        self.repair(&REPAIR_AGGREGATE, location, arguments).await
    }
}

impl RedisStore {
    /// Calls a script on the key of a location.
    async fn repair(
        &self,
        script: &'static LuaScript,
        location: &Location,
        arguments: Vec<Vec<u8>>,
    ) -> Result<bool, StoreError> {
        let keys = vec![self.location_key(location)];
        let call = ScriptCall::in_bucket(script, location.bucket(), keys, arguments);
        self.write_retried(call).await
    }

    /// Returns the key of a location; for an entry, of the index.
    fn location_key(&self, location: &Location) -> String {
        let keys = &self.keys;
        match *location {
            Location::Session(enrolment, session) => keys.session(enrolment, session),
            Location::Totals(enrolment) => keys.totals(enrolment),
            Location::SessionIndex(enrolment) | Location::SessionEntry(enrolment, _) => {
                keys.timeline(enrolment)
            }
            Location::CourseIndex(learner) | Location::CourseEntry(Enrolment { learner, .. }) => {
                keys.courses(learner)
            }
            Location::Roster(bucket, course) => keys.roster_in(bucket, course),
            Location::RosterEntry(Enrolment { learner, course }) => {
                keys.roster_in(bucket::of(learner), course)
            }
            Location::Summary(bucket, course) => keys.summary_in(bucket, course),
            Location::Erasure(learner) => keys.erased(learner),
        }
    }
}
