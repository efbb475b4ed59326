//! Commands on a store in each topology.

use std::process::Command;

use crate::support::processes::cluster::Cluster;
use crate::support::processes::commands::{Sessions, export, run, run_with};
use crate::support::processes::redis::{DURABLE, IN_MEMORY, Redis};
use crate::support::processes::sentinel::Sentinels;
use crate::support::processes::service::on_redis;
use crate::support::processes::tls::secured_redis_with;

/// Moves sessions to a store and back, and runs every other command.
async fn assert_works(command: impl Fn() -> Command) {
    let lines = Sessions::new(31).lines(20, 2, 5);
    let redis = Redis::start(IN_MEMORY).await;
    run_with(&mut on_redis(&redis.url()), &["import"], &lines).succeeded();
    let expected = export(&mut on_redis(&redis.url()));
    assert_eq!(expected.lines().count(), 200);

    run_with(&mut command(), &["import"], &expected).succeeded();
    assert!(export(&mut command()) == expected, "the export differs");
    let verified = run(&mut command(), &["verify"]).succeeded();
    assert!(
        verified.starts_with("200 sessions, 0 differences"),
        "{verified}"
    );
    let diagnoses = run(&mut command(), &["doctor"]).succeeded();
    assert!(diagnoses.contains("latency of record"), "{diagnoses}");
    let learner = &expected[r#"{"userId":""#.len()..][..36];
    let shown = run(&mut command(), &["inspect", learner]).succeeded();
    assert!(shown.contains("  5 "), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_work_on_a_cluster() {
    let cluster = Cluster::start(3, 0, DURABLE).await;
    let url = cluster.url();
    assert_works(|| on_redis(&url)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_work_with_sentinels() {
    let sentinels = Sentinels::start(1, DURABLE, "").await;
    let url = sentinels.url();
    assert_works(|| on_redis(&url)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_work_over_tls_with_the_least_permissions() {
    let (_redis, url, authority) = secured_redis_with(DURABLE).await;
    assert_works(|| {
        let mut command = on_redis(&url);
        command.env("REDIS_CA_FILE", authority.file("ca.crt"));
        command
    })
    .await;
}
