//! Decorator of a store: admission of operations by their cost, so that no client takes the store from the
//! others.
//!
//! A small operation, such as totals, takes one of `MAX_REQUESTS` permits at once or is refused. A large
//! operation also waits for places, as many as it reads rows, and in the order of arrival. The places bound
//! the work that is before a small operation in the queue of the store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::bucket::BUCKETS;
use super::flights::Flights;
use super::{StatsStore, StoreError};
use crate::domain::{
    CourseId, DeleteOutcome, Enrolment, LearnerId, ListedCourse, ListedSession, Outcome, Page,
    Record, Roster, Session, SessionId, Slice, Span, Summary, Totals,
};
use crate::telemetry::Throttle;
use crate::telemetry::metrics::{self, Shed};

/// Places of the large operations: rows that these operations read at once. Redis reads them in about 5 ms.
const PLACES: usize = 2 * BUCKETS as usize;
/// Maximum number of rows of an operation that takes no places.
const SMALL: usize = 16;
/// Maximum number of deletes of whole courses or learners at once. Such a delete is a chain of calls of some
/// milliseconds each.
const DELETES: usize = 4;
/// Longest wait for places.
const WAIT: Duration = Duration::from_secs(1);

/// Permits and places of all operations, shared by the stores of all threads.
pub struct Admission {
    requests: Semaphore,
    places: Arc<Semaphore>,
    deletes: Arc<Semaphore>,
    shed: Throttle,
    summaries: Flights<CourseId, Option<Summary>>,
    sessions: Flights<(Enrolment, Span, Slice), Page<ListedSession>>,
    courses: Flights<(LearnerId, Slice), Page<ListedCourse>>,
    rosters: Flights<(CourseId, Option<LearnerId>, usize), Roster>,
}

impl Admission {
    /// Admits at most `max_requests` operations at once.
    #[must_use]
    pub fn new(max_requests: usize) -> Arc<Self> {
        Arc::new(Self {
            requests: Semaphore::new(max_requests.min(Semaphore::MAX_PERMITS)),
            places: Arc::new(Semaphore::new(PLACES)),
            deletes: Arc::new(Semaphore::new(DELETES)),
            shed: Throttle::default(),
            summaries: Flights::default(),
            sessions: Flights::default(),
            courses: Flights::default(),
            rosters: Flights::default(),
        })
    }

    /// Takes a permit, or refuses the operation: a queue would delay all operations.
    fn permit(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        self.requests.try_acquire().map_err(|_| self.refuse())
    }

    /// Waits for places. Waiting operations have no permit: they are no load.
    async fn wait(
        self: Arc<Self>,
        places: Arc<Semaphore>,
        count: usize,
    ) -> Result<OwnedSemaphorePermit, StoreError> {
        let count = u32::try_from(count.min(PLACES)).unwrap_or(u32::MAX);
        let taken = tokio::time::timeout(WAIT, places.acquire_many_owned(count)).await;
        taken.ok().and_then(Result::ok).ok_or_else(|| self.refuse())
    }

    fn refuse(&self) -> StoreError {
        metrics::shed(Shed::Requests);
        self.shed.add(|requests| {
            tracing::warn!(
                requests,
                "overloaded: other requests use the store, these were shed"
            );
        });
        StoreError::Overloaded
    }
}

/// Store that admits operations by their cost.
pub(super) struct Admitted {
    pub(super) store: Arc<dyn StatsStore>,
    pub(super) admission: Arc<Admission>,
}

impl Admitted {
    /// Returns the turn of an operation that takes `count` of some places.
    fn turn(
        &self,
        places: &Arc<Semaphore>,
        count: usize,
    ) -> impl Future<Output = Result<OwnedSemaphorePermit, StoreError>> + Send + use<> {
        Arc::clone(&self.admission).wait(Arc::clone(places), count)
    }
}

/// Reads through the flights of one kind of read, with `$rows` places.
macro_rules! read {
    ($self:ident, $flights:ident, $key:expr, $rows:expr, |$store:ident| $read:expr) => {{
        let turn = $self.turn(&$self.admission.places, $rows);
        let ($store, admission) = ($self.store.clone(), $self.admission.clone());
        let read = move || {
            let read = async move {
                let _permit = admission.permit()?;
                $read.await
            };
            read.boxed()
        };
        $self.admission.$flights.read($key, turn, read).await
    }};
}

#[async_trait]
impl StatsStore for Admitted {
    fn name(&self) -> &'static str {
        self.store.name()
    }

    async fn record(&self, record: &Record) -> Result<Outcome, StoreError> {
        let _permit = self.admission.permit()?;
        self.store.record(record).await
    }

    async fn record_many(&self, records: &[Record]) -> Vec<Result<Outcome, StoreError>> {
        let admitted = async {
            let places = if records.len() > SMALL {
                Some(self.turn(&self.admission.places, records.len()).await?)
            } else {
                None
            };
            Ok((places, self.admission.permit()?))
        };
        match admitted.await {
            Ok(_admitted) => self.store.record_many(records).await,
            Err(error) => vec![Err(error); records.len()],
        }
    }

    async fn session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        let _permit = self.admission.permit()?;
        self.store.session(enrolment, session).await
    }

    async fn totals(&self, enrolment: Enrolment) -> Result<Option<Totals>, StoreError> {
        let _permit = self.admission.permit()?;
        self.store.totals(enrolment).await
    }

    async fn sessions(
        &self,
        enrolment: Enrolment,
        span: Span,
        slice: Slice,
    ) -> Result<Page<ListedSession>, StoreError> {
        if slice.limit <= SMALL {
            let _permit = self.admission.permit()?;
            return self.store.sessions(enrolment, span, slice).await;
        }
        let key = (enrolment, span, slice);
        read!(self, sessions, key, slice.limit, |store| store
            .sessions(enrolment, span, slice))
    }

    async fn courses(
        &self,
        learner: LearnerId,
        slice: Slice,
    ) -> Result<Page<ListedCourse>, StoreError> {
        if slice.limit <= SMALL {
            let _permit = self.admission.permit()?;
            return self.store.courses(learner, slice).await;
        }
        let key = (learner, slice);
        read!(self, courses, key, slice.limit, |store| store
            .courses(learner, slice))
    }

    async fn summary(&self, course: CourseId) -> Result<Option<Summary>, StoreError> {
        let rows = usize::from(BUCKETS);
        read!(self, summaries, course, rows, |store| store.summary(course))
    }

    async fn roster(
        &self,
        course: CourseId,
        after: Option<LearnerId>,
        limit: usize,
    ) -> Result<Roster, StoreError> {
        // A page of a small course reads the rosters of all buckets.
        let (key, rows) = ((course, after, limit), usize::from(BUCKETS));
        read!(self, rosters, key, rows, |store| store
            .roster(course, after, limit))
    }

    async fn delete_session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<DeleteOutcome, StoreError> {
        let _permit = self.admission.permit()?;
        self.store.delete_session(enrolment, session).await
    }

    async fn delete_course(&self, enrolment: Enrolment) -> Result<DeleteOutcome, StoreError> {
        let _turn = self.turn(&self.admission.deletes, 1).await?;
        let _permit = self.admission.permit()?;
        self.store.delete_course(enrolment).await
    }

    async fn erase(&self, learner: LearnerId) -> Result<(), StoreError> {
        let _turn = self.turn(&self.admission.deletes, 1).await?;
        let _permit = self.admission.permit()?;
        self.store.erase(learner).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }
}
