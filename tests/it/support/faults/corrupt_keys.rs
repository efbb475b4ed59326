//! Corruptions of keys in Redis, and the differences that verify must report.

use study_stats::domain::{CourseId, Enrolment, OccurredAt, Record, SessionId};
use study_stats::store::StatsStore;
use study_stats::store::maintenance::Difference;

use crate::support::id;
use crate::support::stores::history::{record, stats};
use crate::support::stores::redis_fixture::RedisFixture;
use crate::support::stores::redis_keys::RedisKeys;

/// Totals of the three sessions of [`enrol`].
pub(crate) const TOTALS: &str = "n=3 m=7.5 s=-0.75 t=3000";
/// Value found where a key has another type.
pub(crate) const OTHER_TYPE: &str = "another type";

/// New enrolment with three sessions, at 1,000, 2,000 and 3,000 ms.
pub(crate) async fn enrol(fixture: &RedisFixture) -> (Enrolment, [SessionId; 3]) {
    let enrolment = Enrolment::new(id(), id());
    (enrolment, record_sessions(fixture, enrolment).await)
}

async fn record_sessions(fixture: &RedisFixture, enrolment: Enrolment) -> [SessionId; 3] {
    let sessions = [id(), id(), id()];
    let records = (1..).zip(sessions).map(|(number, session)| {
        let at = OccurredAt::from_utc_millis(number * 1_000);
        Record::new(enrolment, session, stats(2.5, -0.25, 1_000.0), Some(at))
    });
    for outcome in fixture
        .store
        .record_many(&records.collect::<Vec<_>>())
        .await
    {
        outcome.unwrap();
    }
    sessions
}

/// Difference that is not repaired.
pub(crate) fn difference(key: impl Into<String>, expected: &str, found: &str) -> Difference {
    Difference {
        key: key.into(),
        expected: expected.into(),
        found: found.into(),
        repaired: false,
    }
}

fn aggregate_key(enrolment: Enrolment, is_summary: bool) -> String {
    if is_summary {
        enrolment.summary_key()
    } else {
        enrolment.totals_key()
    }
}

fn expected(is_summary: bool) -> String {
    if is_summary {
        format!("l=1 {TOTALS}")
    } else {
        TOTALS.into()
    }
}

/// Corrupts totals and summaries, each in a separate course.
pub(crate) async fn corrupt_aggregates(fixture: &RedisFixture) -> Vec<Difference> {
    let mut all = Vec::new();
    for (is_summary, field, value, found) in [
        (false, "m", "9", "n=3 m=9.5 s=-0.75 t=3000"),
        (false, "n", "2", "n=2 m=7.5 s=-0.75 t=3000"),
        // Invalid numbers: text, and a spelling that Lua accepts as a number.
        (
            false,
            "t",
            "many",
            "m=7 mf=500000000000000 sf=-750000000000000 t=many n=3",
        ),
        (
            false,
            "t",
            "3e3",
            "m=7 mf=500000000000000 sf=-750000000000000 t=3e3 n=3",
        ),
        // Larger than the integers that a script adds exactly.
        (
            false,
            "t",
            "9007199254740993",
            "m=7 mf=500000000000000 sf=-750000000000000 t=9007199254740993 n=3",
        ),
        // Another spelling, and a field of zero, which the store omits.
        (
            false,
            "t",
            "03000",
            "m=7 mf=500000000000000 sf=-750000000000000 t=03000 n=3",
        ),
        (
            false,
            "s",
            "0",
            "m=7 mf=500000000000000 s=0 sf=-750000000000000 t=3000 n=3",
        ),
        (false, "l", "1", "l=1 n=3 m=7.5 s=-0.75 t=3000"),
        (true, "s", "-12", "l=1 n=3 m=7.5 s=-12.75 t=3000"),
        (true, "l", "3", "l=3 n=3 m=7.5 s=-0.75 t=3000"),
        (
            true,
            "n",
            "many",
            "m=7 mf=500000000000000 sf=-750000000000000 t=3000 n=many l=1",
        ),
        (
            true,
            "mf",
            "-1",
            "m=7 mf=-1 sf=-750000000000000 t=3000 n=3 l=1",
        ),
    ] {
        let (enrolment, _) = enrol(fixture).await;
        let key = aggregate_key(enrolment, is_summary);
        fixture.command::<()>("HSET", &key, &[field, value]).await;
        let expected = expected(is_summary);
        all.push(difference(key, &expected, found));
    }
    for is_lost in [true, false] {
        for is_summary in [true, false] {
            let (enrolment, _) = enrol(fixture).await;
            let key = aggregate_key(enrolment, is_summary);
            fixture.command::<()>("DEL", &key, &[""; 0]).await;
            if !is_lost {
                fixture.command::<()>("SET", &key, &["x"]).await;
            }
            let expected = expected(is_summary);
            let found = if is_lost { "nothing" } else { OTHER_TYPE };
            all.push(difference(key, &expected, found));
        }
    }
    // Aggregates without sessions.
    let absent = Enrolment::new(id(), id());
    fixture
        .command::<()>("HSET", &absent.totals_key(), &["n", "1", "t", "5"])
        .await;
    all.push(difference(absent.totals_key(), "nothing", "n=1 t=5"));
    let absent = Enrolment::new(id(), id());
    fixture
        .command::<()>("HSET", &absent.summary_key(), &["l", "1"])
        .await;
    all.push(difference(absent.summary_key(), "nothing", "l=1"));
    all
}

/// Corrupts session indexes, each in a separate course.
pub(crate) async fn corrupt_timelines(fixture: &RedisFixture) -> Vec<Difference> {
    let mut all = Vec::new();
    let (enrolment, [_, second, _]) = enrol(fixture).await;
    fixture
        .command::<()>("ZREM", &enrolment.timeline_key(), &[second.as_bytes()])
        .await;
    all.push(difference(
        format!("{} {second}", enrolment.timeline_key()),
        "2000",
        "nothing",
    ));

    // The latest entry too: verify compares the course index with the sessions, not with the session
    // index.
    let (enrolment, [first, _, last]) = enrol(fixture).await;
    for (score, id) in [("4000", first), ("1.5", last)] {
        let entry = [score.as_bytes(), id.as_bytes()];
        fixture
            .command::<()>("ZADD", &enrolment.timeline_key(), &entry)
            .await;
    }
    all.push(difference(
        format!("{} {first}", enrolment.timeline_key()),
        "1000",
        "4000",
    ));
    all.push(difference(
        format!("{} {last}", enrolment.timeline_key()),
        "3000",
        "1.5",
    ));

    let (enrolment, _) = enrol(fixture).await;
    let absent: SessionId = id();
    for (score, member) in [("7", &absent.as_bytes()[..]), ("8", b"no id")] {
        let entry = [score.as_bytes(), member];
        fixture
            .command::<()>("ZADD", &enrolment.timeline_key(), &entry)
            .await;
    }
    all.push(difference(
        format!("{} {absent}", enrolment.timeline_key()),
        "nothing",
        "7",
    ));
    all.push(difference(
        format!("{} \"no id\"", enrolment.timeline_key()),
        "nothing",
        "8",
    ));

    // Session index without sessions.
    let absent_course = Enrolment::new(id(), id());
    let entry = [b"7", &absent.as_bytes()[..]];
    fixture
        .command::<()>("ZADD", &absent_course.timeline_key(), &entry)
        .await;
    all.push(difference(
        format!("{} {absent}", absent_course.timeline_key()),
        "nothing",
        "7",
    ));

    let (enrolment, sessions) = enrol(fixture).await;
    fixture
        .command::<()>("DEL", &enrolment.timeline_key(), &[""; 0])
        .await;
    for (id, millis) in sessions.iter().zip(["1000", "2000", "3000"]) {
        all.push(difference(
            format!("{} {id}", enrolment.timeline_key()),
            millis,
            "nothing",
        ));
    }

    let (enrolment, _) = enrol(fixture).await;
    fixture
        .command::<()>("SET", &enrolment.timeline_key(), &["x"])
        .await;
    all.push(difference(
        enrolment.timeline_key(),
        "a sorted set",
        OTHER_TYPE,
    ));
    all
}

/// Corrupts course indexes, each of a separate learner.
pub(crate) async fn corrupt_course_indexes(fixture: &RedisFixture) -> Vec<Difference> {
    let mut all = Vec::new();
    let (enrolment, _) = enrol(fixture).await;
    let entry = format!("{} {}", enrolment.courses_key(), enrolment.course);
    fixture
        .command::<()>(
            "ZREM",
            &enrolment.courses_key(),
            &[enrolment.course.as_bytes()],
        )
        .await;
    all.push(difference(entry, "3000", "nothing"));

    let (enrolment, _) = enrol(fixture).await;
    let entry = format!("{} {}", enrolment.courses_key(), enrolment.course);
    let wrong = [b"9000", &enrolment.course.as_bytes()[..]];
    fixture
        .command::<()>("ZADD", &enrolment.courses_key(), &wrong)
        .await;
    all.push(difference(entry, "3000", "9000"));

    let (enrolment, _) = enrol(fixture).await;
    let absent_course: CourseId = id();
    for (score, member) in [("7", &absent_course.as_bytes()[..]), ("8", b"no id")] {
        let entry = [score.as_bytes(), member];
        fixture
            .command::<()>("ZADD", &enrolment.courses_key(), &entry)
            .await;
    }
    all.push(difference(
        format!("{} {absent_course}", enrolment.courses_key()),
        "nothing",
        "7",
    ));
    all.push(difference(
        format!("{} \"no id\"", enrolment.courses_key()),
        "nothing",
        "8",
    ));

    // Learner with several courses.
    let (enrolment, _) = enrol(fixture).await;
    for _ in 0..4 {
        let other = Enrolment::new(enrolment.learner, id());
        record_sessions(fixture, other).await;
    }
    fixture
        .command::<()>("SET", &enrolment.courses_key(), &["x"])
        .await;
    all.push(difference(
        enrolment.courses_key(),
        "a sorted set",
        OTHER_TYPE,
    ));
    all
}
