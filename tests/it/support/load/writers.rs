//! Writers that go on in Redis while a test does something else with it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use study_stats::domain::{CourseId, Enrolment, LearnerId, Record, SessionId, Stats};
use study_stats::store::StatsStore;
use study_stats::store::redis::RedisStore;
use tokio::task::JoinSet;

use crate::support::stores::history::{record, stats};
use crate::support::stores::upkeep::Kept;
use crate::support::{eventually, id};

/// Writers at the same time.
pub(crate) const WRITERS: u64 = 12;

/// What a writer has stored.
pub(crate) type Model = HashMap<(LearnerId, CourseId, SessionId), Stats>;

/// Writers, each with learners of its own, in courses that all share.
pub(crate) struct Writers {
    writers: JoinSet<Model>,
    stop: Arc<AtomicBool>,
    writes: Arc<AtomicUsize>,
}

impl Writers {
    /// Starts writers with learners of their own; with `erasures`, whole courses and learners are
    /// forgotten as well.
    pub(crate) async fn start(
        store: &Arc<RedisStore>,
        courses: &[CourseId],
        erasures: bool,
    ) -> Self {
        let writers = (0..WRITERS).map(|seed| Writer {
            erasures,
            // There are always new learners; the data must not grow faster than it is gone through.
            turnover: if erasures { 0.02 } else { 0.001 },
            ..Writer::new(store, seed, courses)
        });
        Self::of(writers).await
    }

    /// Starts these, and waits until they are well under way.
    pub(crate) async fn of(writers: impl Iterator<Item = Writer>) -> Self {
        let (stop, writes) = (Arc::default(), Arc::default());
        let writers = writers.map(|writer| writer.run(Arc::clone(&stop), Arc::clone(&writes)));
        let writers = writers.collect();
        let it = Self {
            writers,
            stop,
            writes,
        };
        it.goes_on(1_000).await;
        it
    }

    /// Waits until so many more writes are made.
    pub(crate) async fn goes_on(&self, writes: usize) {
        let goal = self.writes.load(Ordering::Relaxed) + writes;
        eventually("writes are made", || async {
            (self.writes.load(Ordering::Relaxed) >= goal).then_some(())
        })
        .await;
    }

    /// Ends it, and asserts that all that was written is there and nothing else is.
    pub(crate) async fn end(self, kept: &Kept) {
        self.stop.store(true, Ordering::Relaxed);
        let models = self.writers.join_all().await;
        let mut stored = 0;
        for ((learner, course, session), stats) in models.into_iter().flatten() {
            let found = kept
                .store
                .session(Enrolment::new(learner, course), session)
                .await
                .unwrap();
            assert_eq!(found.map(|found| found.stats), Some(stats));
            stored += 1;
        }
        assert_eq!(kept.audit().await, stored);
    }
}

/// One that records, forgets and, if it is to, erases, and keeps what must be stored then.
pub(crate) struct Writer {
    pub(crate) store: Arc<RedisStore>,
    pub(crate) random: StdRng,
    pub(crate) courses: Vec<CourseId>,
    pub(crate) learners: Vec<LearnerId>,
    pub(crate) sessions: Vec<SessionId>,
    pub(crate) erasures: bool,
    /// How often a learner leaves and another one comes.
    pub(crate) turnover: f64,
    /// Makes a new learner.
    pub(crate) learner: fn() -> LearnerId,
    pub(crate) model: Model,
}

impl Writer {
    pub(crate) fn new(store: &Arc<RedisStore>, seed: u64, courses: &[CourseId]) -> Self {
        Self {
            store: Arc::clone(store),
            random: StdRng::seed_from_u64(seed),
            courses: courses.to_vec(),
            learners: (0..4).map(|_| id()).collect(),
            sessions: (0..10).map(|_| id()).collect(),
            erasures: false,
            turnover: 0.0,
            learner: id,
            model: Model::new(),
        }
    }

    async fn run(mut self, stop: Arc<AtomicBool>, writes: Arc<AtomicUsize>) -> Model {
        while !stop.load(Ordering::Relaxed) {
            self.write().await;
            writes.fetch_add(1, Ordering::Relaxed);
        }
        self.model
    }

    async fn write(&mut self) {
        let random = &mut self.random;
        if random.random_bool(self.turnover) {
            let place = random.random_range(0..self.learners.len());
            let former = std::mem::replace(&mut self.learners[place], (self.learner)());
            if self.erasures {
                self.store.erase(former).await.unwrap();
                self.model.retain(|key, _| key.0 != former);
            }
        }
        let learner = *self.learners.choose(random).unwrap();
        let course = *self.courses.choose(random).unwrap();
        let session = *self.sessions.choose(random).unwrap();
        match random.random_range(0..40) {
            0 if self.erasures => {
                self.store.erase(learner).await.unwrap();
                self.model.retain(|key, _| key.0 != learner);
            }
            1 if self.erasures => {
                self.store
                    .delete_course(Enrolment::new(learner, course))
                    .await
                    .unwrap();
                self.model
                    .retain(|key, _| (key.0, key.1) != (learner, course));
            }
            2..10 => {
                let store = &self.store;
                store
                    .delete_session(Enrolment::new(learner, course), session)
                    .await
                    .unwrap();
                self.model.remove(&(learner, course, session));
            }
            // Few values, so that sums often are what they were before.
            _ => {
                let stats = stats(f64::from(random.random_range(0..3_u8)), 0.5, 1.0);
                let record = Record {
                    session,
                    ..record(learner, course, stats)
                };
                self.store.record(&record).await.unwrap();
                self.model.insert((learner, course, session), stats);
            }
        }
    }
}
