//! Failures of replicas behind the balancer, and of Redis, under load.

use crate::compose::{Compose, until_healthy};
use crate::docker::{docker, inspect};
use crate::support::audit::redis::audit;
use crate::support::load::requests::{Load, Report};
use crate::support::load::service::becomes_ready;

/// Starts replicas, and load from 16 clients.
async fn start(replicas: usize) -> (Compose, Load) {
    let compose = Compose::start(replicas).await;
    let load = Load::start(vec![compose.client()], 16);
    load.wait_for_writes(200).await;
    (compose, load)
}

/// Ends the load. Asserts that no acknowledged write was lost or half done, and that all keys in Redis
/// equal a recount.
async fn verify(compose: &Compose, load: Load, fault: &str) -> Report {
    load.wait_for_writes(200).await;
    let report = load.stop().await;
    report.print(fault);
    report.verify(&compose.client()).await;
    audit(&[compose.redis_url()]).await;
    report
}

fn assert_none_failed(report: &Report) {
    assert_eq!((report.failed, report.failed_reads), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_replica_fails_no_request() {
    let (compose, load) = start(3).await;
    for replica in compose.replicas() {
        docker(&format!("kill {replica}"));
        load.wait_for_writes(500).await;
        docker(&format!("start {replica}"));
        until_healthy(&replica).await;
        load.wait_for_writes(500).await;
    }
    let fault = "a replica of three is killed, three times";
    assert_none_failed(&verify(&compose, load, fault).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_replica_fails_no_request() {
    let (compose, load) = start(3).await;
    let replica = &compose.replicas()[0];
    docker(&format!("pause {replica}"));
    load.wait_for_writes(500).await;
    docker(&format!("unpause {replica}"));
    load.wait_for_writes(500).await;
    let fault = "a replica of three hangs";
    assert_none_failed(&verify(&compose, load, fault).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_replicas_in_turn_fails_no_request() {
    let (compose, load) = start(3).await;
    for replica in compose.replicas() {
        docker(&format!("restart --time 15 {replica}"));
        until_healthy(&replica).await;
        load.wait_for_writes(200).await;
    }
    let fault = "all three replicas are restarted in turn";
    assert_none_failed(&verify(&compose, load, fault).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adding_and_removing_replicas_fails_no_request() {
    let (compose, load) = start(2).await;
    for count in [5, 2] {
        compose.scale(count);
        let replicas = compose.replicas();
        assert_eq!(replicas.len(), count);
        for replica in replicas {
            until_healthy(&replica).await;
        }
        load.wait_for_writes(500).await;
    }
    let fault = "2 replicas become 5 and 2 again";
    assert_none_failed(&verify(&compose, load, fault).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_redis_loses_no_acknowledged_write() {
    let (compose, load) = start(3).await;
    let redis = &compose.containers("redis")[0];
    docker(&format!("kill {redis}"));
    load.wait_for_failure().await;
    assert_eq!(compose.client().ready().await.status, 503);
    docker(&format!("start {redis}"));
    becomes_ready(&compose.client()).await;
    verify(&compose, load, "Redis is killed and started again").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_followed_to_a_new_address() {
    let (compose, load) = start(3).await;
    let redis = compose.containers("redis").remove(0);
    let address = |redis: &str| {
        inspect(
            redis,
            "range .NetworkSettings.Networks}}{{.IPAddress}}{{end",
        )
    };
    let former = address(&redis);
    docker(&format!("rm --force {redis}"));
    // A new container has the former address now.
    let network = compose.network();
    let tenant = docker(&format!(
        "run --detach --rm --network {network} redis:7-bookworm sleep 600"
    ));
    assert_eq!(address(&tenant), former);
    compose.scale(3);
    assert_ne!(address(&compose.containers("redis")[0]), former);
    becomes_ready(&compose.client()).await;
    docker(&format!("rm --force {tenant}"));
    verify(&compose, load, "Redis moves to another address").await;
}
