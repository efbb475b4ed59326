//! Random histories of a store.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use study_stats::domain::{
    Amount, CourseId, Enrolment, LearnerId, Limits, MAX_MAGNITUDE, OccurredAt, Record, Score,
    SessionId, Source, Stats, Totals,
};
use study_stats::store::StatsStore;

use crate::support::audit::bucket;
use crate::support::id;
use crate::support::stores::model::{Model, Operation};

/// Time after every erasure of a test, in ms: in the year 2100.
pub(crate) const LATER: i64 = 4_102_444_800_000;

/// Stats of three numbers.
pub(crate) fn stats(modules: f64, score: f64, time: f64) -> Stats {
    Stats {
        modules: Amount::new(modules).unwrap(),
        score: Score::new(score).unwrap(),
        time: Amount::new(time).unwrap(),
    }
}

/// Record of a new session, without a time.
pub(crate) fn record(learner: LearnerId, course: CourseId, stats: Stats) -> Record {
    Record::new(Enrolment::new(learner, course), id(), stats, None)
}

/// Record of a new session at a time. The stats are arbitrary, and differ by time.
pub(crate) fn record_at(learner: LearnerId, course: CourseId, millis: i64) -> Record {
    let number = (millis % 1_000) as f64 / 8.0;
    record(learner, course, stats(number.abs(), number, 1.0))
        .at(OccurredAt::from_utc_millis(millis))
}

/// Another learner of the same bucket: both share the summary of a course.
pub(crate) fn neighbour(learner: LearnerId) -> LearnerId {
    let bucket_of = |learner: &LearnerId| bucket(learner.as_u128());
    let others = std::iter::repeat_with(id);
    let mut same = others.filter(|other| bucket_of(other) == bucket_of(&learner));
    same.next().expect("there is no end of learners")
}

/// Totals of sessions, counted one by one.
pub(crate) fn recount<'a>(sessions: impl IntoIterator<Item = &'a Stats>) -> Totals {
    sessions
        .into_iter()
        .fold(Totals::default(), |totals, stats| totals.with(stats))
}

/// Random operations on few learners, courses and sessions, so that many operations meet.
pub(crate) struct History {
    random: StdRng,
    learners: Vec<LearnerId>,
    courses: Vec<CourseId>,
    sessions: Vec<SessionId>,
    /// Expected contents of the store.
    pub(crate) model: Model,
}

impl History {
    /// A history depends on the seed only, but for the ids.
    pub(crate) fn new(seed: u64) -> Self {
        fn ids<T: From<uuid::Uuid>>(count: usize) -> Vec<T> {
            (0..count).map(|_| id()).collect()
        }
        Self {
            random: StdRng::seed_from_u64(seed),
            learners: ids(3),
            courses: ids(3),
            sessions: ids(12),
            model: Model::default(),
        }
    }

    /// A history on a store with other limits.
    pub(crate) fn with_limits(mut self, limits: Limits) -> Self {
        self.model.limits = limits;
        self
    }

    /// Plays an operation on the model and the store, and asserts equal outcomes and contents. Returns
    /// the number of records and deletes.
    pub(crate) async fn step(&mut self, store: &dyn StatsStore) -> usize {
        let operation = self.next();
        self.model.play(store, &operation).await;
        match operation {
            Operation::Record(records) => records.len(),
            _ => 1,
        }
    }

    fn next(&mut self) -> Operation {
        let random = &mut self.random;
        // An erased learner refuses most records: after a while a new learner takes the place.
        let learner = random.random_range(0..self.learners.len());
        if self.model.is_erased(self.learners[learner]) && random.random_bool(0.2) {
            self.learners[learner] = id();
        }
        match random.random_range(0..20) {
            0 => Operation::Erase(*self.learners.choose(random).unwrap()),
            1 => {
                let record = self.next_record();
                Operation::DeleteCourse(record.enrolment)
            }
            2..8 => {
                let record = self.next_record();
                Operation::DeleteSession(record.enrolment, record.session)
            }
            _ => {
                let count = random.random_range(1..=80);
                Operation::Record((0..count).map(|_| self.next_record()).collect())
            }
        }
    }

    /// Record with a random time and version, often older than those of the stored session.
    fn next_record(&mut self) -> Record {
        let random = &mut self.random;
        let enrolment = Enrolment::new(
            *self.learners.choose(random).unwrap(),
            *self.courses.choose(random).unwrap(),
        );
        let session = *self.sessions.choose(random).unwrap();
        let stats = stats(number(random).abs(), number(random), number(random).abs());
        let mut record = Record::new(enrolment, session, stats, Some(instant(random)));
        match random.random_range(0..8) {
            0 => record.version = None,
            1..4 => record.version = Some(instant(random).millis),
            _ => {}
        }
        // The store's clock decides the time of a new session, which no model has.
        if random.random_bool(0.2) && self.model.has(&record) {
            record.occurred_at = None;
        }
        if random.random_bool(0.1) {
            record.source = Source::Import;
        }
        record
    }
}

/// Time of few, most of a day apart, before and after 1970, or after every erasure, with a local day of
/// some offset.
fn instant(random: &mut StdRng) -> OccurredAt {
    let epoch = if random.random_bool(0.7) { 0 } else { LATER };
    let at = OccurredAt::from_utc_millis(epoch + random.random_range(-6..6) * 30_000_000);
    OccurredAt {
        local_day: at.local_day + random.random_range(-1..=1),
        ..at
    }
}

/// Accepted number of any kind: whole, short, long, tiny, huge.
fn number(random: &mut StdRng) -> f64 {
    let sign = if random.random_bool(0.5) { 1.0 } else { -1.0 };
    sign * match random.random_range(0..10) {
        0 => 0.0,
        1 => f64::from(random.random_range(0..1_000_u32)),
        2 => f64::from(random.random_range(0..100_000_u32)) / 100.0,
        3 => random.random::<f64>(),
        4 => random.random::<f64>() * MAX_MAGNITUDE,
        5 => random.random::<f64>() * 1e-15,
        8 => 2.0 / f64::from(random.random_range(3..1_000_u32)),
        6 => f64::from_bits(random.random_range(0..1e-20_f64.to_bits())),
        _ => MAX_MAGNITUDE - f64::from(random.random_range(0..3_u32)),
    }
}
