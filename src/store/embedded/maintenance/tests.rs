//! Results of a check do not depend on the size of the chunks.

use rand::Rng;
use redb::{Database, ReadTransaction, ReadableDatabase};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::chunks::{check_course_index, check_enrolments};
use super::enrolment::CheckEvent;
use super::summary::{SummaryRange, check_summaries};
use crate::domain::{Decimal, Enrolment, Measures, OccurredAt, Record, Stats, Summary, Totals};
use crate::store::embedded::file::open_database;
use crate::store::embedded::schema::{CourseKey, SummaryKey, TimelineKey, id};
use crate::store::embedded::transaction::Tables;

const SESSIONS: u64 = 300;

/// Returns a database with wrong and missing rows, and with rows without sessions.
fn broken(directory: &std::path::Path) -> Database {
    let database = open_database(&directory.join("test.redb")).unwrap();
    let random = &mut rand::rng();
    let write = database.begin_write().unwrap();
    let mut tables = Tables::open(&write).unwrap();
    for _ in 0..SESSIONS {
        let record = Record {
            enrolment: Enrolment::new(
                Uuid::from_u128(random.random_range(0..40)).into(),
                Uuid::from_u128(random.random_range(0..8)).into(),
            ),
            session: Uuid::from_u128(random.random()).into(),
            stats: Stats::default(),
            occurred_at: None,
        };
        let now = OccurredAt::from_utc_millis(random.random_range(0..9));
        tables.record(&record, now).unwrap();
    }
    let number = &mut 0_u32;
    let mut is_kept = || {
        *number += 1;
        !number.is_multiple_of(3)
    };
    tables.totals.retain(|_, _| is_kept()).unwrap();
    tables.timeline.retain(|_, ()| is_kept()).unwrap();
    tables.courses.retain(|_, ()| is_kept()).unwrap();
    tables.summary.retain(|_, _| is_kept()).unwrap();
    for number in 0..12 {
        insert_orphans(&mut tables, number, random.random_range(0..1_024));
    }
    drop(tables);
    write.commit().unwrap();
    database
}

/// Inserts rows without sessions, in all tables but the sessions.
fn insert_orphans(tables: &mut Tables<'_>, number: u128, bucket: u16) {
    let totals = Totals {
        sessions: 3,
        sums: Measures::from([1, -1, i128::MIN]).map(Decimal::from_scaled),
    };
    let summary = Summary {
        learners: 3,
        totals,
    };
    let key = SummaryKey {
        course: id(number),
        bucket,
    };
    tables.summary.insert(key, summary).unwrap();
    let enrolment = |course| Enrolment::new(id(4 * number), id(course));
    tables.totals.insert(enrolment(1), totals).unwrap();
    let entry = TimelineKey {
        enrolment: enrolment(2),
        millis: 5,
        session: id(number),
    };
    tables.timeline.insert(entry, ()).unwrap();
    let entry = CourseKey::of(enrolment(number), 5);
    tables.courses.insert(entry, ()).unwrap();
}

#[test]
fn differences_do_not_depend_on_the_size_of_a_chunk() {
    let directory = tempfile::tempdir().unwrap();
    let database = broken(directory.path());
    let snapshot = database.begin_read().unwrap();
    let expected = differences(&snapshot, u64::MAX);
    assert!(
        expected.0 == SESSIONS && expected.1.len() > 200,
        "{expected:?}"
    );
    for size in [1, 2, 7, 50] {
        assert_eq!(differences(&snapshot, size), expected, "{size} in a chunk");
    }
}

/// Returns the number of sessions and all differences of enrolments, found in chunks of a size.
fn differences(snapshot: &ReadTransaction, size: u64) -> (u64, Vec<String>) {
    let (sender, mut events) = mpsc::channel(10_000);
    let mut last = None;
    loop {
        last = check_enrolments(snapshot, last, size, &sender).unwrap();
        if last.is_none() {
            break;
        }
    }
    let mut last = None;
    loop {
        last = check_course_index(snapshot, last, size, &sender).unwrap();
        if last.is_none() {
            break;
        }
    }
    drop(sender);
    let (mut sessions, mut differences) = (0, Vec::new());
    while let Some(event) = events.blocking_recv() {
        match event {
            CheckEvent::Sessions(count) => sessions += count,
            CheckEvent::Difference(difference) => differences.push(format!("{difference:?}")),
        }
    }
    (sessions, differences)
}

#[test]
fn differences_of_summaries_do_not_depend_on_the_number_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let database = broken(directory.path());
    let snapshot = database.begin_read().unwrap();
    let all = |max| {
        let (mut all, mut ranges, mut rest) = (Vec::new(), 0, SummaryRange::default());
        loop {
            let checked = check_summaries(&snapshot, rest, max, || Ok(())).unwrap();
            assert!(checked.differences.len() <= 2 * max);
            all.extend(checked.differences);
            (ranges, rest.from) = (ranges + 1, checked.range.until);
            if rest.from.is_none() {
                break;
            }
        }
        all.sort_unstable_by_key(|difference| difference.key);
        (all, ranges)
    };
    let (expected, ranges) = all(100_000);
    assert!(
        ranges == 1 && expected.len() > 50,
        "{} in {ranges}",
        expected.len()
    );
    for max in [1, 2, 7, 50] {
        let (found, ranges) = all(max);
        assert_eq!(found, expected, "{max} at a time");
        assert!(ranges > expected.len() / max / 2, "{ranges} of {max}");
    }
}
