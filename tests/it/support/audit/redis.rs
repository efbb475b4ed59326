//! Reads all keys of a Redis store.

use std::collections::{BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use study_stats::domain::{Decimal, Measures, Summary, Totals};
use uuid::Uuid;

use crate::support::audit::{Contents, bucket};
use crate::support::processes::redis::connect;
use crate::support::stores::history::stats;

/// Asserts that all keys of the masters equal a recount of the sessions, and returns the number of
/// sessions.
pub(crate) async fn audit(masters: &[String]) -> usize {
    let mut contents = Contents::default();
    for master in masters {
        let mut redis = connect(master).await;
        for key in keys(&mut redis).await {
            add(&mut contents, &mut redis, &key).await;
        }
    }
    contents.audit()
}

/// Adds the value of a key, `ss:{bucket}:kind:ids…`.
async fn add(contents: &mut Contents, redis: &mut MultiplexedConnection, key: &str) {
    let parts: Vec<_> = key.split(':').collect();
    let ["ss", tag, kind, ref ids @ ..] = parts[..] else {
        panic!("{key}")
    };
    let tag: u16 = tag[1..tag.len() - 1].parse().unwrap();
    let ids: Vec<u128> = ids
        .iter()
        .map(|id| number(&URL_SAFE_NO_PAD.decode(id).unwrap()))
        .collect();
    assert!(kind == "c" || tag == bucket(ids[0]), "{key}");
    match (kind, &ids[..]) {
        ("s", &[learner, course, id]) => {
            let hash: HashMap<String, String> = redis.hgetall(key).await.unwrap();
            let number = |field: &str| hash[field].parse::<f64>().unwrap();
            let session = stats(number("m"), number("s"), number("t"));
            let occurred = hash["o"].parse().unwrap();
            let key = (learner, course, id);
            contents.sessions.insert(key, (session, occurred));
        }
        ("t", &[learner, course]) => {
            let Summary { learners, totals } = sums(redis, key).await;
            assert_eq!(learners, 0, "{key}");
            contents.totals.insert((learner, course), totals);
        }
        ("c", &[course]) => {
            let summary = sums(redis, key).await;
            contents.summaries.insert((course, tag), summary);
        }
        ("i", &[learner, course]) => {
            let members = members(redis, key).await;
            let members = members.map(|(id, millis)| (learner, course, millis, id));
            contents.timelines.extend(members);
        }
        ("u", &[learner]) => {
            let members = members(redis, key).await;
            let members = members.map(|(course, millis)| (learner, millis, course));
            contents.courses.extend(members);
        }
        ("x", &[_]) => {}
        _ => panic!("{key}"),
    }
}

async fn keys(redis: &mut MultiplexedConnection) -> BTreeSet<String> {
    let mut scan = redis.scan_match::<_, String>("ss:*").await.unwrap();
    let mut all = BTreeSet::new();
    while let Some(key) = scan.next_item().await {
        all.insert(key.unwrap());
    }
    // Result of the last verification.
    all.remove("ss:verified");
    all
}

/// Sums of an aggregate in the canonical spelling: no fields of zero, and a fraction below one unit,
/// with the sign of the units.
async fn sums(redis: &mut MultiplexedConnection, key: &str) -> Summary {
    let hash: HashMap<String, i64> = redis.hgetall(key).await.unwrap();
    assert!(hash.values().all(|value| *value != 0), "{key} holds a zero");
    let field = |name: &str| hash.get(name).copied().unwrap_or_default();
    let sum = |name: &str| {
        let (units, fraction) = (field(name), field(&format!("{name}f")));
        let is_below_one = fraction.abs() < 1_000_000_000_000_000;
        let has_one_sign = units.signum() * fraction.signum() >= 0;
        assert!(
            is_below_one && has_one_sign,
            "{key}: {units} and {fraction}"
        );
        Decimal::from_parts(units, fraction)
    };
    Summary {
        learners: field("l").try_into().unwrap(),
        totals: Totals {
            sessions: field("n").try_into().unwrap(),
            sums: Measures::from(["m", "s", "t"]).map(sum),
        },
    }
}

/// Members of a sorted set, which are ids, and scores.
async fn members(
    redis: &mut MultiplexedConnection,
    key: &str,
) -> impl Iterator<Item = (u128, i64)> {
    let members: Vec<(Vec<u8>, i64)> = redis.zrange_withscores(key, 0, -1).await.unwrap();
    members
        .into_iter()
        .map(|(id, millis)| (number(&id), millis))
}

fn number(id: &[u8]) -> u128 {
    Uuid::from_slice(id).unwrap().as_u128()
}
