//! Verification of all aggregates and indexes against the sessions, while clients write.
//!
//! A write moves a session and its aggregates in one step, so the stored aggregate and the recount move by
//! the same delta, and the deviation between the two is constant. A deviation of totals counts where one
//! snapshot has the totals and all sessions, or where three recounts in a row, each without a change of the
//! totals during the recount, agree (`enrolment`). A deviation of a summary counts where four reads in a row
//! agree, with a pass without a new learner between two reads (`summary`).
//!
//! A pass over all keys (`survey`) collects learners and courses, as many as the window has room for. The run
//! then verifies each learner group, and then its summary, and passes again until no key is left.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc;

use super::display;
use crate::domain::LearnerId;
use crate::store::StoreError;
use crate::store::maintenance::{Difference, VerifyEvent, VerifyReport};
use crate::store::redis::RedisStore;
use crate::store::redis::scan::learner_group::{GroupMembers, LearnerGroup};
use crate::store::redis::scan::window::Window;

/// Number of learner groups verified concurrently: enough to keep a distant Redis busy, and few enough to
/// leave Redis to requests.
pub(crate) const CONCURRENCY: usize = 16;
/// Number of sessions between two progress events.
const PROGRESS: u64 = 5_000;

/// Reason to end a run or an inspection early.
pub(crate) enum Stop {
    /// The receiver of the events or entries is dropped.
    Cancelled,
    Failed(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

pub(crate) type Step<T = ()> = Result<T, Stop>;

/// A run of the verification.
pub(crate) struct VerifyRun<'a> {
    pub(crate) store: &'a RedisStore,
    pub(crate) repair: bool,
    events: mpsc::Sender<VerifyEvent>,
    report: Mutex<VerifyReport>,
    /// Learners whose course index had the wrong type: the run creates the index anew, course by course.
    recreated_course_indexes: Mutex<HashSet<LearnerId>>,
}

impl<'a> VerifyRun<'a> {
    pub(crate) fn new(
        store: &'a RedisStore,
        repair: bool,
        events: mpsc::Sender<VerifyEvent>,
    ) -> Self {
        Self {
            store,
            repair,
            events,
            report: Mutex::default(),
            recreated_course_indexes: Mutex::default(),
        }
    }

    /// Verifies the whole store; returns an early report when the receiver of the events is dropped.
    pub(crate) async fn run(self) -> Result<VerifyReport, StoreError> {
        match self.verify_store().await {
            Ok(()) | Err(Stop::Cancelled) => Ok(*self.report()),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// Surveys and verifies the store, in as many passes as the windows need.
    async fn verify_store(&self) -> Step {
        let capacity = self.store.bounds.remembered;
        let mut unknown_keys = Window::new(capacity, None);
        let mut groups = Window::new(capacity, None);
        while !(unknown_keys.is_exhausted() && groups.is_exhausted()) {
            self.survey(&mut unknown_keys, &mut groups).await?;
            for (key, ()) in unknown_keys.take() {
                let found = "a key that nobody reads";
                self.report_difference(key, display::NOTHING, found, false)
                    .await?;
            }
            self.verify_groups(groups.take()).await?;
        }
        Ok(())
    }

    async fn verify_groups(&self, groups: BTreeMap<LearnerGroup, GroupMembers>) -> Step {
        let mut courses = Vec::new();
        for (group, members) in groups {
            match group.course {
                Some(course) => courses.push((group.bucket, course, members)),
                // Before the enrolments, whose verification adds entries to the course index.
                None => {
                    for learner in members.learners.into_keys() {
                        self.verify_course_index(learner).await?;
                    }
                }
            }
        }
        let unconfirmed = stream::iter(courses)
            .map(|(bucket, course, members)| self.verify_group(bucket, course, members))
            .buffer_unordered(CONCURRENCY)
            .try_filter_map(|summary| std::future::ready(Ok(summary)))
            .try_collect()
            .await?;
        self.confirm_summaries(unconfirmed).await
    }

    /// Counts a difference in the report, and sends the difference.
    pub(crate) async fn report_difference(
        &self,
        key: String,
        expected: impl Into<String>,
        found: impl Into<String>,
        repaired: bool,
    ) -> Step {
        {
            let mut report = self.report();
            report.differences += 1;
            report.repaired += u64::from(repaired);
        }
        self.send(VerifyEvent::Difference(Difference {
            key,
            expected: expected.into(),
            found: found.into(),
            repaired,
        }))
        .await
    }

    /// Counts recounted sessions in the report, and sends a progress event from time to time.
    pub(crate) async fn add_recounted_sessions(&self, sessions: u64) -> Step {
        let (before, now) = {
            let mut report = self.report();
            let before = report.sessions;
            report.sessions += sessions;
            (before, report.sessions)
        };
        if before / PROGRESS == now / PROGRESS {
            return self.check_cancelled();
        }
        self.send(VerifyEvent::Progress { sessions: now }).await
    }

    /// Counts aggregates in the report that changed too often to be verified.
    pub(crate) fn add_unsettled(&self, count: usize) {
        self.report().unsettled += count as u64;
    }

    pub(crate) fn recreated_course_indexes(&self) -> MutexGuard<'_, HashSet<LearnerId>> {
        let indexes = self.recreated_course_indexes.lock();
        indexes.unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self) -> MutexGuard<'_, VerifyReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns [`Stop::Cancelled`] when the receiver of the events is dropped.
    pub(crate) fn check_cancelled(&self) -> Step {
        if self.events.is_closed() {
            return Err(Stop::Cancelled);
        }
        Ok(())
    }

    async fn send(&self, event: VerifyEvent) -> Step {
        self.events.send(event).await.map_err(|_| Stop::Cancelled)
    }
}
