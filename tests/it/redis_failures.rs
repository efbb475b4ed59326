//! Redis breaks while it is used. The service says so in time, loses nothing that it acknowledged,
//! and heals by itself.

use std::time::Instant;

use deadpool_redis::redis::cmd;

use crate::support::api::{Client, body, new_id};
use crate::support::eventually;
use crate::support::load::Load;
use crate::support::redis::{DURABLE, IN_MEMORY, Redis};
use crate::support::service::{Service, on_redis};

async fn becomes_ready(client: &Client) {
    eventually("the service is ready", || async {
        (client.ready().await.status == 200).then_some(())
    })
    .await;
}

/// The service on a Redis of its own, under load from 16 clients.
struct UnderLoad {
    client: Client,
    load: Load,
    redis: Redis,
    _service: Service,
}

impl UnderLoad {
    async fn start(options: &[&str]) -> Self {
        let redis = Redis::start(options).await;
        let service = Service::start(&mut on_redis(&redis.url()));
        let client = service.client();
        becomes_ready(&client).await;
        let load = Load::start(vec![client.clone()], 16);
        Self {
            client,
            load,
            redis,
            _service: service,
        }
    }

    /// Ends the load and holds all that was written to what is stored.
    async fn verify(self) {
        self.load.stop().await.verify(&self.client).await;
    }
}

/// Asserts that everything but liveness is 503, each within the time that a request may take.
async fn assert_away(client: &Client) {
    let (learner, course) = (new_id(), new_id());
    let start = Instant::now();
    for answer in [
        client.ready().await,
        client.post(&learner, &course, &body(1, 2, 3)).await,
        client.totals(&learner, &course).await,
        client
            .get(
                &learner,
                &format!("/courses/{course}/sessions/{}", new_id()),
            )
            .await,
    ] {
        assert_eq!(
            (answer.status, answer.message().as_str()),
            (503, "store unavailable"),
            "{answer:?}"
        );
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    // Each may take twice the store timeout of a second; a hang would take the client's patience.
    assert!(start.elapsed().as_secs() < 60);
    assert_eq!(client.get("", "/health/live").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn absent_at_start_it_is_used_once_it_comes() {
    let mut redis = Redis::start(IN_MEMORY).await;
    redis.kill().await;
    let service = Service::start(&mut on_redis(&redis.url()));
    assert_away(&service.client()).await;
    redis.restart().await;
    becomes_ready(&service.client()).await;
    assert_eq!(
        service
            .client()
            .post(&new_id(), &new_id(), &body(1, 2, 3))
            .await
            .status,
        201
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_brought_back_under_load_it_has_lost_nothing_acknowledged() {
    let mut it = UnderLoad::start(DURABLE).await;
    for _ in 0..2 {
        it.load.goes_on(200).await;
        it.redis.kill().await;
        it.load.notices().await;
        assert_away(&it.client).await;
        it.redis.restart().await;
        it.load.goes_on(200).await;
        becomes_ready(&it.client).await;
    }
    it.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_it_is_away_and_thawed_it_is_back() {
    let it = UnderLoad::start(IN_MEMORY).await;
    it.load.goes_on(100).await;
    it.redis.freeze().await;
    it.load.notices().await;
    assert_away(&it.client).await;
    it.redis.thaw().await;
    it.load.goes_on(100).await;
    becomes_ready(&it.client).await;
    it.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flushed_scripts_under_load_fail_no_request() {
    let it = UnderLoad::start(IN_MEMORY).await;
    let mut connection = it.redis.connection().await;
    for _ in 0..100 {
        it.load.goes_on(10).await;
        cmd("SCRIPT")
            .arg("FLUSH")
            .exec_async(&mut connection)
            .await
            .unwrap();
    }
    assert_eq!(it.load.failed(), 0);
    it.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_services_on_one_redis_count_as_one() {
    let redis = Redis::start(IN_MEMORY).await;
    let services = [0, 1].map(|_| Service::start(&mut on_redis(&redis.url())));
    let clients = services.each_ref().map(Service::client);
    for client in &clients {
        becomes_ready(client).await;
    }
    // Every writer takes them in turn, for the same sessions.
    let load = Load::start(clients.to_vec(), 32);
    load.goes_on(2_000).await;
    let report = load.stop().await;
    assert_eq!(report.failed, 0);
    for client in &clients {
        report.verify(client).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_connections_are_replaced_under_load() {
    let it = UnderLoad::start(IN_MEMORY).await;
    let mut connection = it.redis.connection().await;
    for _ in 0..10 {
        it.load.goes_on(100).await;
        cmd("CLIENT")
            .arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"])
            .exec_async(&mut connection)
            .await
            .unwrap();
    }
    it.load.goes_on(100).await;
    becomes_ready(&it.client).await;
    it.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_503_and_neither_told_nor_logged() {
    let redis = Redis::start(IN_MEMORY).await;
    let mut connection = redis.connection().await;
    cmd("CONFIG")
        .arg(&["SET", "requirepass", "right-password"])
        .exec_async(&mut connection)
        .await
        .unwrap();
    let url = |password: &str| redis.url().replace("//", &format!("//:{password}@"));
    let wrong = Service::start(&mut on_redis(&url("wrong-password")));
    let answer = wrong
        .client()
        .post(&new_id(), &new_id(), &body(1, 2, 3))
        .await;
    assert_eq!(answer.status, 503);
    eventually("the failure is logged", || async {
        wrong.log().contains("request failed").then_some(())
    })
    .await;
    assert!(
        !wrong.log().contains("password@") && !wrong.log().contains("wrong-password"),
        "{}",
        wrong.log()
    );

    let right = Service::start(&mut on_redis(&url("right-password")));
    becomes_ready(&right.client()).await;
}
