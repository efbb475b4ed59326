//! Random histories, and the recount that a store is held to.

use std::collections::HashMap;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use study_stats::domain::{
    Amount, CourseId, LearnerId, MAX_MAGNITUDE, OccurredAt, Record, Score, SessionId, Stats, Totals,
};

use super::id;

/// The stats of three numbers.
pub(crate) fn stats(modules: f64, score: f64, time: f64) -> Stats {
    Stats {
        modules: Amount::new(modules).unwrap(),
        score: Score::new(score).unwrap(),
        time: Amount::new(time).unwrap(),
    }
}

/// A record without a time, of a new session.
pub(crate) fn record(learner: LearnerId, course: CourseId, stats: Stats) -> Record {
    Record {
        learner,
        course,
        session: id(),
        stats,
        occurred_at: None,
    }
}

/// The totals of some sessions, counted one by one.
pub(crate) fn recount<'a>(sessions: impl IntoIterator<Item = &'a Stats>) -> Totals {
    sessions
        .into_iter()
        .fold(Totals::default(), |totals, stats| {
            totals.replaced(None, stats).expect("within limits")
        })
}

/// Makes records at random from few learners, courses and sessions, so that many are replaced.
pub(crate) struct History {
    random: StdRng,
    pub(crate) learners: Vec<LearnerId>,
    pub(crate) courses: Vec<CourseId>,
    sessions: Vec<SessionId>,
    /// What should be stored after all records so far.
    pub(crate) stored: HashMap<(LearnerId, CourseId, SessionId), (Stats, OccurredAt)>,
}

impl History {
    /// A history that is the same for the same seed, but for its ids.
    pub(crate) fn new(seed: u64) -> Self {
        fn ids<T: From<uuid::Uuid>>(count: usize) -> Vec<T> {
            (0..count).map(|_| id()).collect()
        }
        Self {
            random: StdRng::seed_from_u64(seed),
            learners: ids(3),
            courses: ids(2),
            sessions: ids(12),
            stored: HashMap::new(),
        }
    }

    /// The next record. Some are older than what is stored, which must change nothing.
    pub(crate) fn next(&mut self) -> Record {
        let random = &mut self.random;
        let record = Record {
            learner: *self.learners.choose(random).unwrap(),
            course: *self.courses.choose(random).unwrap(),
            session: *self.sessions.choose(random).unwrap(),
            stats: stats(number(random).abs(), number(random), number(random).abs()),
            occurred_at: Some(OccurredAt::from_utc_millis(
                random.random_range(-1_000..1_000),
            )),
        };
        let at = record.occurred_at.unwrap();
        let key = (record.learner, record.course, record.session);
        let former = self.stored.get(&key);
        if former.is_none_or(|(_, former)| former.millis <= at.millis) {
            self.stored.insert(key, (record.stats, at));
        }
        record
    }

    /// The totals of a learner in a course that a recount gives; `None` without sessions.
    pub(crate) fn totals(&self, learner: LearnerId, course: CourseId) -> Option<Totals> {
        let theirs = self
            .stored
            .iter()
            .filter(|((l, c, _), _)| (*l, *c) == (learner, course));
        Some(recount(theirs.map(|(_, (stats, _))| stats))).filter(|totals| totals.sessions > 0)
    }
}

/// A number of any kind that is accepted: whole, short, long, tiny, huge.
fn number(random: &mut StdRng) -> f64 {
    let sign = if random.random_bool(0.5) { 1.0 } else { -1.0 };
    sign * match random.random_range(0..8) {
        0 => 0.0,
        1 => f64::from(random.random_range(0..1_000_u32)),
        2 => f64::from(random.random_range(0..100_000_u32)) / 100.0,
        3 => random.random::<f64>(),
        4 => random.random::<f64>() * MAX_MAGNITUDE,
        5 => random.random::<f64>() * 1e-13,
        6 => f64::from_bits(random.random_range(0..1e-15_f64.to_bits())),
        _ => MAX_MAGNITUDE - f64::from(random.random_range(0..3_u32)),
    }
}
