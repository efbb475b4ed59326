//! Connections to Redis that break, or lead to a server without writes.

use std::collections::BTreeSet;

use crate::support::api::{body, new_id};
use crate::support::faults::proxy::Proxy;
use crate::support::load::service::{UnderLoad, assert_serves, becomes_ready};
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::service::{Service, on_redis};
use crate::support::stores::fixture::redis_store;
use crate::support::stores::history::{record, stats};
use crate::support::{eventually, id};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_connections_are_replaced() {
    let redis = Redis::start(IN_MEMORY).await;
    let under_load = UnderLoad::start(&redis.url()).await;
    for _ in 0..10 {
        under_load.load.wait_for_writes(100).await;
        redis.ask::<()>("CLIENT KILL TYPE normal SKIPME yes").await;
    }
    under_load.recovers().await;
    under_load
        .verify("all connections are dropped, 10 times", &[&redis])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_connections_are_replaced() {
    let redis = Redis::start(IN_MEMORY).await;
    let proxy = Proxy::start(redis.server.port()).await;
    let under_load = UnderLoad::start(&proxy.url()).await;
    for _ in 0..10 {
        under_load.load.wait_for_writes(100).await;
        proxy.cut();
    }
    under_load.recovers().await;
    under_load
        .verify("all connections are cut on the way, 10 times", &[&redis])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_of_a_silently_vanished_peer_are_replaced() {
    let redis = Redis::start(IN_MEMORY).await;
    let proxy = Proxy::start(redis.server.port()).await;
    let under_load = UnderLoad::start(&proxy.url()).await;
    for round in 1..=3 {
        proxy.vanish();
        replaced(&under_load.service, 4 * round).await;
        under_load.recovers().await;
    }
    under_load
        .verify("the peer vanishes without a FIN, 3 times", &[&redis])
        .await;
}

/// Waits until a number of connections have been replaced; the pool has four lanes.
async fn replaced(service: &Service, connections: usize) {
    eventually("the connections are replaced", || async {
        let log = service.log();
        (log.matches("is replaced").count() >= connections).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vanished_peer_is_noticed_on_an_idle_connection() {
    let redis = Redis::start(IN_MEMORY).await;
    let proxy = Proxy::start(redis.server.port()).await;
    let service = Service::start(&mut on_redis(&proxy.url()));
    becomes_ready(&service.client()).await;
    proxy.vanish();
    replaced(&service, 4).await;
    assert_serves(&service.client()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_move_from_a_demoted_master_to_the_new_master() {
    let old = Redis::start(IN_MEMORY).await;
    let new = Redis::replica_of(&old, IN_MEMORY).await;
    let proxy = Proxy::start(old.server.port()).await;
    let under_load = UnderLoad::start_with(&proxy.url(), &[("REDIS_WAIT_REPLICAS", "1")]).await;
    // Like a failover of a managed Redis: the replica is promoted, the name resolves to the new
    // address, and connections to the former master stay open.
    new.ask::<()>("REPLICAOF NO ONE").await;
    old.follow(new.server.port()).await;
    proxy.lead_to(new.server.port());
    under_load.recovers().await;
    under_load
        .verify(
            "the master is demoted, the name leads to the new one",
            &[&new],
        )
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_move_from_a_demoted_master_without_writes() {
    let old = Redis::start(IN_MEMORY).await;
    let new = Redis::replica_of(&old, IN_MEMORY).await;
    let proxy = Proxy::start(old.server.port()).await;
    let service = Service::start(&mut on_redis(&proxy.url()));
    let client = service.client();
    becomes_ready(&client).await;
    let (learner, course) = (new_id(), new_id());
    client.post(&learner, &course, &body(1, 2, 3)).await;

    // Without a master to connect to: a replica alone is not ready.
    old.follow(new.server.port()).await;
    eventually("the service is not ready", || async {
        (client.ready().await.status == 503).then_some(())
    })
    .await;
    new.ask::<()>("REPLICAOF NO ONE").await;
    proxy.lead_to(new.server.port());
    becomes_ready(&client).await;
    assert_eq!(
        client.post(&learner, &course, &body(4, 5, 6)).await.status,
        201
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_503_and_never_printed() {
    let redis = Redis::start(IN_MEMORY).await;
    redis
        .ask::<()>("ACL SETUSER app on >right-password ~* +@all")
        .await;
    let url = redis.url().replace("//", "//app:wrong-password@");
    let service = Service::start(&mut on_redis(&url));
    let client = service.client();
    let answer = client.post(&new_id(), &new_id(), &body(1, 2, 3)).await;
    assert_eq!(answer.status, 503);
    eventually("the failure is logged", || async {
        service.log().contains("request failed").then_some(())
    })
    .await;
    let log = service.log();
    assert!(
        !log.contains("password@") && !log.contains("wrong-password"),
        "{log}"
    );

    redis.ask::<()>("ACL SETUSER app >wrong-password").await;
    becomes_ready(&client).await;
    assert_serves(&client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_lane_serves_writes_in_turn() {
    let redis = Redis::start(IN_MEMORY).await;
    let store = redis_store(&redis.url(), &["--redis-lanes", "2"]).await;
    eventually("writes come over both lanes", || async {
        let writing = async {
            // A lane serves several requests in a row.
            for _ in 0..100 {
                let record = record(id(), id(), stats(1.0, 2.0, 3.0));
                store.record(&record).await.unwrap();
            }
        };
        let ((), seen) = redis.monitored(writing).await;
        let clients = seen.iter().filter(|line| line.contains("\"EVAL"));
        let clients: BTreeSet<_> = clients.map(|line| line.split(['[', ']']).nth(1)).collect();
        (clients.len() == 2).then_some(())
    })
    .await;
}
