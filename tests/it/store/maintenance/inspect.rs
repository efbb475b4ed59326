//! Inspect: entries of a learner, an enrolment or a session, the same on every store but for the names.

use study_stats::domain::{Enrolment, OccurredAt, Record};
use study_stats::store::StatsStore;
use study_stats::store::maintenance::{InspectScope, Maintenance};
use study_stats::store::redis::Bounds;

use crate::support::faults::corruptions::{Place, SUMMARY, Sample, TOTALS};
use crate::support::faults::{corrupt_keys, corrupt_rows};
use crate::support::id;
use crate::support::stores::fixture::open_embedded;
use crate::support::stores::history::{record, stats};
use crate::support::stores::maintenance;
use crate::support::stores::redis_fixture::{RedisFixture, TINY};
use crate::support::stores::redis_keys::RedisKeys;

/// Names of the stored values of a store.
struct Names {
    entry: fn(&Sample, Place) -> String,
    session: fn(&Sample, usize) -> String,
    erasure: fn(&Sample) -> String,
}

const ROWS: Names = Names {
    entry: corrupt_rows::name,
    session: |sample, number| {
        let Enrolment { learner, course } = sample.enrolment;
        format!("sessions[{learner}, {course}, {}]", sample.sessions[number])
    },
    erasure: |sample| format!("erasures[{}]", sample.enrolment.learner),
};

const KEYS: Names = Names {
    entry: corrupt_keys::name,
    session: |sample, number| sample.enrolment.session_key(sample.sessions[number]),
    erasure: |sample| sample.enrolment.erased_key(),
};

async fn inspect_shows_every_entry_of_a_scope<S>(store: &S, names: &Names)
where
    S: StatsStore + Maintenance,
{
    let sample = Sample::store(store, 1).await[0];
    let enrolment = sample.enrolment;
    // A session later than the others, in another course, with a version of its own.
    let (millis, local_day) = (4_000, -1);
    let other = Record {
        version: Some(5_000),
        ..record(enrolment.learner, id(), stats(1.0, 0.0, 0.0)).at(OccurredAt { millis, local_day })
    };
    store.record(&other).await.unwrap();
    let other = Sample {
        enrolment: other.enrolment,
        sessions: [other.session; 4],
    };

    let instant = |second: usize| format!("{second}000 (1970-01-01T00:00:0{second}Z)");
    let entry = |sample: &Sample, place, value: String| ((names.entry)(sample, place), value);
    let scope = |course, session| InspectScope {
        learner: enrolment.learner,
        course,
        session,
    };
    let inspect = async |scope| maintenance::inspect(store, scope).await;
    let of_learner = [
        entry(&other, Place::Course, instant(4)),
        entry(&other, Place::Totals, "1 1 0 0 1".into()),
        entry(&sample, Place::Course, instant(3)),
        entry(&sample, Place::Totals, format!("{TOTALS} 3")),
    ];
    assert_eq!(inspect(scope(None, None)).await, of_learner);

    let session = |number: usize| {
        let instant = instant(number + 1);
        let text = format!("m=2.5 s=-0.25 t=1000 o={instant} d=0 (1970-01-01) v={instant}");
        let entry = entry(&sample, Place::Session(number), instant);
        [entry, ((names.session)(&sample, number), text)]
    };
    let mut of_course = vec![
        entry(&sample, Place::Totals, format!("{TOTALS} 3")),
        entry(&sample, Place::Course, instant(3)),
        entry(&sample, Place::Learner, "an entry".into()),
        entry(&sample, Place::Summary, format!("{SUMMARY} 3")),
    ];
    let course = Some(enrolment.course);
    let mut found = inspect(scope(course, None)).await;
    assert_eq!(found[..4], of_course);
    // The order of the sessions is that of the store's pages.
    of_course.extend((0..3).flat_map(session));
    found.sort();
    of_course.sort();
    assert_eq!(found, of_course);

    let of_session = inspect(scope(course, Some(sample.sessions[1]))).await;
    assert_eq!(of_session, session(1));
    let of_other = inspect(scope(Some(other.enrolment.course), Some(other.sessions[0]))).await;
    let text = format!(
        "m=1 s=0 t=0 o={} d=-1 (1969-12-31) v={}",
        instant(4),
        instant(5)
    );
    assert_eq!(of_other[1], ((names.session)(&other, 0), text));

    let nobody = InspectScope {
        learner: id(),
        course: None,
        session: None,
    };
    assert_eq!(inspect(nobody).await, []);
    store.erase(enrolment.learner).await.unwrap();
    let found = inspect(scope(None, None)).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, (names.erasure)(&sample));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inspect_shows_every_row_of_a_scope() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_embedded(directory.path());
    inspect_shows_every_entry_of_a_scope(&store, &ROWS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inspect_shows_every_key_of_a_scope() {
    for bounds in [Bounds::default(), Bounds { page: 2, ..TINY }] {
        let fixture = RedisFixture::redis(bounds).await;
        inspect_shows_every_entry_of_a_scope(&*fixture.store, &KEYS).await;
    }
}
