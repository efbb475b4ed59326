//! The limit of concurrent requests: requests past the limit are refused at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use study_stats::store::StatsStore;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::support::api::{Answer, Api, Client, Settings, assert_error, body, new_id};
use crate::support::eventually;
use crate::support::http::batch::{assert_invalid, batch, new_record, post_batch};
use crate::support::http::raw;
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::service::{Service, on_redis};
use crate::support::stores::fixture::Fixture;
use crate::support::stores::hooked::Hooked;

/// A gate before a store: only pings pass until the gate opens.
struct Gate {
    entered: AtomicUsize,
    gate: Semaphore,
}

impl Gate {
    /// A closed gate, and a store behind the gate.
    async fn closed() -> (Arc<Self>, Arc<dyn StatsStore>, Fixture) {
        let gate = Arc::new(Self {
            entered: AtomicUsize::new(0),
            gate: Semaphore::new(0),
        });
        let fixture = Fixture::embedded().await;
        let passed = Arc::clone(&gate);
        let store = Hooked {
            store: fixture.store.clone(),
            hook: Box::new(move || {
                let gate = Arc::clone(&passed);
                Box::pin(async move {
                    gate.entered.fetch_add(1, Ordering::SeqCst);
                    // A closed semaphore returns an error: the gate is open for good.
                    let _ = gate.gate.acquire().await;
                    Ok(())
                })
            }),
            pings: false,
        };
        (gate, Arc::new(store), fixture)
    }

    fn open(&self) {
        self.gate.close();
    }

    async fn was_entered(&self, times: usize) {
        eventually("calls are in the store", || async {
            (self.entered.load(Ordering::SeqCst) == times).then_some(())
        })
        .await;
    }
}

async fn serve(store: Arc<dyn StatsStore>, max_requests: usize) -> Api {
    let settings = Settings {
        max_requests,
        ..Settings::default()
    };
    Api::serve_with(store, settings).await
}

/// Posts records without waiting for the responses.
fn posts(api: &Api, count: usize) -> JoinSet<Answer> {
    let post =
        |client: Client| async move { client.post(&new_id(), &new_id(), &body(1, 2, 3)).await };
    (0..count).map(|_| post(api.client.clone())).collect()
}

#[tokio::test]
async fn requests_past_the_limit_are_refused_at_once_and_the_others_are_served() {
    let (gate, store, _fixture) = Gate::closed().await;
    let api = serve(store.clone(), 3).await;
    let in_flight = posts(&api, 3);
    gate.was_entered(3).await;

    let (learner, course) = (new_id(), format!("/courses/{}", new_id()));
    let session = format!("{course}/sessions/{}", new_id());
    for answer in [
        api.client.post(&learner, &new_id(), &body(1, 2, 3)).await,
        api.client.get(&learner, &course).await,
        api.client.get(&learner, &session).await,
        api.client.batch(batch([new_record()])).await,
        api.client.delete(&learner, &session).await,
        api.client.delete(&learner, &course).await,
        api.client.delete(&learner, "/learner").await,
    ] {
        assert_error(&answer, 503, "overloaded", "overloaded");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    assert_eq!(gate.entered.load(Ordering::SeqCst), 3);

    gate.open();
    for answer in in_flight.join_all().await {
        assert_eq!(answer.status, 201);
    }
    for answer in posts(&api, 3).join_all().await {
        assert_eq!(answer.status, 201, "the permits are free again");
    }
}

/// Sends GET requests of a new learner without waiting for the responses.
fn gets(api: &Api, paths: impl Iterator<Item = String>) -> JoinSet<Answer> {
    let get = |path: String| {
        let client = api.client.clone();
        async move {
            client
                .get("0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f", &path)
                .await
        }
    };
    paths.map(get).collect()
}

#[tokio::test]
async fn large_requests_take_places_by_their_cost_and_small_requests_pass() {
    let paths = |below: &'static str| {
        std::iter::repeat_with(move || format!("/courses/{}/{below}", new_id())).take(30)
    };
    // Of 2,048 places a summary and a page of a roster take 1,024, a page as many as it may have items.
    for (below, at_once) in [
        ("summary", 2),
        ("learners?limit=1", 2),
        ("sessions?limit=500", 4),
        ("sessions?limit=17", 30),
        ("activity", 1 + 1),
    ] {
        let (gate, store, _fixture) = Gate::closed().await;
        let api = serve(store.clone(), 1_000).await;
        let large = gets(&api, paths(below));
        gate.was_entered(at_once).await;
        // Small requests reach the store, and readiness needs no place.
        let small = posts(&api, 5);
        gate.was_entered(at_once + 5).await;
        assert_eq!(api.client.ready().await.status, 200, "{below}");
        assert_eq!(gate.entered.load(Ordering::SeqCst), at_once + 5, "{below}");
        gate.open();
        for answer in small.join_all().await {
            assert_eq!(answer.status, 201);
        }
        for answer in large.join_all().await {
            assert!([200, 404, 503].contains(&answer.status), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn equal_large_reads_share_a_read_that_has_not_begun() {
    const CALLERS: usize = 8;
    let (gate, store, _fixture) = Gate::closed().await;
    let api = serve(store.clone(), 1_000).await;
    let course = new_id();
    let path = format!("/courses/{course}/summary");
    let begun = gets(&api, [path.clone(), path.clone()].into_iter());
    gate.was_entered(2).await;
    let waiting = gets(&api, std::iter::repeat_n(path, 2 * CALLERS));
    // The waiting reads are there before the gate opens.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    gate.open();
    for answer in begun
        .join_all()
        .await
        .into_iter()
        .chain(waiting.join_all().await)
    {
        assert_eq!(answer.message(), "no stats found");
    }
    assert_eq!(gate.entered.load(Ordering::SeqCst), 2 + 2);
}

#[tokio::test]
async fn a_large_request_without_places_is_refused_after_a_second() {
    let (gate, store, _fixture) = Gate::closed().await;
    let api = serve(store.clone(), 1_000).await;
    let path = || format!("/courses/{}/summary", new_id());
    let begun = gets(&api, std::iter::repeat_with(path).take(2));
    gate.was_entered(2).await;
    let refused = api.client.get("", &path()).await;
    assert_error(&refused, 503, "overloaded", "overloaded");
    gate.open();
    assert_eq!(begun.join_all().await.len(), 2);
}

#[tokio::test]
async fn requests_without_the_store_are_answered_under_overload() {
    let (gate, store, _fixture) = Gate::closed().await;
    let api = serve(store.clone(), 1).await;
    let _in_flight = posts(&api, 1);
    gate.was_entered(1).await;
    for path in ["/health/live", "/health/ready", "/docs", "/openapi.json"] {
        assert_eq!(api.client.get("", path).await.status, 200, "{path}");
    }
    let wrong = api.client.totals("x", &new_id()).await;
    assert_error(&wrong, 400, "invalid userId", "invalid_request");
    assert_invalid(
        &post_batch(&api.client, &[json!(5)]).await[0],
        &["sessions"],
    );
}

#[tokio::test]
async fn a_cancelled_request_releases_its_permit() {
    let (gate, store, _fixture) = Gate::closed().await;
    let api = serve(store.clone(), 1).await;
    let cancelled = posts(&api, 1);
    gate.was_entered(1).await;
    drop(cancelled);
    eventually("the permit is free", || async {
        let mut next = posts(&api, 1);
        tokio::select! {
            () = gate.was_entered(2) => Some(()),
            Some(refused) = next.join_next() => {
                assert_eq!(refused.unwrap().message(), "overloaded");
                None
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_slow_body_takes_no_permit() {
    let fixture = Fixture::embedded().await;
    let api = serve(fixture.store.clone(), 1).await;
    let body = body(1, 2, 3).to_string();
    let mut slow = raw::connect(api.client.address, 20).await;
    let mut rest = "";
    for stream in &mut slow {
        rest = raw::partial_post(stream, &body).await;
    }
    for answer in posts(&api, 1).join_all().await {
        assert_eq!(answer.status, 201);
    }
    for stream in &mut slow {
        stream.write_all(rest.as_bytes()).await.unwrap();
        let answer = raw::answer(stream).await;
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_requests_are_summed_up_in_the_log() {
    const REQUESTS: u64 = 100;
    let redis = Redis::start(IN_MEMORY).await;
    let service = Service::start(on_redis(&redis.url()).envs([
        ("MAX_REQUESTS", "1"),
        ("STORE_TIMEOUT", "1h"),
        ("REQUEST_TIMEOUT", "1h"),
    ]));
    let client = service.client();
    eventually("it is ready", || async {
        (client.ready().await.status == 200).then_some(())
    })
    .await;
    for burst in 1..=2 {
        redis.server.freeze().await;
        let mut requests: JoinSet<_> = (0..REQUESTS)
            .map(|_| {
                let client = client.clone();
                async move { client.totals(&new_id(), &new_id()).await }
            })
            .collect();
        for _ in 1..REQUESTS {
            let refused = requests.join_next().await.unwrap().unwrap();
            assert_eq!(refused.message(), "overloaded");
        }
        redis.server.thaw().await;
        let served = requests.join_next().await.unwrap().unwrap();
        assert_eq!(served.message(), "no stats found");

        let refused = burst * (REQUESTS - 1);
        let lines = eventually("all refusals are logged", || async {
            let lines = overload_lines(&service);
            let logged: u64 = lines
                .iter()
                .map(|line| line["requests"].as_u64().unwrap())
                .sum();
            assert!(logged <= refused, "more refusals in the log than requests");
            (logged == refused).then_some(lines)
        })
        .await;
        assert!(
            lines.iter().all(|line| line["level"] == "WARN"),
            "{lines:?}"
        );
        assert!(lines.len() < 20, "{lines:?}");
    }
}

/// The log lines about refused requests.
fn overload_lines(service: &Service) -> Vec<Value> {
    let log = service.log();
    log.lines()
        .filter(|line| line.contains("overloaded"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
