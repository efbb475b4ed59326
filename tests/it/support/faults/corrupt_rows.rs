//! Corruptions of rows of the embedded store.

use crate::support::audit::bucket;
use crate::support::faults::corruptions::{Action, Place, Sample};
use crate::support::stores::tables::Tables;

/// Times of the sessions of a sample, in ms.
const TIMES: [i64; 3] = [1_000, 2_000, 3_000];

/// Corrupts a row.
pub(crate) fn corrupt(tables: &mut Tables<'_>, sample: &Sample, place: Place, action: Action) {
    let (learner, course) = (
        sample.enrolment.learner.as_u128(),
        sample.enrolment.course.as_u128(),
    );
    let (key, summary) = ((learner, course), (course, bucket(learner)));
    let roster = (course, bucket(learner), learner);
    match (place, action) {
        (Place::Totals, Action::Text(text)) => drop(tables.totals.insert(key, text).unwrap()),
        (Place::Totals, Action::Remove) => drop(tables.totals.remove(key).unwrap()),
        (Place::Summary, Action::Text(text)) => drop(tables.summary.insert(summary, text).unwrap()),
        (Place::Summary, Action::Remove) => drop(tables.summary.remove(summary).unwrap()),
        (Place::Session(number), action) => {
            let session = sample.sessions[number].as_u128();
            if let Some(time) = TIMES.get(number) {
                let entry = (learner, course, *time, session);
                tables.timeline.remove(entry).unwrap();
            }
            if let Action::Score(time) = action {
                let entry = (learner, course, time, session);
                tables.timeline.insert(entry, ()).unwrap();
            }
        }
        (Place::Course, action) => {
            tables.courses.remove((learner, TIMES[2], course)).unwrap();
            if let Action::Score(time) = action {
                tables.courses.insert((learner, time, course), ()).unwrap();
            }
        }
        (Place::Learner, Action::Remove) => drop(tables.roster.remove(roster).unwrap()),
        (Place::Learner, Action::Score(_)) => drop(tables.roster.insert(roster, ()).unwrap()),
        corruption => panic!("{corruption:?} is of Redis"),
    }
}

/// Name of a row in the reports of verify.
pub(crate) fn name(sample: &Sample, place: Place) -> String {
    let (learner, course) = (sample.enrolment.learner, sample.enrolment.course);
    let bucket = bucket(learner.as_u128());
    match place {
        Place::Totals => format!("totals[{learner}, {course}]"),
        Place::Summary => format!("summary[{course}, {bucket}]"),
        Place::Session(number) => {
            format!("timeline[{learner}, {course}, {}]", sample.sessions[number])
        }
        Place::Course => format!("courses[{learner}, {course}]"),
        Place::Learner => format!("roster[{course}, {bucket}, {learner}]"),
        place => panic!("{place:?} is of Redis"),
    }
}
