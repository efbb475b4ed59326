//! Attacks of learners on a learner of the same bucket, with whom they share the summary of a course.

use study_stats::domain::{
    CourseId, DeleteOutcome, Enrolment, LearnerId, MAX_MAGNITUDE, Outcome, Record, Slice,
};
use study_stats::store::StatsStore;

use crate::for_both_stores;
use crate::support::id;
use crate::support::stores::fixture::Fixture;
use crate::support::stores::history::{neighbour, record, recount, stats};

for_both_stores!(
    a_learner_at_the_limit_of_time_locks_nobody_out,
    extreme_scores_prevent_no_delete_of_a_session,
    extreme_scores_prevent_no_delete_of_a_course,
    extreme_scores_prevent_no_erasure,
);

/// Records 9,000 sessions of a learner: a sum of them is at its limit.
async fn record_extremes(store: &dyn StatsStore, session: Record) {
    let sessions: Vec<_> = (0..9_000)
        .map(|_| Record {
            session: id(),
            ..session
        })
        .collect();
    for batch in sessions.chunks(1_000) {
        for outcome in store.record_many(batch).await {
            assert_eq!(outcome.unwrap(), Outcome::Created);
        }
    }
}

async fn a_learner_at_the_limit_of_time_locks_nobody_out(fixture: &Fixture) {
    let store = &*fixture.store;
    let (attacker, course) = (id(), id());
    record_extremes(
        store,
        record(attacker, course, stats(0.0, 0.0, MAX_MAGNITUDE)),
    )
    .await;
    let victim = record(neighbour(attacker), course, stats(1.0, 80.0, 120_000.0));
    for (measures, outcome) in [
        (victim.stats, Outcome::Created),
        (stats(2.0, 90.0, 180_000.0), Outcome::Replaced),
        (stats(0.5, -1.0, MAX_MAGNITUDE), Outcome::Replaced),
    ] {
        let record = Record {
            stats: measures,
            ..victim
        };
        assert_eq!(store.record(&record).await.unwrap(), outcome);
        let totals = store.totals(victim.enrolment).await.unwrap();
        assert_eq!(totals, Some(recount([&measures])));
    }
    let summary = store.summary(course).await.unwrap().unwrap();
    assert_eq!((summary.learners, summary.totals.sessions), (2, 9_001));
    assert_eq!(summary.totals.sums.time.to_string(), "9001000000000000");
}

/// Has a victim with a session of the score 80 between two attackers of the same bucket: with the victim's
/// session, the sum of the bucket's scores is at a limit of a learner; without it, past the limit. Returns
/// the victim's session.
async fn surround(store: &dyn StatsStore, course: CourseId, extreme: f64) -> Record {
    let towards = -extreme.signum();
    let victim: LearnerId = id();
    let victim = record(victim, course, stats(1.0, 80.0 * towards, 60_000.0));
    let [first, second] = std::array::from_fn(|_| neighbour(victim.enrolment.learner));
    assert_eq!(store.record(&victim).await.unwrap(), Outcome::Created);
    record_extremes(store, record(first, course, stats(0.0, extreme, 0.0))).await;
    let opposite = record(second, course, stats(0.0, -80.0 * towards, 0.0));
    assert_eq!(store.record(&opposite).await.unwrap(), Outcome::Created);
    victim
}

/// Asserts that nothing is left of a victim, and that the summary has the attackers' sessions only.
async fn assert_gone(fixture: &Fixture, victim: Record) {
    let (store, enrolment) = (&*fixture.store, victim.enrolment);
    assert_eq!(store.totals(enrolment).await.unwrap(), None);
    let left = store.courses(enrolment.learner, Slice::first(1)).await;
    assert_eq!(left.unwrap().items, []);
    let summary = store.summary(enrolment.course).await.unwrap().unwrap();
    assert_eq!((summary.learners, summary.totals.sessions), (2, 9_001));
    fixture.audit().await;
}

async fn extreme_scores_prevent_no_delete_of_a_session(fixture: &Fixture) {
    for extreme in [-MAX_MAGNITUDE, MAX_MAGNITUDE] {
        let victim = surround(&*fixture.store, id(), extreme).await;
        let deleted = fixture
            .store
            .delete_session(victim.enrolment, victim.session);
        assert_eq!(deleted.await.unwrap(), DeleteOutcome::Deleted);
        assert_gone(fixture, victim).await;
    }
}

async fn extreme_scores_prevent_no_delete_of_a_course(fixture: &Fixture) {
    for extreme in [-MAX_MAGNITUDE, MAX_MAGNITUDE] {
        let victim = surround(&*fixture.store, id(), extreme).await;
        let deleted = fixture.store.delete_course(victim.enrolment).await;
        assert_eq!(deleted.unwrap(), DeleteOutcome::Deleted);
        assert_gone(fixture, victim).await;
    }
}

async fn extreme_scores_prevent_no_erasure(fixture: &Fixture) {
    for extreme in [-MAX_MAGNITUDE, MAX_MAGNITUDE] {
        let victim = surround(&*fixture.store, id(), extreme).await;
        let learner = victim.enrolment.learner;
        fixture.store.erase(learner).await.unwrap();
        assert_gone(fixture, victim).await;
        let later = Record {
            session: id(),
            ..victim
        };
        assert_eq!(
            fixture.store.record(&later).await.unwrap(),
            Outcome::Created
        );
        let totals = fixture
            .store
            .totals(Enrolment::new(learner, later.enrolment.course));
        assert_eq!(totals.await.unwrap().unwrap().sessions, 1);
    }
}
