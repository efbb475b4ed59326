//! What is found does not depend on how much is looked at in one go.

use std::ops::Bound;

use rand::Rng;
use redb::{Database, ReadTransaction, ReadableDatabase};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::courses::{Found, hold_courses, hold_lists};
use super::summary::{Part, Wrong, measure};
use crate::domain::{Enrolment, OccurredAt, Record, Stats};
use crate::store::embedded::file::open_database;
use crate::store::embedded::schema::{SummaryKey, TotalsKey};
use crate::store::embedded::transaction::Tables;

const SESSIONS: u64 = 300;

/// A database of which some rows are wrong, some missing, and some of nobody.
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
        let key = (number, random.random_range(0..1_024));
        let row = (3, 1, -1, i128::MIN);
        tables.summary.insert(key, (3, row)).unwrap();
        tables.totals.insert((4 * number, 1), row).unwrap();
        tables
            .timeline
            .insert((4 * number, 2, 5, number), ())
            .unwrap();
        tables.courses.insert((4 * number, 5, number), ()).unwrap();
    }
    drop(tables);
    write.commit().unwrap();
    database
}

#[test]
fn faults_do_not_depend_on_how_far_a_stretch_goes() {
    let directory = tempfile::tempdir().unwrap();
    let database = broken(directory.path());
    let snapshot = database.begin_read().unwrap();
    let expected = faults(&snapshot, u64::MAX);
    assert!(
        expected.0 == SESSIONS && expected.1.len() > 200,
        "{expected:?}"
    );
    for most in [1, 2, 7, 50] {
        assert_eq!(faults(&snapshot, most), expected, "{most} in a stretch");
    }
}

/// How many sessions there are, and all that is wrong with courses, found in stretches.
fn faults(snapshot: &ReadTransaction, most: u64) -> (u64, Vec<String>) {
    let (found, mut finding) = mpsc::channel(10_000);
    let mut next = Some(TotalsKey::default());
    while let Some(from) = next {
        next = hold_courses(snapshot, from, most, &found).unwrap();
    }
    let mut next = Some(Bound::Unbounded);
    while let Some(from) = next {
        next = hold_lists(snapshot, from, most, &found).unwrap();
    }
    drop(found);
    let (mut sessions, mut faults) = (0, Vec::new());
    while let Some(found) = finding.blocking_recv() {
        match found {
            Found::Sessions(count) => sessions += count,
            Found::Fault(fault) => faults.push(format!("{fault:?}")),
        }
    }
    (sessions, faults)
}

#[test]
fn summaries_do_not_depend_on_how_many_are_counted_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let database = broken(directory.path());
    let snapshot = database.begin_read().unwrap();
    let all = |most| {
        let (mut all, mut parts, mut from) = (Vec::<Wrong>::new(), 0, Some(SummaryKey::default()));
        while let Some(first) = from {
            let part = Part {
                from: first,
                until: None,
            };
            let measured = measure(&snapshot, part, most, || Ok(())).unwrap();
            assert!(measured.wrong.len() <= 2 * most);
            all.extend(measured.wrong);
            (parts, from) = (parts + 1, measured.part.until);
        }
        all.sort_unstable_by_key(|wrong| wrong.key);
        (all, parts)
    };
    let (expected, parts) = all(100_000);
    assert!(
        parts == 1 && expected.len() > 50,
        "{} in {parts}",
        expected.len()
    );
    for most in [1, 2, 7, 50] {
        let (found, parts) = all(most);
        assert_eq!(found, expected, "{most} at a time");
        assert!(parts > expected.len() / most / 2, "{parts} of {most}");
    }
}
