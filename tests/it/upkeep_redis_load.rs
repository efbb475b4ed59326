//! Verification and repair of a Redis that goes on meanwhile.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use clap::Parser;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use study_stats::config::Cli;
use study_stats::domain::{CourseId, LearnerId, Record, SessionId, Stats};
use study_stats::store::StatsStore;
use study_stats::store::redis::{Bounds, RedisStore};
use study_stats::store::upkeep::Upkeep;
use tokio::task::JoinSet;

use crate::support::audit_redis::audit;
use crate::support::cluster::Cluster;
use crate::support::eventually;
use crate::support::history::{record, stats};
use crate::support::id;
use crate::support::redis::{IN_MEMORY, Redis};
use crate::support::upkeep::{Kept, Studied};

/// Writers at the same time.
const WRITERS: u64 = 12;

/// What a writer has stored.
type Model = HashMap<(LearnerId, CourseId, SessionId), Stats>;

/// Writers, each with learners of its own, in courses that all share.
struct Load {
    writers: JoinSet<Model>,
    stop: Arc<AtomicBool>,
    writes: Arc<AtomicUsize>,
}

impl Load {
    /// Starts writers with learners of their own; with `erasures`, whole courses and learners are
    /// forgotten as well.
    async fn start(store: &Arc<RedisStore>, courses: &[CourseId], erasures: bool) -> Self {
        let writers = (0..WRITERS).map(|seed| Writer {
            erasures,
            // There are always new learners; the data must not grow faster than it is gone through.
            turnover: if erasures { 0.02 } else { 0.001 },
            ..Writer::new(store, seed, courses)
        });
        Self::of(writers).await
    }

    async fn of(writers: impl Iterator<Item = Writer>) -> Self {
        let (stop, writes) = (Arc::default(), Arc::default());
        let writers = writers.map(|writer| writer.run(Arc::clone(&stop), Arc::clone(&writes)));
        let writers = writers.collect();
        let it = Self {
            writers,
            stop,
            writes,
        };
        it.goes_on(1_000).await;
        it
    }

    async fn goes_on(&self, writes: usize) {
        let goal = self.writes.load(Ordering::Relaxed) + writes;
        eventually("writes are made", || async {
            (self.writes.load(Ordering::Relaxed) >= goal).then_some(())
        })
        .await;
    }

    /// Ends it, and asserts that all that was written is there and nothing else is.
    async fn end(self, kept: &Kept) {
        self.stop.store(true, Ordering::Relaxed);
        let models = self.writers.join_all().await;
        let mut stored = 0;
        for ((learner, course, session), stats) in models.into_iter().flatten() {
            let found = kept.store.session(learner, course, session).await.unwrap();
            assert_eq!(found.map(|found| found.stats), Some(stats));
            stored += 1;
        }
        assert_eq!(kept.audit().await, stored);
    }
}

struct Writer {
    store: Arc<RedisStore>,
    random: StdRng,
    courses: Vec<CourseId>,
    learners: Vec<LearnerId>,
    sessions: Vec<SessionId>,
    erasures: bool,
    /// How often a learner leaves and another one comes.
    turnover: f64,
    /// Makes a new learner.
    learner: fn() -> LearnerId,
    model: Model,
}

impl Writer {
    fn new(store: &Arc<RedisStore>, seed: u64, courses: &[CourseId]) -> Self {
        Self {
            store: Arc::clone(store),
            random: StdRng::seed_from_u64(seed),
            courses: courses.to_vec(),
            learners: (0..4).map(|_| id()).collect(),
            sessions: (0..10).map(|_| id()).collect(),
            erasures: false,
            turnover: 0.0,
            learner: id,
            model: Model::new(),
        }
    }

    async fn run(mut self, stop: Arc<AtomicBool>, writes: Arc<AtomicUsize>) -> Model {
        while !stop.load(Ordering::Relaxed) {
            self.write().await;
            writes.fetch_add(1, Ordering::Relaxed);
        }
        self.model
    }

    async fn write(&mut self) {
        let random = &mut self.random;
        if random.random_bool(self.turnover) {
            let place = random.random_range(0..self.learners.len());
            let former = std::mem::replace(&mut self.learners[place], (self.learner)());
            if self.erasures {
                self.store.erase(former).await.unwrap();
                self.model.retain(|key, _| key.0 != former);
            }
        }
        let learner = *self.learners.choose(random).unwrap();
        let course = *self.courses.choose(random).unwrap();
        let session = *self.sessions.choose(random).unwrap();
        match random.random_range(0..40) {
            0 if self.erasures => {
                self.store.erase(learner).await.unwrap();
                self.model.retain(|key, _| key.0 != learner);
            }
            1 if self.erasures => {
                self.store.forget_course(learner, course).await.unwrap();
                self.model
                    .retain(|key, _| (key.0, key.1) != (learner, course));
            }
            2..10 => {
                let store = &self.store;
                store
                    .forget_session(learner, course, session)
                    .await
                    .unwrap();
                self.model.remove(&(learner, course, session));
            }
            // Few values, so that sums often are what they were before.
            _ => {
                let stats = stats(f64::from(random.random_range(0..3_u8)), 0.5, 1.0);
                let record = Record {
                    session,
                    ..record(learner, course, stats)
                };
                self.store.record(&record).await.unwrap();
                self.model.insert((learner, course, session), stats);
            }
        }
    }
}

/// A new learner of a bucket that is always the same.
fn neighbour() -> LearnerId {
    std::iter::repeat_with(id::<LearnerId>)
        .find(|learner| crc32fast::hash(learner.as_bytes()) % 1_024 == 7)
        .unwrap()
}

fn courses() -> Vec<CourseId> {
    (0..3).map(|_| id()).collect()
}

/// So little that courses have several pages, and there are several passes.
const LITTLE: Bounds = Bounds {
    remembered: 200,
    page: 3,
};

async fn writes_meanwhile_are_neither_lost_nor_told(kept: Kept) {
    let load = Load::start(&kept.store, &courses(), true).await;
    for repair in [false, true, false] {
        let (verified, differences) = kept.verify(repair).await;
        assert_eq!(differences, []);
        assert!(verified.is_well() && verified.sessions > 0, "{verified:?}");
        load.goes_on(200).await;
    }
    load.end(&kept).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_meanwhile_are_neither_lost_nor_told_on_one_redis() {
    let kept = Kept::redis(Bounds::default()).await;
    writes_meanwhile_are_neither_lost_nor_told(kept).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_meanwhile_are_neither_lost_nor_told_page_by_page() {
    writes_meanwhile_are_neither_lost_nor_told(Kept::redis(LITTLE).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_meanwhile_are_neither_lost_nor_told_in_a_cluster() {
    let kept = Kept::cluster(Bounds::default()).await;
    writes_meanwhile_are_neither_lost_nor_told(kept).await;
}

/// Corrupts what it comes by of what the load writes to; none of it makes a write fail.
async fn corrupt(kept: &Kept, courses: &[CourseId]) -> usize {
    let mut corruptions = 0;
    for learner in kept
        .store
        .learners(None)
        .await
        .unwrap()
        .into_iter()
        .take(20)
    {
        let at = Studied {
            learner,
            course: courses[corruptions % courses.len()],
        };
        let nobody: SessionId = id();
        let entry = [b"5", &nobody.as_bytes()[..]];
        match corruptions % 7 {
            0 => kept.command("HINCRBY", &at.totals(), &["m", "7"]).await,
            1 => kept.command("HINCRBY", &at.summary(), &["l", "2"]).await,
            2 => kept.command("ZADD", &at.timeline(), &entry).await,
            3 => kept.command("DEL", &at.timeline(), &[""; 0]).await,
            4 => kept.command("DEL", &at.courses(), &[""; 0]).await,
            5 => kept.command("DEL", &at.totals(), &[""; 0]).await,
            _ => kept.command::<()>("DEL", &at.summary(), &[""; 0]).await,
        }
        corruptions += 1;
    }
    corruptions
}

async fn what_is_wrong_is_mended_while_it_is_written_to(kept: Kept) {
    let courses = courses();
    let load = Load::start(&kept.store, &courses, false).await;
    assert_eq!(corrupt(&kept, &courses).await, 20);
    let (verified, differences) = kept.verify(true).await;
    assert!(!differences.is_empty());
    assert!(verified.is_well(), "{verified:?} {differences:?}");
    let (verified, differences) = kept.verify(false).await;
    assert_eq!(differences, []);
    assert!(verified.is_well(), "{verified:?}");
    load.end(&kept).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_mended_while_it_is_written_to_on_one_redis() {
    what_is_wrong_is_mended_while_it_is_written_to(Kept::redis(Bounds::default()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_mended_while_it_is_written_to_page_by_page() {
    what_is_wrong_is_mended_while_it_is_written_to(Kept::redis(LITTLE).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_mended_while_it_is_written_to_in_a_cluster() {
    what_is_wrong_is_mended_while_it_is_written_to(Kept::cluster(Bounds::default()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn learners_who_come_and_go_in_one_summary_are_not_told() {
    let kept = Kept::redis(Bounds::default()).await;
    let courses = [id()];
    let writers = (0..WRITERS).map(|seed| Writer {
        erasures: true,
        turnover: 0.3,
        learner: neighbour,
        learners: vec![neighbour()],
        ..Writer::new(&kept.store, seed, &courses)
    });
    let load = Load::of(writers).await;
    for repair in [false, true, false, true] {
        // So many come that it may remain open how the summary stands.
        let (_, differences) = kept.verify(repair).await;
        assert_eq!(differences, []);
    }
    load.end(&kept).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_course_that_all_write_to_is_mended() {
    let kept = Kept::redis(Bounds::default()).await;
    let (courses, learners) = ([id()], vec![id()]);
    let writers = (0..WRITERS).map(|seed| Writer {
        learners: learners.clone(),
        ..Writer::new(&kept.store, seed, &courses)
    });
    let load = Load::of(writers).await;
    let at = Studied {
        learner: learners[0],
        course: courses[0],
    };
    for _ in 0..20 {
        for key in [at.totals(), at.summary()] {
            kept.command::<()>("HINCRBY", &key, &["m", "7"]).await;
        }
        let (verified, differences) = kept.verify(true).await;
        assert_eq!(differences.len(), 2);
        assert!(verified.is_well(), "{verified:?}");
    }
    load.end(&kept).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_missed_while_slots_move() {
    let cluster = Cluster::start(3, 0, IN_MEMORY).await;
    // With the usual time limits: the driver of a Cluster may hang after slots have moved, until they
    // end and the lane is replaced.
    let settings = Cli::parse_from(["study-stats"]).config.redis_settings();
    let (url, bounds) = (cluster.url(), Bounds::default());
    let kept = Kept::on(&url, &settings, bounds, Vec::new(), Box::new(())).await;
    let course = id();
    let records: Vec<_> = (0..400)
        .map(|_| record(id(), course, stats(1.0, 2.0, 3.0)))
        .collect();
    for outcome in kept.store.record_many(&records).await {
        outcome.unwrap();
    }
    let mut learners: Vec<_> = records.iter().map(|record| record.learner).collect();
    learners.sort();

    let moving = tokio::spawn(async move {
        // There and back, so that there are keys on the way for as long as a scan may take.
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
        let (verified, differences) = kept.verify(true).await;
        assert_eq!(differences, []);
        assert_eq!((verified.sessions, verified.unsettled), (400, 0));
        assert_eq!(kept.store.learners(None).await.unwrap(), learners);
        rounds += 1;
    }
    let cluster = moving.await.unwrap();
    let masters: Vec<_> = cluster.nodes.iter().map(Redis::url).collect();
    assert_eq!(audit(&masters).await, 400);
}
