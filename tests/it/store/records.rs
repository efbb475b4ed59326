//! Records, batches and totals in every store, to the last digit. Each case runs on all stores.

use study_stats::domain::{
    Decimal, Enrolment, Limit, MAX_MAGNITUDE, Measures, OccurredAt, Outcome, Record, Totals,
};

use crate::for_every_store;
use crate::support::stores::fixture::Fixture;
use crate::support::stores::history::{History, neighbour, record, recount, stats};
use crate::support::{id, now};

for_every_store!(
    a_session_is_read_back_as_recorded,
    sessions_totals_and_summaries_without_a_record_are_absent,
    a_replaced_session_moves_the_totals_by_the_difference,
    the_mean_is_over_sessions,
    an_older_record_is_superseded_and_an_equally_old_record_replaces,
    a_record_without_a_time_gets_the_current_time,
    a_record_without_times_replaces_a_session_of_a_clock_that_was_ahead,
    a_record_past_the_limit_of_a_sum_is_refused_without_a_change,
    a_summary_has_room_for_every_learner_at_the_limit,
    a_batch_returns_an_outcome_per_record_in_order,
    an_empty_batch_has_no_outcomes,
    a_random_history_equals_the_model,
);

async fn a_session_is_read_back_as_recorded(fixture: &Fixture) {
    let store = &fixture.store;
    let numbers = [
        0.0,
        5.0,
        0.1,
        0.840_136_556_537_863_9,
        MAX_MAGNITUDE,
        MAX_MAGNITUDE.next_down(),
        f64::MIN_POSITIVE,
        5e-324,
        1e-15,
        123_456_789_012.345_67,
    ];
    for (local_day, number) in (-3..).zip(numbers) {
        let occurred_at = OccurredAt {
            millis: 1_000 * i64::from(local_day),
            local_day,
        };
        let record = record(id(), id(), stats(number, -number, number)).at(occurred_at);
        assert_eq!(store.record(&record).await.unwrap(), Outcome::Created);
        let session = store
            .session(record.enrolment, record.session)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(session.stats, record.stats);
        assert_eq!(session.occurred_at, occurred_at);
        let totals = store.totals(record.enrolment).await.unwrap();
        assert_eq!(totals, Some(recount([&record.stats])));
    }
}

async fn sessions_totals_and_summaries_without_a_record_are_absent(fixture: &Fixture) {
    let store = &fixture.store;
    let stored = record(id(), id(), stats(1.0, 2.0, 3.0));
    store.record(&stored).await.unwrap();
    let Record {
        enrolment: Enrolment { learner, course },
        session,
        ..
    } = stored;
    for (learner, course, session) in [
        (id(), course, session),
        (learner, id(), session),
        (learner, course, id()),
    ] {
        assert_eq!(
            store
                .session(Enrolment::new(learner, course), session)
                .await
                .unwrap(),
            None
        );
    }
    for (learner, course) in [(id(), course), (learner, id())] {
        assert_eq!(
            store.totals(Enrolment::new(learner, course)).await.unwrap(),
            None
        );
    }
}

async fn a_replaced_session_moves_the_totals_by_the_difference(fixture: &Fixture) {
    let store = &fixture.store;
    let (learner, course) = (id(), id());
    let unchanged = record(learner, course, stats(0.1, 0.2, 0.3));
    let first = record(learner, course, stats(7.7, -3.3, 1e12));
    let replaced = Record {
        stats: stats(0.0, 0.0, 0.0),
        ..first
    };
    for (record, outcome) in [
        (&unchanged, Outcome::Created),
        (&first, Outcome::Created),
        (&replaced, Outcome::Replaced),
    ] {
        assert_eq!(store.record(record).await.unwrap(), outcome);
    }
    let totals = store.totals(Enrolment::new(learner, course)).await.unwrap();
    assert_eq!(totals, Some(recount([&unchanged.stats, &replaced.stats])));
    assert_eq!(totals.unwrap().sessions, 2);
}

async fn the_mean_is_over_sessions(fixture: &Fixture) {
    let store = &fixture.store;
    let (learner, course) = (id(), id());
    for (modules, score, time) in [(1.0, 10.0, 5.0), (9.0, 20.0, 5.0), (100.0, 0.5, 1_000.0)] {
        store
            .record(&record(learner, course, stats(modules, score, time)))
            .await
            .unwrap();
    }
    let totals = store
        .totals(Enrolment::new(learner, course))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(totals.average_score(), 30.5 / 3.0);
}

async fn an_older_record_is_superseded_and_an_equally_old_record_replaces(fixture: &Fixture) {
    let store = &fixture.store;
    let first = record(id(), id(), stats(0.0, 0.0, 0.0));
    let at = |millis: i64, modules: f64| {
        let stats = stats(modules, modules, modules);
        Record { stats, ..first }.at(OccurredAt::from_utc_millis(millis))
    };
    for (record, outcome, modules) in [
        (at(1_000, 1.0), Outcome::Created, 1.0),
        (at(999, 2.0), Outcome::Superseded, 1.0),
        (at(1_000, 3.0), Outcome::Replaced, 3.0),
        (at(1_001, 4.0), Outcome::Replaced, 4.0),
        (at(-1, 5.0), Outcome::Superseded, 4.0),
    ] {
        assert_eq!(store.record(&record).await.unwrap(), outcome);
        let totals = store.totals(first.enrolment).await.unwrap();
        assert_eq!(totals, Some(recount([&stats(modules, modules, modules)])));
    }
}

async fn a_record_without_a_time_gets_the_current_time(fixture: &Fixture) {
    let store = &fixture.store;
    let current = record(id(), id(), stats(1.0, 1.0, 1.0));
    assert_eq!(store.record(&current).await.unwrap(), Outcome::Created);
    let session = store
        .session(current.enrolment, current.session)
        .await
        .unwrap()
        .unwrap();
    let off_by = now() - session.occurred_at.millis;
    assert!((0..60_000).contains(&off_by), "off by {off_by} ms");
    assert_eq!(
        session.occurred_at,
        OccurredAt::from_utc_millis(session.occurred_at.millis)
    );

    assert_eq!(session.version, None);

    // A record without times replaces, and leaves the time and the version of a stored session.
    let at = |millis| OccurredAt::from_utc_millis(session.occurred_at.millis + millis);
    let (replaced, superseded) = (Outcome::Replaced, Outcome::Superseded);
    for (record, outcome, occurred) in [
        (current.at(at(-1)), replaced, at(-1)),
        (current, replaced, at(-1)),
        (current.at(at(-2)), superseded, at(-1)),
        (current.at(at(3_600_000)), replaced, at(3_600_000)),
        (current.at(at(0)), superseded, at(3_600_000)),
        (current, replaced, at(3_600_000)),
    ] {
        assert_eq!(store.record(&record).await.unwrap(), outcome, "{record:?}");
        let stored = store.session(current.enrolment, current.session).await;
        assert_eq!(stored.unwrap().unwrap().occurred_at, occurred);
    }
}

/// A clock that goes back leaves sessions with times ahead: a step of the clock of 2 s or 1 h, or a failover to a
/// replica whose clock is 30 s behind.
async fn a_record_without_times_replaces_a_session_of_a_clock_that_was_ahead(fixture: &Fixture) {
    let store = &fixture.store;
    for seconds in [2, 30, 3_600] {
        let ahead = OccurredAt::from_utc_millis(now() + seconds * 1_000);
        let first = record(id(), id(), stats(1.0, 2.0, 3.0));
        // As recorded without times, by the clock ahead.
        let recorded = first.at(ahead).with_version(None);
        assert_eq!(store.record(&recorded).await.unwrap(), Outcome::Created);
        let next = Record {
            stats: stats(4.0, 5.0, 6.0),
            ..first
        };
        assert_eq!(store.record(&next).await.unwrap(), Outcome::Replaced);
        let totals = store.totals(first.enrolment).await.unwrap();
        assert_eq!(totals, Some(recount([&next.stats])));
        let session = store.session(first.enrolment, first.session).await.unwrap();
        assert_eq!(
            session.unwrap().occurred_at,
            ahead,
            "the session stays on its day"
        );
    }
}

async fn a_record_past_the_limit_of_a_sum_is_refused_without_a_change(fixture: &Fixture) {
    let store = &fixture.store;
    let (learner, course) = (id(), id());
    let sessions = fixture.fill(learner, course).await;
    let full = Some(Totals {
        sessions,
        sums: Measures {
            modules: Decimal::default(),
            score: Decimal::default() - Decimal::LIMIT,
            time: Decimal::LIMIT,
        },
    });
    assert_eq!(
        store.totals(Enrolment::new(learner, course)).await.unwrap(),
        full
    );

    for past in [stats(1.0, 1.0, 1e-22), stats(1.0, -1e-22, 0.0)] {
        let more = record(learner, course, past);
        let refused = Outcome::LimitExceeded(Limit::Sum);
        assert_eq!(store.record(&more).await.unwrap(), refused);
        assert_eq!(
            store.totals(Enrolment::new(learner, course)).await.unwrap(),
            full
        );
        let stored = store
            .session(Enrolment::new(learner, course), more.session)
            .await
            .unwrap();
        assert_eq!(stored, None);
    }
    let zero = record(learner, course, stats(0.0, 0.0, 0.0));
    assert_eq!(store.record(&zero).await.unwrap(), Outcome::Created);
}

async fn a_summary_has_room_for_every_learner_at_the_limit(fixture: &Fixture) {
    let store = &fixture.store;
    let (learner, course) = (id(), id());
    let neighbour = neighbour(learner);
    for learner in [learner, neighbour] {
        fixture.fill(learner, course).await;
    }
    let summary = store.summary(course).await.unwrap().unwrap();
    assert_eq!(summary.learners, 2);
    let sums = summary.totals.sums.map(|sum| sum.to_string());
    assert_eq!(
        sums.into_array(),
        ["0", "-18000000000000000", "18000000000000000"]
    );
    assert_eq!(fixture.audit().await, 18_000);
}

async fn a_batch_returns_an_outcome_per_record_in_order(fixture: &Fixture) {
    let store = &fixture.store;
    let first = record(id(), id(), stats(1.0, 1.0, 1.0));
    let other = record(id(), id(), stats(5.0, 5.0, 5.0));
    let batch = [
        first.at(OccurredAt::from_utc_millis(1)),
        first.at(OccurredAt::from_utc_millis(0)),
        Record {
            stats: stats(2.0, 2.0, 2.0),
            ..first
        },
        other,
        Record {
            stats: stats(3.0, 3.0, 3.0),
            ..first
        },
    ];
    let outcomes: Result<Vec<_>, _> = store.record_many(&batch).await.into_iter().collect();
    let (created, replaced) = (Outcome::Created, Outcome::Replaced);
    assert_eq!(
        outcomes.unwrap(),
        [created, Outcome::Superseded, replaced, created, replaced]
    );
    let totals = store.totals(first.enrolment).await.unwrap();
    assert_eq!(totals, Some(recount([&stats(3.0, 3.0, 3.0)])));
    assert_eq!(
        store.totals(other.enrolment).await.unwrap(),
        Some(recount([&other.stats]))
    );
}

async fn an_empty_batch_has_no_outcomes(fixture: &Fixture) {
    assert!(fixture.store.record_many(&[]).await.is_empty());
}

async fn a_random_history_equals_the_model(fixture: &Fixture) {
    let seed = rand::random();
    println!("the history's seed is {seed}");
    let mut history = History::new(seed);
    for _ in 0..80 {
        history.step(&*fixture.store).await;
    }
    assert_eq!(fixture.audit().await, history.model.sessions.len());
}
