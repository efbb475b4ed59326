//! Roster of a course: the rosters of all buckets, one after the other.

use redis::{Cmd, cmd};

use super::connection::scatter::Scatter;
use super::{RedisStore, codec, reads};
use crate::domain::{CourseId, Enrolment, LearnerId, ListedLearner, Roster};
use crate::store::StoreError;
use crate::store::bucket::{self, BUCKETS};

/// Number of buckets that a request reads at once.
const BUCKETS_AT_ONCE: u16 = 128;

/// Reads a page of a roster: learners by bucket and then by id.
///
/// A learner who left the course between the reads is absent from the page, and the page is filled up.
pub(super) async fn page(
    store: &RedisStore,
    course: CourseId,
    mut after: Option<LearnerId>,
    limit: usize,
) -> Result<Roster, StoreError> {
    let mut learners = Vec::new();
    loop {
        // A learner more than the limit shows that a next page exists.
        let wanted = limit.saturating_add(1) - learners.len();
        let found = ids(store, course, after, wanted).await?;
        let is_last = found.len() < wanted;
        after = found.last().copied().or(after);
        learners.extend(listed(store, course, &found).await?);
        if is_last || learners.len() > limit {
            break;
        }
    }
    let is_last = learners.len() <= limit;
    learners.truncate(limit);
    let next = learners.last().filter(|_| !is_last).map(|last| last.id);
    Ok(Roster { learners, next })
}

/// Reads the next ids of a roster, at most `count`.
async fn ids(
    store: &RedisStore,
    course: CourseId,
    after: Option<LearnerId>,
    count: usize,
) -> Result<Vec<LearnerId>, StoreError> {
    let (mut found, mut first) = (Vec::new(), after.map_or(0, bucket::of));
    while first < BUCKETS && found.len() < count {
        let until = BUCKETS.min(first.saturating_add(BUCKETS_AT_ONCE));
        let rest = count - found.len();
        let commands = (first..until).map(|bucket| {
            let after = after.filter(|after| bucket::of(*after) == bucket);
            let key = store.keys.roster_in(bucket, course);
            (bucket, members(&key, after, rest))
        });
        let pages: Vec<Vec<Vec<u8>>> = store.query(&Scatter(commands.collect())).await?;
        for member in pages.into_iter().flatten().take(rest) {
            found.push(codec::id(&member)?.into());
        }
        first = until;
    }
    Ok(found)
}

/// Command that reads members of a roster after a learner, in the order of the ids.
fn members(key: &str, after: Option<LearnerId>, count: usize) -> Cmd {
    let mut command = cmd("ZRANGE");
    command.arg(key).arg(start(after)).arg("+").arg("BYLEX");
    command.arg("LIMIT").arg(0).arg(count);
    command
}

/// Start of a range after a learner, or of all learners, as `ZRANGE BYLEX` takes it.
pub(super) fn start(after: Option<LearnerId>) -> Vec<u8> {
    match after {
        Some(after) => [b"(".as_slice(), after.as_bytes()].concat(),
        None => b"-".to_vec(),
    }
}

/// Reads the totals and the latest times of learners.
async fn listed(
    store: &RedisStore,
    course: CourseId,
    learners: &[LearnerId],
) -> Result<Vec<ListedLearner>, StoreError> {
    let commands = |command: &dyn Fn(Enrolment) -> Cmd| {
        let commands = learners.iter().map(|&learner| {
            let enrolment = Enrolment::new(learner, course);
            (bucket::of(learner), command(enrolment))
        });
        Scatter(commands.collect())
    };
    let totals = commands(&|enrolment| reads::text(&store.keys.totals(enrolment)));
    let latest = commands(&|enrolment| {
        let mut latest = cmd("ZRANGE");
        latest.arg(store.keys.timeline(enrolment)).arg(-1).arg(-1);
        latest.arg("WITHSCORES");
        latest
    });
    let totals: Vec<Option<String>> = store.query(&totals).await?;
    let latest: Vec<Vec<(Vec<u8>, i64)>> = store.query(&latest).await?;
    let mut found = Vec::with_capacity(learners.len());
    for ((&id, totals), latest) in learners.iter().zip(totals).zip(latest) {
        if let (Some(totals), Some((_, last_occurred))) = (codec::totals(totals)?, latest.first()) {
            found.push(ListedLearner {
                id,
                totals,
                last_occurred: *last_occurred,
            });
        }
    }
    Ok(found)
}
