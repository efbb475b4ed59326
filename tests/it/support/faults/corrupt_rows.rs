//! Corruptions of rows of the embedded store, and the differences that verify must report.

use std::collections::BTreeMap;

use study_stats::domain::{CourseId, LearnerId};

use crate::support::id;
use crate::support::stores::embedded_samples::{SampleEnrolment, TIMES};
use crate::support::stores::tables::Tables;

/// Number of enrolments that [`corrupt`] needs.
pub(crate) const CORRUPTED: usize = 10;

/// Corrupts rows of different enrolments. Returns the expected and the found value of each difference,
/// by key.
pub(crate) fn corrupt(
    tables: &mut Tables<'_>,
    samples: &[SampleEnrolment],
) -> BTreeMap<String, [String; 2]> {
    let mut differences = BTreeMap::new();
    let mut difference = |key: String, expected: &str, found: &str| {
        differences.insert(key, [expected.to_owned(), found.to_owned()]);
    };
    let [none, entry] = ["nothing", "an entry"];
    let three = "sessions 3, modules 4.5, score -6.75, time 3000000000000";
    let mut samples = samples.iter();
    let mut next = || {
        let sample = samples.next().unwrap();
        let (learner, course) = (sample.enrolment.learner, sample.enrolment.course);
        let key = (learner.as_u128(), course.as_u128());
        (sample, learner, course, key)
    };

    // Totals: wrong sums, missing, without sessions, of zeros.
    let (_, learner, course, key) = next();
    tables.totals.insert(key, (4, 1, -1, 7)).unwrap();
    difference(
        format!("totals[{learner}, {course}]"),
        three,
        "sessions 4, modules 0.000000000000001, score -0.000000000000001, time 0.000000000000007",
    );
    let (_, learner, course, key) = next();
    tables.totals.remove(key).unwrap();
    difference(format!("totals[{learner}, {course}]"), three, none);
    for row in [(1, 0, 0, 0), (0, 0, 0, 0)] {
        let (learner, course) = (id::<LearnerId>(), id::<CourseId>());
        let key = (learner.as_u128(), course.as_u128());
        tables.totals.insert(key, row).unwrap();
        let found = format!("sessions {}, modules 0, score 0, time 0", row.0);
        difference(format!("totals[{learner}, {course}]"), none, &found);
    }

    // Session index: latest entry missing, an entry without a session, an entry at another time.
    let (sample, learner, course, key) = next();
    let session = sample.sessions[2];
    tables
        .timeline
        .remove((key.0, key.1, TIMES[2], session.as_u128()))
        .unwrap();
    difference(
        format!("timeline[{learner}, {course}, {}, {session}]", TIMES[2]),
        entry,
        none,
    );
    let (sample, learner, course, key) = next();
    for (at, session) in [(5_000, id()), (-7, sample.sessions[0])] {
        tables
            .timeline
            .insert((key.0, key.1, at, session.as_u128()), ())
            .unwrap();
        difference(
            format!("timeline[{learner}, {course}, {at}, {session}]"),
            none,
            entry,
        );
    }

    // Course index: an entry missing, a second entry, an entry of an absent learner.
    let (_, learner, course, key) = next();
    tables.courses.remove((key.0, TIMES[2], key.1)).unwrap();
    difference(
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
        difference(format!("courses[{learner}, {at}, {course}]"), none, entry);
    }

    // Summaries: wrong sum, wrong numbers of learners, missing, without sessions, of zeros.
    let one_learner = format!("learners 1, {three}");
    for (learners, more) in [(1, 1), (2, 0), (0, 0)] {
        let (_, _, course, key) = next();
        let (bucket, (_, row)) = tables.only_summary(course);
        let row = (row.0, row.1 + more, row.2, row.3);
        let summary_key = (key.1, bucket);
        tables.summary.insert(summary_key, (learners, row)).unwrap();
        let modules = if more == 1 {
            "4.500000000000001"
        } else {
            "4.5"
        };
        let found = format!("learners {learners}, {}", three.replace("4.5", modules));
        difference(format!("summary[{course}, {bucket}]"), &one_learner, &found);
    }
    let (_, _, course, key) = next();
    let (bucket, _) = tables.only_summary(course);
    tables.summary.remove((key.1, bucket)).unwrap();
    difference(format!("summary[{course}, {bucket}]"), &one_learner, none);
    for row in [(1, (1, 0, 0, 0)), (0, (0, 0, 0, 0))] {
        let course = id::<CourseId>();
        tables.summary.insert((course.as_u128(), 7), row).unwrap();
        let n = row.0;
        let found = format!("learners {n}, sessions {n}, modules 0, score 0, time 0");
        difference(format!("summary[{course}, 7]"), none, &found);
    }
    differences
}
