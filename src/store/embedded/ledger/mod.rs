//! The embedded store as a [`Ledger`].

use async_trait::async_trait;

use super::EmbeddedStore;
use crate::domain::{AggregateDelta, CourseId, Enrolment, LearnerId, SessionId};
use crate::store::StoreError;
use crate::store::maintenance::ledger::{
    CoursesPage, EnrolmentPage, EntryPosition, Ledger, Location, Pass, Scan, StoredAggregate,
    SummaryPage,
};

fn not_built<T>() -> Result<T, StoreError> {
    Err(StoreError::Unexpected("not built".into()))
}

#[async_trait]
impl Ledger for EmbeddedStore {
    fn name(&self, location: &Location) -> String {
        format!("{location:?}")
    }

    async fn scan(&self, _pass: Pass) -> Result<Box<dyn Scan + '_>, StoreError> {
        not_built()
    }

    async fn enrolment(
        &self,
        _enrolment: Enrolment,
        _after: Option<&EntryPosition>,
        _unindexed: &[SessionId],
    ) -> Result<EnrolmentPage, StoreError> {
        not_built()
    }

    async fn summary(
        &self,
        _bucket: u16,
        _course: CourseId,
        _after: Option<LearnerId>,
    ) -> Result<SummaryPage, StoreError> {
        not_built()
    }

    async fn courses(
        &self,
        _learner: LearnerId,
        _after: Option<&EntryPosition>,
    ) -> Result<CoursesPage, StoreError> {
        not_built()
    }

    async fn erasure(&self, _learner: LearnerId) -> Result<Option<String>, StoreError> {
        not_built()
    }

    async fn align_sessions(
        &self,
        _enrolment: Enrolment,
        _sessions: &[SessionId],
    ) -> Result<(), StoreError> {
        not_built()
    }

    async fn align_enrolment(&self, _enrolment: Enrolment) -> Result<(), StoreError> {
        not_built()
    }

    async fn strip_index(
        &self,
        _location: &Location,
        _members: &[Vec<u8>],
    ) -> Result<(), StoreError> {
        not_built()
    }

    async fn add_delta(
        &self,
        _location: &Location,
        _delta: &AggregateDelta,
    ) -> Result<bool, StoreError> {
        not_built()
    }

    async fn reset_aggregate(
        &self,
        _location: &Location,
        _found: &StoredAggregate,
        _value: &AggregateDelta,
    ) -> Result<bool, StoreError> {
        not_built()
    }
}
