//! Changes and failures of a Cluster under load.

use std::time::Instant;

use redis::aio::MultiplexedConnection;
use study_stats::domain::{Outcome, Summary};
use study_stats::store::StoreError;
use tokio::sync::oneshot;

use crate::support::api::{body, new_id};
use crate::support::audit::redis::audit;
use crate::support::load::service::{UnderLoad, becomes_ready};
use crate::support::processes::cluster::Cluster;
use crate::support::processes::redis::{DURABLE, IN_MEMORY, Redis, connect};
use crate::support::processes::service::{Service, on_redis};
use crate::support::stores::fixture::redis_store;
use crate::support::stores::history::{record, recount, stats};
use crate::support::{eventually, id};

/// Last slot of the first of three masters.
const LAST_SLOT_OF_FIRST: u16 = 5_460;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_move_under_load() {
    let cluster = Cluster::start(3, 0, IN_MEMORY).await;
    let under_load = UnderLoad::start(&cluster.url()).await;
    under_load.load.wait_for_writes(1_000).await;
    // All slots of the first master with keys: the keys move during writes.
    let mut moved = 0;
    for slot in cluster.used_slots(0..=LAST_SLOT_OF_FIRST, 0).await {
        cluster.move_slot(slot, 0, 1).await;
        moved += 1;
    }
    assert!(moved > 0);
    under_load.recovers().await;
    let masters: Vec<_> = cluster.nodes.iter().collect();
    let fault = format!("Cluster: {moved} slots move to another node");
    under_load.verify(&fault, &masters).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_and_summaries_are_whole_while_slots_move() {
    let cluster = Cluster::start(3, 0, IN_MEMORY).await;
    let store = redis_store(&cluster.url(), &[]).await;
    let course = id();
    let batch: Vec<_> = (0..300)
        .map(|_| record(id(), course, stats(1.0, 2.0, 3.0)))
        .collect();
    let whole = Some(Summary {
        learners: 300,
        totals: recount(batch.iter().map(|record| &record.stats)),
    });
    assert_all(store.record_many(&batch).await, Outcome::Created);
    assert_eq!(store.summary(course).await.unwrap(), whole);

    let (stop, mut stopped) = oneshot::channel();
    let moving = async {
        for slot in cluster
            .used_slots(0..=LAST_SLOT_OF_FIRST, 0)
            .await
            .into_iter()
            .take(20)
        {
            cluster.move_slot(slot, 0, 1).await;
        }
        stop.send(()).unwrap();
    };
    let using = async {
        let (mut batches, mut summaries) = (0, 0);
        while stopped.try_recv().is_err() {
            // A half-moved slot refuses commands on several keys for a moment.
            let outcomes = store.record_many(&batch).await;
            let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
            refused.for_each(|error| assert!(error.is_transient(), "{error}"));
            batches += usize::from(outcomes.iter().all(Result::is_ok));
            match store.summary(course).await {
                Ok(summary) => {
                    assert_eq!(summary, whole);
                    summaries += 1;
                }
                Err(error) => assert!(error.is_transient(), "{error}"),
            }
        }
        (batches, summaries)
    };
    let ((), (batches, summaries)) = tokio::join!(moving, using);
    assert!(batches > 0 && summaries > 0, "{batches}, {summaries}");
    assert_all(store.record_many(&batch).await, Outcome::Replaced);
    assert_eq!(store.summary(course).await.unwrap(), whole);
    let masters: Vec<_> = cluster.nodes.iter().map(Redis::url).collect();
    assert_eq!(audit(&masters).await, 300);
}

fn assert_all(outcomes: Vec<Result<Outcome, StoreError>>, expected: Outcome) {
    for outcome in outcomes {
        assert_eq!(outcome.unwrap(), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_replica_of_a_killed_master_has_every_acknowledged_write() {
    let mut cluster = Cluster::start(3, 1, DURABLE).await;
    let under_load = UnderLoad::start_with(&cluster.url(), &[("REDIS_WAIT_REPLICAS", "1")]).await;
    cluster.nodes[0].kill().await;
    under_load.load.wait_for_failure().await;
    cluster.until_master(3).await;
    // The restarted node becomes a replica of the new master: writes wait for a replica.
    cluster.nodes[0].restart().await;
    cluster.until_whole().await;
    under_load.recovers().await;
    let masters = [1, 2, 3].map(|number| &cluster.nodes[number]);
    under_load
        .verify("Cluster: a master is killed", &masters)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_replaces_a_hanging_master() {
    let cluster = Cluster::start(3, 1, IN_MEMORY).await;
    let under_load = UnderLoad::start_with(&cluster.url(), &[("REDIS_WAIT_REPLICAS", "1")]).await;
    cluster.nodes[0].server.freeze().await;
    under_load.load.wait_for_failure().await;
    cluster.until_master(3).await;
    // The thawed node becomes a replica of the new master: writes wait for a replica.
    cluster.nodes[0].server.thaw().await;
    cluster.until_whole().await;
    under_load.recovers().await;
    let masters = [1, 2, 3].map(|number| &cluster.nodes[number]);
    under_load.verify("Cluster: a master hangs", &masters).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_is_away_costs_few_log_lines() {
    let mut cluster = Cluster::start(3, 0, IN_MEMORY).await;
    let service = Service::start(&mut on_redis(&cluster.url()));
    let client = service.client();
    becomes_ready(&client).await;
    for node in &mut cluster.nodes {
        node.kill().await;
    }
    eventually("it is not ready", || async {
        (client.ready().await.status == 503).then_some(())
    })
    .await;
    let before = lines_of(&service);
    // More attempts than lines: each failed request is an attempt for the driver.
    for _ in 0..200 {
        assert_eq!(client.totals(&new_id(), &new_id()).await.status, 503);
    }
    let written = lines_of(&service) - before;
    assert!(written < 100, "{written} lines: {}", service.log());
    assert!(
        !service.log().contains("redis::cluster"),
        "{}",
        service.log()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_set_on_a_cluster_in_use_is_503_until_it_is_removed() {
    let cluster = Cluster::start(3, 0, IN_MEMORY).await;
    let service = Service::start(&mut on_redis(&cluster.url()));
    let client = service.client();
    becomes_ready(&client).await;
    for node in &cluster.nodes {
        node.ask::<()>("CONFIG SET masterauth secret").await;
        let mut connection = node.connection().await;
        let mut commands = redis::pipe();
        commands
            .cmd("CONFIG")
            .arg("SET")
            .arg("requirepass")
            .arg("secret")
            .ignore();
        commands
            .cmd("CLIENT")
            .arg("KILL")
            .arg("TYPE")
            .arg("normal")
            .ignore();
        commands.exec_async(&mut connection).await.unwrap();
    }
    let (learner, course) = (new_id(), new_id());
    eventually("writes are refused", || async {
        let answer = client.post(&learner, &course, &body(1, 2, 3)).await;
        assert_ne!(answer.status, 500, "{answer:?}");
        (answer.status == 503).then_some(())
    })
    .await;
    let with_password = |node: &Redis| node.url().replace("redis://", "redis://:secret@");
    let before = lines_of(&service);
    let mut connections = Vec::new();
    for node in &cluster.nodes {
        connections.push(connect(&with_password(node)).await);
    }
    let count = async |connection: &mut MultiplexedConnection| {
        let info: String = redis::cmd("INFO")
            .arg("stats")
            .query_async(connection)
            .await
            .unwrap();
        let count = info
            .lines()
            .find_map(|line| line.strip_prefix("total_connections_received:"));
        count.unwrap().trim().parse::<u64>().unwrap()
    };
    let (first, start) = (count(&mut connections[0]).await, Instant::now());
    for _ in 0..100 {
        let answer = client.post(&learner, &course, &body(1, 2, 3)).await;
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    let opened = count(&mut connections[0]).await - first;
    // A keeper waits for up to half a second between attempts, in each of which the driver connects to every
    // node several times; without the waits, there were up to 2,000 connections a second.
    let seconds = 1 + start.elapsed().as_secs();
    assert!(
        opened < 200 * seconds,
        "{opened} connections in {seconds} s"
    );
    assert!(lines_of(&service) - before < 150, "{}", service.log());
    for connection in &mut connections {
        let mut command = redis::cmd("CONFIG");
        command.arg("SET").arg("requirepass").arg("");
        command.exec_async(connection).await.unwrap();
    }
    becomes_ready(&client).await;
    eventually("writes are served", || async {
        let answer = client.post(&learner, &course, &body(1, 2, 3)).await;
        (answer.status == 201).then_some(())
    })
    .await;
}

fn lines_of(service: &Service) -> usize {
    service.log().lines().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planned_failover_loses_no_write() {
    let cluster = Cluster::start(3, 1, IN_MEMORY).await;
    let under_load = UnderLoad::start(&cluster.url()).await;
    cluster.fail_over_to(3).await;
    under_load.recovers().await;
    let masters = [1, 2, 3].map(|number| &cluster.nodes[number]);
    under_load
        .verify("Cluster: planned failover", &masters)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_is_not_ready_while_the_cluster_is_down() {
    let mut cluster = Cluster::start(3, 0, DURABLE).await;
    let under_load = UnderLoad::start(&cluster.url()).await;
    cluster.nodes[0].kill().await;
    // Without a replica the slots are unserved, and by default a Cluster then serves no slot.
    eventually("the service is not ready", || async {
        (under_load.client.ready().await.status == 503).then_some(())
    })
    .await;
    cluster.nodes[0].restart().await;
    under_load.recovers().await;
    let masters: Vec<_> = cluster.nodes.iter().collect();
    under_load
        .verify("Cluster: down for a master without a replica", &masters)
        .await;
}

/// Learner in a slot of the second or third master.
async fn learner_elsewhere(node: &Redis) -> String {
    loop {
        let learner: uuid::Uuid = id();
        let bucket = crc32fast::hash(learner.as_bytes()) % 1_024;
        let slot: u16 = node.ask(&format!("CLUSTER KEYSLOT {{{bucket}}}")).await;
        if slot > LAST_SLOT_OF_FIRST {
            return learner.to_string();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn learners_of_healthy_masters_are_served_while_a_master_hangs() {
    let partial = ["--cluster-require-full-coverage", "no"];
    let cluster = Cluster::start(3, 0, &[IN_MEMORY, &partial].concat()).await;
    let under_load = UnderLoad::start(&cluster.url()).await;
    cluster.nodes[0].server.freeze().await;
    under_load.load.wait_for_failure().await;
    let (learner, course) = (learner_elsewhere(&cluster.nodes[1]).await, new_id());
    for _ in 0..200 {
        let answer = under_load
            .client
            .post(&learner, &course, &body(1, 2, 3))
            .await;
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(
            under_load.client.totals(&learner, &course).await.status,
            200
        );
        assert_eq!(under_load.client.ready().await.status, 200);
    }
    cluster.nodes[0].server.thaw().await;
    cluster.until_whole().await;
    under_load.recovers().await;
    let masters: Vec<_> = cluster.nodes.iter().collect();
    under_load
        .verify("Cluster: a master hangs, the others serve on", &masters)
        .await;
}
