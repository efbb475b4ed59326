//! Background writers to a Redis store, and the model of the expected sessions.

use std::collections::HashMap;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use study_stats::domain::{CourseId, Enrolment, LearnerId, Record, SessionId, Stats};
use study_stats::store::StatsStore;
use study_stats::store::redis::RedisStore;

use crate::support::id;
use crate::support::load::background::{Background, Progress};
use crate::support::stores::history::{record, stats};
use crate::support::stores::redis_fixture::RedisFixture;

/// Number of concurrent writers.
pub(crate) const WRITERS: u64 = 12;

/// Sessions that a writer has stored.
pub(crate) type Model = HashMap<(LearnerId, CourseId, SessionId), Stats>;

/// Background writers, each with separate learners, in shared courses.
pub(crate) struct Writers(Background<Model>);

impl Writers {
    /// Starts writers with separate learners. With `erasures`, writers delete whole courses and erase
    /// learners too.
    pub(crate) async fn start(
        store: &Arc<RedisStore>,
        courses: &[CourseId],
        erasures: bool,
    ) -> Self {
        let writers = (0..WRITERS).map(|seed| Writer {
            erasures,
            // New learners arrive all the time: the data must not grow faster than the scan reads.
            turnover: if erasures { 0.02 } else { 0.001 },
            ..Writer::new(store, seed, courses)
        });
        Self::of(writers).await
    }

    /// Starts the given writers, and waits for the first 1,000 writes.
    pub(crate) async fn of(writers: impl Iterator<Item = Writer>) -> Self {
        let writers = Background::start(writers, Writer::run);
        writers.wait_for_steps(1_000).await;
        Self(writers)
    }

    /// Waits for a number of further writes.
    pub(crate) async fn wait_for_writes(&self, writes: usize) {
        self.0.wait_for_steps(writes).await;
    }

    /// Stops the writers, and asserts that the store has exactly the sessions of the models.
    pub(crate) async fn end(self, fixture: &RedisFixture) {
        let models = self.0.stop().await;
        let mut stored = 0;
        for ((learner, course, session), stats) in models.into_iter().flatten() {
            let found = fixture
                .store
                .session(Enrolment::new(learner, course), session)
                .await
                .unwrap();
            assert_eq!(found.map(|found| found.stats), Some(stats));
            stored += 1;
        }
        assert_eq!(fixture.audit().await, stored);
    }
}

/// Writer that records and deletes sessions at random, with a model of the stored sessions.
pub(crate) struct Writer {
    pub(crate) store: Arc<RedisStore>,
    pub(crate) random: StdRng,
    pub(crate) courses: Vec<CourseId>,
    pub(crate) learners: Vec<LearnerId>,
    pub(crate) sessions: Vec<SessionId>,
    pub(crate) erasures: bool,
    /// Probability that a new learner replaces a former learner, per write.
    pub(crate) turnover: f64,
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

    async fn run(mut self, progress: Arc<Progress>) -> Model {
        while !progress.is_stopped() {
            self.write().await;
            progress.step();
        }
        self.model
    }

    /// One write: mostly a record, sometimes a delete.
    async fn write(&mut self) {
        let random = &mut self.random;
        if random.random_bool(self.turnover) {
            let index = random.random_range(0..self.learners.len());
            let former = std::mem::replace(&mut self.learners[index], (self.learner)());
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
            // Few values: a replacement often leaves the sums equal.
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
