//! Verify and repair of the Redis store under load.

use clap::Parser;
use study_stats::config::Cli;
use study_stats::domain::{CourseId, Enrolment, LearnerId, SessionId};
use study_stats::store::StatsStore;
use study_stats::store::maintenance::Maintenance;
use study_stats::store::redis::Bounds;

use crate::support::audit::redis::audit;
use crate::support::id;
use crate::support::load::writers::{WRITERS, Writer, Writers};
use crate::support::processes::cluster::Cluster;
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::stores::history::{record, stats};
use crate::support::stores::redis_fixture::{self, RedisFixture};
use crate::support::stores::redis_keys::RedisKeys;

/// New learner, always of the same bucket.
fn neighbour() -> LearnerId {
    std::iter::repeat_with(id::<LearnerId>)
        .find(|learner| crc32fast::hash(learner.as_bytes()) % 1_024 == 7)
        .unwrap()
}

fn courses() -> Vec<CourseId> {
    (0..3).map(|_| id()).collect()
}

/// Bounds by which courses have several pages, and a scan has several passes.
const LITTLE: Bounds = Bounds {
    remembered: 200,
    page: 3,
};

async fn concurrent_writes_are_neither_lost_nor_reported(fixture: RedisFixture) {
    let load = Writers::start(&fixture.store, &courses(), true).await;
    for repair in [false, true, false] {
        let (verified, differences) = fixture.verify(repair).await;
        assert_eq!(differences, []);
        assert!(
            verified.is_consistent() && verified.sessions > 0,
            "{verified:?}"
        );
        load.wait_for_writes(200).await;
    }
    load.end(&fixture).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writes_are_neither_lost_nor_reported_on_a_single_redis() {
    let fixture = RedisFixture::redis(Bounds::default()).await;
    concurrent_writes_are_neither_lost_nor_reported(fixture).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writes_are_neither_lost_nor_reported_page_by_page() {
    concurrent_writes_are_neither_lost_nor_reported(RedisFixture::redis(LITTLE).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writes_are_neither_lost_nor_reported_in_a_cluster() {
    let fixture = RedisFixture::cluster(Bounds::default()).await;
    concurrent_writes_are_neither_lost_nor_reported(fixture).await;
}

/// Corrupts keys of 20 learners of the load, in ways that make no write fail. Returns the number of
/// corruptions.
async fn corrupt(fixture: &RedisFixture, courses: &[CourseId]) -> usize {
    let mut corruptions = 0;
    for learner in fixture
        .store
        .learners(None)
        .await
        .unwrap()
        .into_iter()
        .take(20)
    {
        let enrolment = Enrolment {
            learner,
            course: courses[corruptions % courses.len()],
        };
        let nobody: SessionId = id();
        let entry = [b"5", &nobody.as_bytes()[..]];
        match corruptions % 8 {
            0 => add_modules(fixture, &enrolment.totals_key()).await,
            1 => add_modules(fixture, &enrolment.summary_key()).await,
            2 => {
                fixture
                    .command("ZADD", &enrolment.timeline_key(), &entry)
                    .await
            }
            3 => delete(fixture, &enrolment.timeline_key()).await,
            4 => delete(fixture, &enrolment.courses_key()).await,
            5 => delete(fixture, &enrolment.totals_key()).await,
            6 => delete(fixture, &enrolment.roster_key()).await,
            _ => delete(fixture, &enrolment.summary_key()).await,
        }
        corruptions += 1;
    }
    corruptions
}

async fn delete(fixture: &RedisFixture, key: &str) {
    fixture.command::<()>("DEL", key, &[""; 0]).await;
}

/// Adds 7 to the modules of an aggregate, in one step; not to an absent aggregate.
async fn add_modules(fixture: &RedisFixture, key: &str) {
    let script = "local text = redis.call('GET', KEYS[1])
        if not text then return end
        local rest, last = string.match(text, '^(.*) (%S+ %S+ %S+)$')
        local head, modules = string.match(rest, '^(.-)(%S+)$')
        local changed = string.format('%s%d %s', head, modules + 7, last)
        redis.call('SET', KEYS[1], changed)";
    fixture.script(script, key).await;
}

async fn corrupt_keys_are_repaired_under_load(fixture: RedisFixture) {
    let courses = courses();
    let load = Writers::start(&fixture.store, &courses, false).await;
    assert_eq!(corrupt(&fixture, &courses).await, 20);
    let (verified, differences) = fixture.verify(true).await;
    assert!(!differences.is_empty());
    assert!(verified.is_consistent(), "{verified:?} {differences:?}");
    let (verified, differences) = fixture.verify(false).await;
    assert_eq!(differences, []);
    assert!(verified.is_consistent(), "{verified:?}");
    load.end(&fixture).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrupt_keys_are_repaired_under_load_on_a_single_redis() {
    corrupt_keys_are_repaired_under_load(RedisFixture::redis(Bounds::default()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrupt_keys_are_repaired_under_load_page_by_page() {
    corrupt_keys_are_repaired_under_load(RedisFixture::redis(LITTLE).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrupt_keys_are_repaired_under_load_in_a_cluster() {
    corrupt_keys_are_repaired_under_load(RedisFixture::cluster(Bounds::default()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_and_erased_learners_of_a_summary_are_no_differences() {
    let fixture = RedisFixture::redis(Bounds::default()).await;
    let courses = [id()];
    let writers = (0..WRITERS).map(|seed| Writer {
        erasures: true,
        turnover: 0.3,
        learner: neighbour,
        learners: vec![neighbour()],
        ..Writer::new(&fixture.store, seed, &courses)
    });
    let load = Writers::of(writers).await;
    for repair in [false, true, false, true] {
        // With so many new learners, the summary may stay unsettled.
        let (_, differences) = fixture.verify(repair).await;
        assert_eq!(differences, []);
    }
    load.end(&fixture).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_course_of_all_writers_is_repaired() {
    let fixture = RedisFixture::redis(Bounds::default()).await;
    let (courses, learners) = ([id()], vec![id()]);
    let writers = (0..WRITERS).map(|seed| Writer {
        learners: learners.clone(),
        ..Writer::new(&fixture.store, seed, &courses)
    });
    let load = Writers::of(writers).await;
    let enrolment = Enrolment {
        learner: learners[0],
        course: courses[0],
    };
    for _ in 0..20 {
        for key in [enrolment.totals_key(), enrolment.summary_key()] {
            add_modules(&fixture, &key).await;
        }
        let (verified, differences) = fixture.verify(true).await;
        assert_eq!(differences.len(), 2, "{verified:?}");
        assert!(verified.is_consistent(), "{verified:?}");
    }
    load.end(&fixture).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_learner_is_missed_while_slots_move() {
    let cluster = Cluster::start(3, 0, IN_MEMORY).await;
    // Default timeouts: after slots have moved, the driver of a Cluster may hang until a timeout
    // replaces the lane.
    let settings = Cli::parse_from(["study-stats"]).config.redis_settings();
    let (url, bounds) = (cluster.url(), Bounds::default());
    let store = RedisFixture::connect(&url, &settings, bounds).await;
    let course = id();
    let records: Vec<_> = (0..400)
        .map(|_| record(id(), course, stats(1.0, 2.0, 3.0)))
        .collect();
    for outcome in store.record_many(&records).await {
        outcome.unwrap();
    }
    let mut learners: Vec<_> = records
        .iter()
        .map(|record| record.enrolment.learner)
        .collect();
    learners.sort();

    let moving = tokio::spawn(async move {
        // Slots move back and forth, so that keys move during the whole scan.
        for (from, to) in [(0, 1), (1, 0), (0, 2), (0, 1)] {
            let used = cluster.used_slots(0..=5_460, from).await;
            for &slot in used.iter().take(10) {
                cluster.move_slot(slot, from, to).await;
            }
        }
        cluster
    });
    let mut rounds = 0;
    while rounds < 2 || !moving.is_finished() {
        let (verified, differences) = redis_fixture::verify(&store, true).await.unwrap();
        assert_eq!(differences, []);
        assert_eq!((verified.sessions, verified.unsettled), (400, 0));
        assert_eq!(store.learners(None).await.unwrap(), learners);
        rounds += 1;
    }
    let cluster = moving.await.unwrap();
    let masters: Vec<_> = cluster.nodes.iter().map(Redis::url).collect();
    assert_eq!(audit(&masters).await, 400);
}
