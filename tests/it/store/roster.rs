//! Rosters of every store: pages of any size, and walks beside learners that join and leave.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use rand::random_range;
use study_stats::domain::{CourseId, DeleteOutcome, Enrolment, LearnerId, ListedLearner, Totals};
use study_stats::store::StatsStore;

use crate::for_every_store;
use crate::support::id;
use crate::support::load::background::{Background, Progress};
use crate::support::stores::fixture::Fixture;
use crate::support::stores::history::{neighbour, record_at};
use crate::support::stores::model::is_stored;
use crate::support::stores::walk::{assert_full, roster};

for_every_store!(
    pages_of_any_size_have_every_learner_once_in_the_same_order,
    a_walk_sees_no_learner_twice_and_misses_no_learner_who_stays,
);

/// Records sessions of `count` learners in a course, every third with a learner of the same bucket. Returns
/// the learners.
async fn record_learners(store: &dyn StatsStore, course: CourseId, count: usize) -> Vec<LearnerId> {
    let mut learners: Vec<LearnerId> = Vec::new();
    while learners.len() < count {
        let learner = id();
        learners.push(learner);
        if learners.len().is_multiple_of(3) {
            learners.push(neighbour(learner));
        }
    }
    let records = (0..).zip(&learners).flat_map(|(index, &learner)| {
        (0..=index % 3).map(move |turn| record_at(learner, course, index * 10 + turn))
    });
    for outcome in store.record_many(&records.collect::<Vec<_>>()).await {
        assert!(is_stored(outcome.unwrap()));
    }
    learners
}

async fn pages_of_any_size_have_every_learner_once_in_the_same_order(fixture: &Fixture) {
    let store = &*fixture.store;
    let course = id();
    assert_eq!(roster(store, course, 1).await, [vec![]]);
    let learners = record_learners(store, course, 40).await;
    record_learners(store, id(), 3).await;
    let whole = roster(store, course, 500).await.concat();
    for limit in [1, 2, 7, learners.len()] {
        let pages = roster(store, course, limit).await;
        assert_eq!(pages.concat(), whole, "limit {limit}");
        assert_full(&pages, limit);
    }
    let by_id: BTreeMap<_, _> = whole.iter().map(|listed| (listed.id, *listed)).collect();
    assert_eq!((by_id.len(), whole.len()), (learners.len(), learners.len()));
    let mut sum = Totals::default();
    for (index, learner) in (0..).zip(learners) {
        let totals = store.totals(Enrolment::new(learner, course)).await;
        let expected = ListedLearner {
            id: learner,
            totals: totals.unwrap().unwrap(),
            last_occurred: index * 10 + index % 3,
        };
        assert_eq!(by_id[&learner], expected);
        sum = sum + expected.totals;
    }
    let summary = store.summary(course).await.unwrap().unwrap();
    assert_eq!(
        (summary.learners, summary.totals),
        (by_id.len() as u64, sum)
    );
}

async fn a_walk_sees_no_learner_twice_and_misses_no_learner_who_stays(fixture: &Fixture) {
    let store = &*fixture.store;
    let course = id();
    let staying = record_learners(store, course, 60).await;
    let writers = Background::start([(); 4], |(), progress| {
        join_and_leave(Arc::clone(&fixture.store), progress, course)
    });
    writers.wait_for_steps(10).await;
    for limit in [1, 2, 7, 60].repeat(3) {
        let seen = roster(store, course, limit).await.concat();
        let ids: HashSet<_> = seen.iter().map(|listed| listed.id).collect();
        assert_eq!(ids.len(), seen.len(), "a learner was seen twice");
        assert!(seen.iter().all(|listed| listed.totals.sessions > 0));
        assert!(staying.iter().all(|learner| ids.contains(learner)));
    }
    writers.stop().await;
}

/// Records sessions of new learners in a course, and deletes learners from the course.
async fn join_and_leave(store: Arc<dyn StatsStore>, progress: Arc<Progress>, course: CourseId) {
    const OWN: usize = 10;
    let mut own: Vec<LearnerId> = Vec::new();
    while !progress.is_stopped() {
        if own.len() < OWN {
            own.push(id());
            let record = record_at(own[own.len() - 1], course, 5);
            assert!(is_stored(store.record(&record).await.unwrap()));
        } else {
            let leaving = own.swap_remove(random_range(0..OWN));
            let deleted = store.delete_course(Enrolment::new(leaving, course)).await;
            assert_eq!(deleted.unwrap(), DeleteOutcome::Deleted);
        }
        progress.step();
    }
}
