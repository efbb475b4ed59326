//! Verification and repair of the embedded store: planted corruptions.

use std::time::Duration;

use tokio::sync::mpsc;
use uuid::Uuid;

use crate::domain::{Enrolment, Measures, OccurredAt, Record, Stats};
use crate::store::embedded::EmbeddedStore;
use crate::store::embedded::schema::{CourseKey, RosterKey, SessionKey, SummaryKey};
use crate::store::embedded::transaction::Tables;
use crate::store::maintenance::{Maintenance, VerifyEvent, VerifyReport};
use crate::store::{StatsStore, StoreError};

fn enrolment(learner: u128) -> Enrolment {
    Enrolment::new(Uuid::from_u128(learner).into(), Uuid::from_u128(9).into())
}

fn records() -> Vec<Record> {
    let stats = Stats::new(Measures::from([1.0, 0.5, 2.0])).unwrap();
    let sessions = [(1, 11), (1, 12), (2, 21)].into_iter();
    let record = |(learner, session): (u128, u128)| {
        let at = OccurredAt::from_utc_millis(i64::try_from(session).unwrap());
        Record::new(
            enrolment(learner),
            Uuid::from_u128(session).into(),
            stats,
            Some(at),
        )
    };
    sessions.map(record).collect()
}

/// Verifies the store, and returns the report with the differences as lines.
async fn verify(store: &EmbeddedStore, repair: bool) -> (VerifyReport, Vec<String>) {
    let (events, mut received) = mpsc::channel(1_000);
    let report = store.verify(repair, events).await.unwrap();
    let mut lines = Vec::new();
    while let Ok(event) = received.try_recv() {
        if let VerifyEvent::Difference(found) = event {
            lines.push(format!(
                "{}: {} / {}",
                found.key, found.expected, found.found
            ));
        }
    }
    (report, lines)
}

type Corruption = fn(&mut Tables<'_>) -> Result<(), StoreError>;

#[tokio::test]
async fn each_corruption_is_reported_once_and_repaired() {
    let corruptions: [(&str, Corruption); 9] = [
        ("totals[", |tables| {
            tables.totals.insert(enrolment(1), "2 3 1 4 5")?;
            Ok(())
        }),
        ("totals[", |tables| {
            tables.totals.insert(enrolment(1), "nonsense")?;
            Ok(())
        }),
        ("totals[", |tables| {
            tables.totals.remove(enrolment(1))?;
            Ok(())
        }),
        ("summary[", |tables| {
            tables
                .summary
                .insert(SummaryKey::of(enrolment(1)), "7 3 3 1.5 6 3")?;
            Ok(())
        }),
        ("summary[", |tables| {
            tables.summary.remove(SummaryKey::of(enrolment(2)))?;
            Ok(())
        }),
        ("roster[", |tables| {
            tables.roster.remove(RosterKey::of(enrolment(1)))?;
            Ok(())
        }),
        ("courses[", |tables| {
            tables.courses.insert(CourseKey::of(enrolment(1), 99), ())?;
            Ok(())
        }),
        ("timeline[", |tables| {
            let key = SessionKey {
                enrolment: enrolment(1),
                session: Uuid::from_u128(11).into(),
            };
            tables.timeline.remove(key.timeline(11))?;
            Ok(())
        }),
        ("timeline[", |tables| {
            let key = SessionKey {
                enrolment: enrolment(1),
                session: Uuid::from_u128(77).into(),
            };
            tables.timeline.insert(key.timeline(5), ())?;
            Ok(())
        }),
    ];
    for (number, (table, corrupt)) in corruptions.into_iter().enumerate() {
        let directory = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::open(directory.path(), Duration::from_secs(60)).unwrap();
        for outcome in store.record_many(&records()).await {
            outcome.unwrap();
        }
        let (report, lines) = verify(&store, false).await;
        assert_eq!((report.sessions, &lines[..]), (3, &[][..]));
        store
            .writer
            .write(1, move |tables, _| corrupt(tables))
            .await
            .unwrap();
        for repair in [false, true] {
            let (report, lines) = verify(&store, repair).await;
            assert_eq!(lines.len(), 1, "{number}: {lines:?}");
            assert!(lines[0].starts_with(table), "{number}: {lines:?}");
            assert_eq!((report.differences, report.unsettled), (1, 0));
            assert_eq!(report.repaired, u64::from(repair));
        }
        let (report, lines) = verify(&store, false).await;
        assert_eq!((report.sessions, &lines[..]), (3, &[][..]), "{number}");
    }
}
