//! The Lua's arithmetic and what it keeps beside it, held to Rust's by random histories.

use std::collections::HashMap;

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use study_stats::domain::{CourseId, Decimal, LearnerId, Outcome, Totals};

use crate::support::fixture::Fixture;
use crate::support::history::{History, recount};

/// As many operations as `HISTORY_OPERATIONS` says, at least 10,000 by default.
fn operations() -> usize {
    std::env::var("HISTORY_OPERATIONS").map_or(10_000, |count| count.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lua_counts_as_rust_does_digit_by_digit() {
    let fixture = Fixture::redis().await;
    let mut redis = fixture.server().connection().await;
    let seed = rand::random();
    println!("the history's seed is {seed}");
    let mut history = History::new(seed);
    let mut left = operations();
    while left > 0 {
        let batch: Vec<_> = (0..left.min(50)).map(|_| history.next()).collect();
        left -= batch.len();
        for outcome in fixture.store.record_many(&batch).await {
            assert!(matches!(
                outcome.unwrap(),
                Outcome::Recorded | Outcome::Superseded
            ));
        }
        let last = batch.last().unwrap();
        let totals = fixture
            .store
            .totals(last.learner, last.course)
            .await
            .unwrap();
        assert_eq!(
            totals,
            history.totals(last.learner, last.course),
            "seed {seed}"
        );
        assert_summaries(&mut redis, &history).await;
    }
    assert_timelines(&mut redis, &history).await;
}

/// Asserts that the summaries of all buckets together are a recount of the courses.
async fn assert_summaries(redis: &mut MultiplexedConnection, history: &History) {
    let keys: Vec<String> = redis.keys("ss:*:c:*").await.unwrap();
    let (mut learners, mut totals) = (0, Totals::default());
    for key in keys {
        let hash: HashMap<String, i64> = redis.hgetall(&key).await.unwrap();
        assert!(hash.values().all(|value| *value != 0), "{key} holds a zero");
        let field = |name: &str| hash.get(name).copied().unwrap_or_default();
        let sum = |name: &str| {
            let (units, fraction) = (field(name), field(&format!("{name}f")));
            let spelled_so =
                fraction.abs() < 1_000_000_000_000_000 && units.signum() * fraction.signum() >= 0;
            assert!(spelled_so, "{key}: {name} is {units} and {fraction}");
            Decimal::from_parts(units, fraction)
        };
        learners += field("l");
        totals.sessions += u64::try_from(field("n")).unwrap();
        totals.modules = totals.modules + sum("m");
        totals.score = totals.score + sum("s");
        totals.time = totals.time + sum("t");
    }
    assert_eq!(
        totals,
        recount(history.stored.values().map(|(stats, _)| stats))
    );
    let pairs = history
        .learners
        .iter()
        .flat_map(|l| history.courses.iter().map(move |c| (*l, *c)));
    assert_eq!(
        learners,
        pairs
            .filter(|(l, c)| history.totals(*l, *c).is_some())
            .count() as i64
    );
}

/// Asserts that the timelines and the learners' courses say when each session occurred.
async fn assert_timelines(redis: &mut MultiplexedConnection, history: &History) {
    let members = async |redis: &mut MultiplexedConnection, pattern: &str| {
        let mut all = Vec::new();
        for key in redis.keys::<_, Vec<String>>(pattern).await.unwrap() {
            all.extend(
                redis
                    .zrange_withscores::<_, Vec<(Vec<u8>, i64)>>(key, 0, -1)
                    .await
                    .unwrap(),
            );
        }
        all.sort();
        all
    };
    let mut sessions: Vec<_> = history
        .stored
        .iter()
        .map(|((_, _, session), (_, at))| (session.as_bytes().to_vec(), at.millis))
        .collect();
    sessions.sort();
    assert_eq!(members(redis, "ss:*:i:*").await, sessions);

    // A time of occurrence never goes back, so that the latest of a course is its latest ever.
    let mut latest: HashMap<(LearnerId, CourseId), i64> = HashMap::new();
    for ((learner, course, _), (_, at)) in &history.stored {
        let latest = latest.entry((*learner, *course)).or_insert(i64::MIN);
        *latest = at.millis.max(*latest);
    }
    let mut courses: Vec<_> = latest
        .into_iter()
        .map(|((_, course), millis)| (course.as_bytes().to_vec(), millis))
        .collect();
    courses.sort();
    assert_eq!(members(redis, "ss:*:u:*").await, courses);
}
