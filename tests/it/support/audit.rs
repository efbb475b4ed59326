//! Counts again all that Redis keeps: every total, summary and index against the sessions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use study_stats::domain::{Decimal, Stats, Totals};

use super::history::stats;
use super::redis::connect;

/// A key's fields.
type Hash = HashMap<String, String>;

/// What the sessions say that the aggregates should be, by the aggregates' keys.
#[derive(Default)]
struct Recount {
    totals: BTreeMap<String, Totals>,
    summaries: BTreeMap<String, Totals>,
    learners: BTreeMap<String, BTreeSet<String>>,
    timelines: BTreeMap<String, BTreeMap<String, i64>>,
    courses: BTreeMap<String, BTreeMap<String, i64>>,
}

impl Recount {
    /// Counts a session of the key `ss:{bucket}:s:learner:course:session`.
    fn count(&mut self, key: &str, session: &Hash) {
        let parts: Vec<_> = key.split(':').collect();
        let [prefix, bucket, "s", learner, course, session_id] = parts[..] else {
            panic!("{key}")
        };
        let number = |field: &str| session[field].parse::<f64>().unwrap();
        let stats = stats(number("m"), number("s"), number("t"));
        let occurred: i64 = session["o"].parse().unwrap();
        let key = |kind: &str, ids: &str| format!("{prefix}:{bucket}:{kind}:{ids}");
        let (both, summary) = (format!("{learner}:{course}"), key("c", course));

        add(self.totals.entry(key("t", &both)).or_default(), &stats);
        add(self.summaries.entry(summary.clone()).or_default(), &stats);
        let learners = self.learners.entry(summary).or_default();
        learners.insert(learner.to_owned());
        let timeline = self.timelines.entry(key("i", &both)).or_default();
        timeline.insert(session_id.to_owned(), occurred);
        let courses = self.courses.entry(key("u", learner)).or_default();
        let latest = courses.entry(course.to_owned()).or_insert(occurred);
        *latest = occurred.max(*latest);
    }
}

fn add(totals: &mut Totals, stats: &Stats) {
    *totals = totals.replaced(None, stats).expect("within limits");
}

/// Asserts that all that the masters at these URLs keep equals a recount of the sessions, to the last digit, and
/// gives how many sessions there are.
pub(crate) async fn audit(masters: &[String]) -> usize {
    let (mut recount, mut sessions) = (Recount::default(), 0);
    let mut aggregates = Vec::new();
    for master in masters {
        let mut connection = connect(master).await;
        let keys = keys(&mut connection).await;
        for key in keys {
            match key.split(':').nth(2).unwrap() {
                "s" => {
                    recount.count(&key, &connection.hgetall(&key).await.unwrap());
                    sessions += 1;
                }
                kind => aggregates.push((kind.to_owned(), key.clone(), connection.clone())),
            }
        }
    }
    for (kind, key, mut connection) in aggregates {
        match kind.as_str() {
            "t" => {
                let stored = connection.hgetall(&key).await.unwrap();
                assert_eq!(totals_of(&stored), recount.totals.remove(&key), "{key}");
            }
            "c" => {
                let stored = connection.hgetall(&key).await.unwrap();
                assert_eq!(totals_of(&stored), recount.summaries.remove(&key), "{key}");
                assert_eq!(stored["l"], recount.learners[&key].len().to_string());
            }
            "i" => assert_eq!(
                Some(index(&mut connection, &key).await),
                recount.timelines.remove(&key)
            ),
            "u" => assert_eq!(
                Some(index(&mut connection, &key).await),
                recount.courses.remove(&key)
            ),
            // When a learner was erased: it says nothing of sessions.
            "x" => {}
            _ => panic!("{key}"),
        }
    }
    assert!(recount.totals.is_empty() && recount.summaries.is_empty());
    assert!(recount.timelines.is_empty() && recount.courses.is_empty());
    sessions
}

async fn keys(connection: &mut MultiplexedConnection) -> BTreeSet<String> {
    let (mut cursor, mut all) = (0_u64, BTreeSet::new());
    loop {
        let (next, some): (u64, Vec<String>) = redis::cmd("SCAN")
            .arg(cursor)
            .arg(&["MATCH", "ss:*", "COUNT", "1000"])
            .query_async(connection)
            .await
            .unwrap();
        all.extend(some);
        if next == 0 {
            return all;
        }
        cursor = next;
    }
}

fn totals_of(stored: &Hash) -> Option<Totals> {
    let number = |field: &str| stored.get(field).map_or(0, |text| text.parse().unwrap());
    let sum = |units, fraction| Decimal::from_parts(number(units), number(fraction));
    Some(Totals {
        sessions: stored["n"].parse().unwrap(),
        modules: sum("m", "mf"),
        score: sum("s", "sf"),
        time: sum("t", "tf"),
    })
}

/// A sorted set's members, as the ids that they are in keys, by their scores.
async fn index(connection: &mut MultiplexedConnection, key: &str) -> BTreeMap<String, i64> {
    use base64::Engine;
    let members: Vec<(Vec<u8>, i64)> = connection.zrange_withscores(key, 0, -1).await.unwrap();
    let text = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let members = members.into_iter();
    members
        .map(|(id, score)| (text.encode(id), score))
        .collect()
}
