//! Recounts a whole store: totals, summaries and indexes against the sessions.

pub(crate) mod embedded;
pub(crate) mod redis;

use std::collections::{BTreeMap, BTreeSet};

use study_stats::domain::{Measures, Stats, Summary, Totals};
use uuid::Uuid;

/// Contents of a store but for tombstones. Ids are numbers, which sort in the order of their bytes.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Contents {
    /// Stats and time of occurrence, by learner, course and id.
    pub(crate) sessions: BTreeMap<(u128, u128, u128), (Stats, i64)>,
    /// By learner and course.
    pub(crate) totals: BTreeMap<(u128, u128), Totals>,
    /// Learner, course, time of occurrence, session.
    pub(crate) timelines: BTreeSet<(u128, u128, i64, u128)>,
    /// Learner, latest time of occurrence, course.
    pub(crate) courses: BTreeSet<(u128, i64, u128)>,
    /// By course and bucket.
    pub(crate) summaries: BTreeMap<(u128, u16), Summary>,
    /// Course, learner.
    pub(crate) rosters: BTreeSet<(u128, u128)>,
}

impl Contents {
    /// Asserts that all aggregates and indexes equal a recount of the sessions, to the last digit.
    /// Returns the number of sessions.
    pub(crate) fn audit(self) -> usize {
        let count = self.sessions.len();
        let recount = Self::of(&self.sessions);
        assert_eq!(self.totals, recount.totals);
        assert_eq!(self.timelines, recount.timelines);
        assert_eq!(self.courses, recount.courses);
        assert_eq!(self.summaries, recount.summaries);
        assert_eq!(self.rosters, recount.rosters);
        count
    }

    /// Aggregates and indexes of the given sessions.
    fn of(sessions: &BTreeMap<(u128, u128, u128), (Stats, i64)>) -> Self {
        let mut contents = Self::default();
        let mut latest = BTreeMap::new();
        let mut learners: BTreeMap<_, BTreeSet<u128>> = BTreeMap::new();
        for (&(learner, course, session), &(stats, millis)) in sessions {
            let key = (course, bucket(learner));
            let summary = contents.summaries.entry(key).or_default();
            let totals = contents.totals.entry((learner, course)).or_default();
            for totals in [totals, &mut summary.totals] {
                // In this order of the sessions, a sum may exceed the limit in between.
                *totals = totals.with(&stats);
            }
            let learners = learners.entry(key).or_default();
            learners.insert(learner);
            contents.rosters.insert((course, learner));
            summary.learners = learners.len() as u64;
            contents
                .timelines
                .insert((learner, course, millis, session));
            let latest = latest.entry((learner, course)).or_insert(millis);
            *latest = millis.max(*latest);
        }
        let latest = latest.into_iter();
        contents.courses = latest.map(|((l, c), millis)| (l, millis, c)).collect();
        contents
    }
}

/// Bucket of a learner, as in docs/DATA-MODEL.md.
pub(crate) fn bucket(learner: u128) -> u16 {
    let hash = crc32fast::hash(Uuid::from_u128(learner).as_bytes());
    u16::try_from(hash % 1_024).unwrap()
}

/// Reads the text of totals, and asserts the canonical spelling.
pub(crate) fn totals(text: &str) -> Totals {
    summary(&format!("1 {text}")).totals
}

/// Reads the text of a summary, and asserts the canonical spelling. `learners` is in front of the totals.
pub(crate) fn summary(text: &str) -> Summary {
    let parts: Vec<_> = text.split(' ').collect();
    let [learners, sessions, modules, score, time, revision] = parts[..] else {
        panic!("{text}")
    };
    let count = |text: &str| {
        let number: u64 = text.parse().unwrap();
        assert_eq!(number.to_string(), text);
        number
    };
    assert!(count(revision) > 0, "{text}");
    Summary {
        learners: count(learners),
        totals: Totals {
            sessions: count(sessions),
            sums: Measures::from([modules, score, time]).map(|sum| sum.parse().unwrap()),
        },
    }
}
