//! Reads all keys of a Redis store.

use std::collections::{BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use uuid::Uuid;

use crate::support::audit::{Contents, bucket, summary, totals};
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
    assert!(["y", "r"].contains(&kind) || tag == bucket(ids[0]), "{key}");
    match (kind, &ids[..]) {
        ("s", &[learner, course, id]) => {
            let hash: HashMap<String, String> = redis.hgetall(key).await.unwrap();
            let number = |field: &str| hash[field].parse::<f64>().unwrap();
            let session = stats(number("m"), number("s"), number("t"));
            let occurred = hash["o"].parse().unwrap();
            let key = (learner, course, id);
            contents.sessions.insert(key, (session, occurred));
        }
        ("a", &[learner, course]) => {
            let text: String = redis.get(key).await.unwrap();
            contents.totals.insert((learner, course), totals(&text));
        }
        ("y", &[course]) => {
            let text: String = redis.get(key).await.unwrap();
            contents.summaries.insert((course, tag), summary(&text));
        }
        ("r", &[course]) => {
            for (learner, score) in members(redis, key).await {
                assert_eq!(score, 0, "{key}");
                assert_eq!(tag, bucket(learner), "{key}");
                contents.rosters.insert((course, learner));
            }
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
    // Result of the last verification, and version of the layout.
    all.remove("ss:verified");
    all.remove("ss:schema");
    all
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
