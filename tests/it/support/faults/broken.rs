//! An embedded store that a test breaks, one thing with each learner.

use std::collections::BTreeMap;
use std::path::Path;

use study_stats::domain::{CourseId, Enrolment, LearnerId, OccurredAt, Outcome, Record, SessionId};
use study_stats::store::StatsStore;
use study_stats::store::embedded::EmbeddedStore;
use tempfile::TempDir;

use crate::support::faults::tables::Tables;
use crate::support::stores::history::stats;
use crate::support::{PATIENCE, id};

/// When the sessions of each learner occurred, in ms.
pub(crate) const TIMES: [i64; 3] = [1_000, 2_000, 3_000];

/// A learner in a course of their own, with a session at each of the [`TIMES`].
#[derive(Clone, Copy)]
pub(crate) struct Student {
    pub(crate) learner: LearnerId,
    pub(crate) course: CourseId,
    pub(crate) sessions: [SessionId; 3],
}

impl Student {
    fn new() -> Self {
        Self {
            learner: id(),
            course: id(),
            sessions: [id(), id(), id()],
        }
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = Record> + use<'_> {
        self.sessions.iter().zip(TIMES).map(|(session, at)| Record {
            enrolment: Enrolment::new(self.learner, self.course),
            session: *session,
            stats: stats(1.5, -2.25, 1e12),
            occurred_at: Some(OccurredAt::from_utc_millis(at)),
        })
    }

    fn key(&self) -> (u128, u128) {
        (self.learner.as_u128(), self.course.as_u128())
    }
}

/// The store of a data directory, which nobody else has open.
pub(crate) fn open(directory: &Path) -> EmbeddedStore {
    EmbeddedStore::open(directory, PATIENCE).unwrap()
}

/// A data directory with so many students in it, whose store is closed.
pub(crate) async fn directory_of(count: usize) -> (TempDir, Vec<Student>) {
    let directory = tempfile::tempdir().unwrap();
    let students: Vec<_> = (0..count).map(|_| Student::new()).collect();
    let records: Vec<_> = students.iter().flat_map(Student::records).collect();
    let store = open(directory.path());
    for outcome in store.record_many(&records).await {
        assert_eq!(outcome.unwrap(), Outcome::Created);
    }
    (directory, students)
}

/// Breaks one thing each with as many students, and gives the keys of what is wrong then, with what
/// should be there and what is.
pub(crate) fn plant(
    tables: &mut Tables<'_>,
    students: &[Student],
) -> BTreeMap<String, [String; 2]> {
    let mut planted = BTreeMap::new();
    let mut wrong = |key: String, expected: &str, found: &str| {
        planted.insert(key, [expected.to_owned(), found.to_owned()]);
    };
    let [none, entry] = ["nothing", "an entry"];
    let three = "sessions 3, modules 4.5, score -6.75, time 3000000000000";
    let mut students = students.iter();
    let mut next = || {
        let student = students.next().unwrap();
        (*student, student.learner, student.course, student.key())
    };

    // A wrong total, a missing one, one of no sessions, one of zeros.
    let (_, learner, course, key) = next();
    tables.totals.insert(key, (4, 1, -1, 7)).unwrap();
    wrong(
        format!("totals[{learner}, {course}]"),
        three,
        "sessions 4, modules 0.000000000000001, score -0.000000000000001, time 0.000000000000007",
    );
    let (_, learner, course, key) = next();
    tables.totals.remove(key).unwrap();
    wrong(format!("totals[{learner}, {course}]"), three, none);
    for row in [(1, 0, 0, 0), (0, 0, 0, 0)] {
        let (learner, course) = (id::<LearnerId>(), id::<CourseId>());
        let key = (learner.as_u128(), course.as_u128());
        tables.totals.insert(key, row).unwrap();
        let found = format!("sessions {}, modules 0, score 0, time 0", row.0);
        wrong(format!("totals[{learner}, {course}]"), none, &found);
    }

    // The latest entry of a timeline is missing, one is of no session, one is at another time.
    let (student, learner, course, key) = next();
    let session = student.sessions[2];
    tables
        .timeline
        .remove((key.0, key.1, TIMES[2], session.as_u128()))
        .unwrap();
    wrong(
        format!("timeline[{learner}, {course}, {}, {session}]", TIMES[2]),
        entry,
        none,
    );
    let (student, learner, course, key) = next();
    for (at, session) in [(5_000, id()), (-7, student.sessions[0])] {
        tables
            .timeline
            .insert((key.0, key.1, at, session.as_u128()), ())
            .unwrap();
        wrong(
            format!("timeline[{learner}, {course}, {at}, {session}]"),
            none,
            entry,
        );
    }

    // A course is not listed, is listed twice, is listed for nobody.
    let (_, learner, course, key) = next();
    tables.courses.remove((key.0, TIMES[2], key.1)).unwrap();
    wrong(
        format!("courses[{learner}, {}, {course}]", TIMES[2]),
        entry,
        none,
    );
    let (_, learner, course, key) = next();
    let other = id::<LearnerId>();
    for (learner, at) in [(learner, TIMES[1]), (other, TIMES[0])] {
        tables
            .courses
            .insert((learner.as_u128(), at, key.1), ())
            .unwrap();
        wrong(format!("courses[{learner}, {at}, {course}]"), none, entry);
    }

    // Summaries: a wrong sum, a wrong number of learners, none, one of nobody, one of zeros.
    let one_learner = format!("learners 1, {three}");
    for (learners, more) in [(1, 1), (2, 0), (0, 0)] {
        let (_, _, course, key) = next();
        let (bucket, (_, row)) = tables.only_summary(course);
        let row = (row.0, row.1 + more, row.2, row.3);
        let place = (key.1, bucket);
        tables.summary.insert(place, (learners, row)).unwrap();
        let modules = if more == 1 {
            "4.500000000000001"
        } else {
            "4.5"
        };
        let found = format!("learners {learners}, {}", three.replace("4.5", modules));
        wrong(format!("summary[{course}, {bucket}]"), &one_learner, &found);
    }
    let (_, _, course, key) = next();
    let (bucket, _) = tables.only_summary(course);
    tables.summary.remove((key.1, bucket)).unwrap();
    wrong(format!("summary[{course}, {bucket}]"), &one_learner, none);
    for row in [(1, (1, 0, 0, 0)), (0, (0, 0, 0, 0))] {
        let course = id::<CourseId>();
        tables.summary.insert((course.as_u128(), 7), row).unwrap();
        let n = row.0;
        let found = format!("learners {n}, sessions {n}, modules 0, score 0, time 0");
        wrong(format!("summary[{course}, 7]"), none, &found);
    }
    planted
}

/// Students that [`plant`] breaks something with.
pub(crate) const BROKEN: usize = 10;
