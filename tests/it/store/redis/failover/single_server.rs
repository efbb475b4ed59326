//! Failures of a single Redis: 503 within the timeout, no loss of an acknowledged write, and recovery
//! without a restart.

use std::time::Instant;

use crate::support::api::{Client, body, new_id};
use crate::support::eventually;
use crate::support::faults::proxy::Proxy;
use crate::support::load::requests::Load;
use crate::support::load::service::{UnderLoad, assert_serves, becomes_ready};
use crate::support::processes::commands::run;
use crate::support::processes::redis::{DURABLE, IN_MEMORY, Redis};
use crate::support::processes::service::{Service, on_redis};

/// Asserts that every request but liveness is 503 within the timeout.
async fn assert_unavailable(client: &Client) {
    eventually("readiness has a new answer of the store", || async {
        (client.ready().await.status == 503).then_some(())
    })
    .await;
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
    // A request may take twice the store timeout of a second; a hang would take the timeout of the
    // client.
    assert!(start.elapsed().as_secs() < 60);
    assert_eq!(client.get("", "/health/live").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_absent_at_the_start_is_used_once_present() {
    let mut redis = Redis::start(IN_MEMORY).await;
    redis.kill().await;
    let service = Service::start(&mut on_redis(&redis.url()));
    assert_unavailable(&service.client()).await;
    redis.restart().await;
    becomes_ready(&service.client()).await;
    assert_serves(&service.client()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_and_restarted_redis_loses_no_acknowledged_write() {
    let mut redis = Redis::start(DURABLE).await;
    let under_load = UnderLoad::start(&redis.url()).await;
    for _ in 0..2 {
        redis.kill().await;
        under_load.load.wait_for_failure().await;
        assert_unavailable(&under_load.client).await;
        redis.restart().await;
        under_load.recovers().await;
    }
    under_load
        .verify("Redis is killed and restarted, twice", &[&redis])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_redis_is_unavailable_until_thawed() {
    let redis = Redis::start(IN_MEMORY).await;
    let under_load = UnderLoad::start(&redis.url()).await;
    redis.server.freeze().await;
    under_load.load.wait_for_failure().await;
    assert_unavailable(&under_load.client).await;
    redis.server.thaw().await;
    under_load.recovers().await;
    under_load.verify("Redis hangs", &[&redis]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loading_redis_is_unavailable() {
    let mut redis = Redis::start(DURABLE).await;
    let under_load = UnderLoad::start(&redis.url()).await;
    under_load.load.wait_for_writes(1_000).await;
    // As a snapshot, which Redis loads in small parts: in between, Redis answers with a loading error.
    redis.ask::<()>("BGREWRITEAOF").await;
    eventually("the file is written anew", || async {
        let info: String = redis.ask("INFO persistence").await;
        info.contains("aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0")
            .then_some(())
    })
    .await;
    redis.kill().await;
    under_load.load.wait_for_failure().await;
    let slow = "--key-load-delay 1000 --loading-process-events-interval-bytes 1024";
    let slow: Vec<_> = slow.split(' ').collect();
    redis.server.restart_with(&slow).await;
    eventually("the service meets a Redis that loads", || async {
        under_load
            .service
            .log()
            .contains("BusyLoading")
            .then_some(())
    })
    .await;
    redis.until_it_answers().await;
    under_load.recovers().await;
    under_load.verify("Redis loads its data", &[&redis]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_write_is_not_executed_later() {
    let redis = Redis::start(IN_MEMORY).await;
    let service = Service::start(&mut on_redis(&redis.url()));
    let client = service.client();
    becomes_ready(&client).await;
    let (learner, course, body) = (new_id(), new_id(), body(1, 2, 3));
    redis.server.freeze().await;
    assert_eq!(client.post(&learner, &course, &body).await.status, 503);
    redis.server.thaw().await;
    // A thawed Redis reads pending requests of open sockets before new connections.
    becomes_ready(&client).await;
    assert_eq!(client.totals(&learner, &course).await.status, 404);
    assert_eq!(client.post(&learner, &course, &body).await.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_clock_of_redis_refuses_no_write() {
    let redis = Redis::start(IN_MEMORY).await;
    let proxy = Proxy::start(redis.server.port()).await;
    proxy.return_wrong_time();
    let under_load = UnderLoad::start(&proxy.url()).await;
    let report = under_load
        .verify("the clock is wrong by months", &[&redis])
        .await;
    assert_eq!(report.failed, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flushed_scripts_under_load_fail_no_request() {
    let redis = Redis::start(IN_MEMORY).await;
    let under_load = UnderLoad::start(&redis.url()).await;
    for _ in 0..100 {
        under_load.load.wait_for_writes(10).await;
        redis.ask::<()>("SCRIPT FLUSH").await;
    }
    let report = under_load
        .verify("the scripts are flushed, 100 times", &[&redis])
        .await;
    assert_eq!((report.failed, report.failed_reads), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_redis_refuses_writes_and_answers_reads() {
    let redis = Redis::start(IN_MEMORY).await;
    let under_load = UnderLoad::start(&redis.url()).await;
    let (learner, course) = (new_id(), new_id());
    under_load
        .client
        .post(&learner, &course, &body(1, 2, 3))
        .await;
    redis.ask::<()>("CONFIG SET maxmemory 1").await;
    under_load.load.wait_for_failure().await;
    let refused = under_load
        .client
        .post(&learner, &course, &body(1, 2, 3))
        .await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(
        under_load.client.totals(&learner, &course).await.json()["timeStudied"],
        3
    );
    assert!(
        under_load.service.log().contains("OOM"),
        "{}",
        under_load.service.log()
    );
    redis.ask::<()>("CONFIG SET maxmemory 0").await;
    under_load.recovers().await;
    under_load
        .verify("Redis is full (`maxmemory`)", &[&redis])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_cannot_write_its_disk_refuses_writes_and_answers_reads() {
    let redis = Redis::start(&["--save", "3600 1"]).await;
    let under_load = UnderLoad::start(&redis.url()).await;
    let (learner, course) = (new_id(), new_id());
    let client = &under_load.client;
    client.post(&learner, &course, &body(1, 2, 3)).await;
    redis.server.block_file("dump.rdb", true);
    redis.ask::<()>("BGSAVE").await;
    under_load.load.wait_for_failure().await;
    // New connections too.
    redis.ask::<()>("CLIENT KILL TYPE normal").await;
    let refused = client.post(&learner, &course, &body(1, 2, 3)).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    becomes_ready(client).await;
    let totals = client.totals(&learner, &course).await.json();
    assert_eq!(totals["timeStudied"], 3);
    let other = Service::start(&mut on_redis(&redis.url()));
    becomes_ready(&other.client()).await;
    eventually("the finding is logged", || async {
        let log = other.log();
        log.contains("Redis refuses all writes, as it cannot write its snapshots")
            .then_some(())
    })
    .await;
    let doctor = run(&mut on_redis(&redis.url()), &["doctor"]);
    assert!(
        doctor.out.contains("Redis refuses all writes"),
        "{doctor:?}"
    );
    let exported = run(&mut on_redis(&redis.url()), &["export"]).succeeded();
    assert!(exported.contains(&learner), "{exported}");
    redis.server.block_file("dump.rdb", false);
    redis.ask::<()>("BGSAVE").await;
    under_load.recovers().await;
    under_load
        .verify("Redis cannot write its disk (`MISCONF`)", &[&redis])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_services_on_a_shared_redis_keep_exact_totals() {
    let redis = Redis::start(IN_MEMORY).await;
    let services = [0, 1].map(|_| Service::start(&mut on_redis(&redis.url())));
    let clients = services.each_ref().map(Service::client);
    for client in &clients {
        becomes_ready(client).await;
    }
    // Every writer uses both clients in turn, for the same sessions.
    let load = Load::start(clients.to_vec(), 32);
    load.wait_for_writes(2_000).await;
    let report = load.stop().await;
    assert_eq!((report.failed, report.failed_reads), (0, 0));
    for client in &clients {
        report.verify(client).await;
    }
}
