//! Corruptions: an action at a location, and the differences that verify must report, the same on every store.

use study_stats::domain::{Enrolment, OccurredAt, Outcome, Record, SessionId};
use study_stats::store::StatsStore;

use crate::support::id;
use crate::support::stores::history::stats;

/// Location of a stored value or of an entry of an index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Place {
    Totals,
    Summary,
    /// Entry of a session, by number, in the session index; the session 3 does not exist.
    Session(usize),
    SessionIndex,
    /// Entry of the course in the course index.
    Course,
    CourseIndex,
    /// Entry of the learner in the roster.
    Learner,
    Roster,
    Erasure,
    /// Value of the session 0.
    SessionValue,
    /// Member of the session index, of the course index and of the roster that is no id.
    NoSession,
    NoCourse,
    NoLearner,
}

/// Change of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Action {
    Remove,
    /// Replaces the text of an aggregate.
    Text(&'static str),
    /// Adds an entry, or gives an entry another score or time.
    Score(i64),
    /// Replaces an index, an aggregate or an erasure by a value of another type.
    OtherType,
}

/// Corruption with the differences: each a location, the expected and the found value.
#[derive(Debug, Clone)]
pub(crate) struct Corruption {
    pub(crate) place: Place,
    pub(crate) action: Action,
    pub(crate) differences: Vec<(Place, &'static str, &'static str)>,
    /// Whether the enrolment has sessions.
    pub(crate) is_enrolled: bool,
}

/// Enrolment of a new learner in a new course, with sessions at 1,000, 2,000 and 3,000 ms, and the id of a session
/// that does not exist.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) enrolment: Enrolment,
    pub(crate) sessions: [SessionId; 4],
}

/// Totals of a sample, and the summary of its course.
pub(crate) const TOTALS: &str = "3 7.5 -0.75 3000";
pub(crate) const SUMMARY: &str = "1 3 7.5 -0.75 3000";
/// Number of sessions of a sample.
pub(crate) const SESSIONS: u64 = 3;

const NOTHING: &str = "nothing";
const OTHER_TYPE: &str = "another type";
const AN_ENTRY: &str = "an entry";
const AN_INDEX: &str = "an index";

impl Sample {
    pub(crate) fn new() -> Self {
        Self {
            enrolment: Enrolment::new(id(), id()),
            sessions: [id(), id(), id(), id()],
        }
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = Record> + use<'_> {
        (1..)
            .zip(&self.sessions[..3])
            .map(|(second, session): (i64, _)| {
                let at = OccurredAt::from_utc_millis(second * 1_000);
                let stats = stats(2.5, -0.25, 1_000.0);
                Record::new(self.enrolment, *session, stats, Some(at))
            })
    }

    /// Records the sessions of new samples.
    pub(crate) async fn store(store: &dyn StatsStore, count: usize) -> Vec<Self> {
        let samples: Vec<_> = (0..count).map(|_| Self::new()).collect();
        let records: Vec<_> = samples.iter().flat_map(Self::records).collect();
        for records in records.chunks(1_000) {
            for outcome in store.record_many(records).await {
                assert_eq!(outcome.unwrap(), Outcome::Created);
            }
        }
        samples
    }
}

/// Corruptions that every store can have.
pub(crate) fn of_every_store() -> Vec<Corruption> {
    use Action::{Remove, Score, Text};
    use Place::{Course, Learner, Session, Summary, Totals};

    let mut all = Vec::new();
    for (text, found) in [
        ("3 9.5 -0.75 3000 4", "3 9.5 -0.75 3000"),
        ("2 7.5 -0.75 3000 4", "2 7.5 -0.75 3000"),
        (
            "3 7.5 -0.7500000000000000000001 3000 3",
            "3 7.5 -0.7500000000000000000001 3000",
        ),
        (
            "3 7.5 -0.75 99999999999999999999999999 3",
            "3 7.5 -0.75 99999999999999999999999999",
        ),
        // Unreadable: spellings that no store writes.
        ("nonsense", "nonsense"),
        ("3 7.5 -0.75 3e3 3", "3 7.5 -0.75 3e3 3"),
        ("3 07.5 -0.75 3000 3", "3 07.5 -0.75 3000 3"),
        ("3 7.5 -0.75 3000", "3 7.5 -0.75 3000"),
        ("3 7.5 -0.75 3000 3 3", "3 7.5 -0.75 3000 3 3"),
    ] {
        all.push(enrolled(Totals, Text(text), TOTALS, found));
    }
    for (text, found) in [
        ("1 3 7.5 -12.75 3000 3", "1 3 7.5 -12.75 3000"),
        ("3 3 7.5 -0.75 3000 3", "3 3 7.5 -0.75 3000"),
        ("0 3 7.5 -0.75 3000 3", "0 3 7.5 -0.75 3000"),
        ("1 many 7.5 -0.75 3000 3", "1 many 7.5 -0.75 3000 3"),
        ("", ""),
    ] {
        all.push(enrolled(Summary, Text(text), SUMMARY, found));
    }
    all.extend([
        enrolled(Totals, Remove, TOTALS, NOTHING),
        enrolled(Summary, Remove, SUMMARY, NOTHING),
        enrolled(Session(1), Remove, "2000", NOTHING),
        // The latest session too: the course index agrees with the sessions, not with the session index.
        enrolled(Session(2), Remove, "3000", NOTHING),
        enrolled(Session(0), Score(4_000), "1000", "4000"),
        enrolled(Session(3), Score(-7), NOTHING, "-7"),
        enrolled(Course, Remove, "3000", NOTHING),
        enrolled(Course, Score(2_000), "3000", "2000"),
        enrolled(Learner, Remove, AN_ENTRY, NOTHING),
        // Of an enrolment without sessions.
        absent(Totals, Text("1 0 0 5 1"), "1 0 0 5"),
        absent(Totals, Text("0 0 0 0 1"), "0 0 0 0 1"),
        absent(Summary, Text("1 0 0 0 0 1"), "1 0 0 0 0"),
        absent(Session(3), Score(7), "7"),
        absent(Course, Score(7), "7"),
        absent(Learner, Score(0), AN_ENTRY),
    ]);
    all
}

/// Corruptions of the types of Redis: keys of another type, members that are no ids, indexes as a whole.
pub(crate) fn of_redis() -> Vec<Corruption> {
    use Action::{OtherType, Remove, Score};
    use Place::{
        Course, CourseIndex, Erasure, Learner, NoCourse, NoLearner, NoSession, Roster, Session,
        SessionIndex, Summary, Totals,
    };

    let lost = [
        (Session(0), "1000", NOTHING),
        (Session(1), "2000", NOTHING),
        (Session(2), "3000", NOTHING),
    ];
    let mut whole_index = enrolled(SessionIndex, Remove, AN_INDEX, NOTHING);
    whole_index.differences = lost.to_vec();
    vec![
        enrolled(Totals, OtherType, TOTALS, OTHER_TYPE),
        enrolled(Summary, OtherType, SUMMARY, OTHER_TYPE),
        whole_index,
        enrolled(SessionIndex, OtherType, AN_INDEX, OTHER_TYPE),
        enrolled(CourseIndex, OtherType, AN_INDEX, OTHER_TYPE),
        enrolled(CourseIndex, Remove, AN_INDEX, NOTHING).of(Course, "3000"),
        enrolled(Roster, OtherType, AN_INDEX, OTHER_TYPE),
        enrolled(Roster, Remove, AN_INDEX, NOTHING).of(Learner, AN_ENTRY),
        enrolled(Learner, Score(5), AN_ENTRY, NOTHING),
        enrolled(NoSession, Score(8), NOTHING, "8"),
        enrolled(NoCourse, Score(8), NOTHING, "8"),
        enrolled(NoLearner, Score(0), NOTHING, "0"),
        absent(Erasure, OtherType, OTHER_TYPE).of(Erasure, "a time"),
        absent(Roster, OtherType, OTHER_TYPE).of(Roster, AN_INDEX),
    ]
}

fn enrolled(
    place: Place,
    action: Action,
    expected: &'static str,
    found: &'static str,
) -> Corruption {
    Corruption {
        place,
        action,
        differences: vec![(place, expected, found)],
        is_enrolled: true,
    }
}

fn absent(place: Place, action: Action, found: &'static str) -> Corruption {
    Corruption {
        is_enrolled: false,
        ..enrolled(place, action, NOTHING, found)
    }
}

impl Corruption {
    /// Same corruption, with the only difference at another place and with another expected value.
    fn of(mut self, place: Place, expected: &'static str) -> Self {
        for difference in &mut self.differences {
            (difference.0, difference.1) = (place, expected);
        }
        self
    }
}
