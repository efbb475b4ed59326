//! Failures of the master, with Sentinels, under load.

use crate::support::eventually;
use crate::support::load::service::{UnderLoad, assert_serves, becomes_ready};
use crate::support::processes::redis::{DURABLE, IN_MEMORY};
use crate::support::processes::sentinel::Sentinels;
use crate::support::processes::service::{Service, on_redis};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_promoted_replica_of_a_killed_master_has_every_acknowledged_write() {
    let mut sentinels = Sentinels::start(2, DURABLE, "").await;
    // Sentinels promote the replica with the larger offset.
    let under_load = UnderLoad::start_with(&sentinels.url(), &[("REDIS_WAIT_REPLICAS", "1")]).await;
    sentinels.servers[0].kill().await;
    under_load.load.wait_for_failure().await;
    let master = sentinels.until_failover_from(0).await;
    under_load.recovers().await;
    sentinels.servers[0].restart().await;
    under_load.recovers().await;
    let master = &sentinels.servers[master];
    under_load
        .verify("Sentinel: the master is killed", &[master])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_master_is_replaced_for_good() {
    let sentinels = Sentinels::start(2, IN_MEMORY, "").await;
    let under_load = UnderLoad::start_with(&sentinels.url(), &[("REDIS_WAIT_REPLICAS", "1")]).await;
    sentinels.servers[0].server.freeze().await;
    under_load.load.wait_for_failure().await;
    let master = sentinels.until_failover_from(0).await;
    under_load.recovers().await;
    sentinels.servers[0].server.thaw().await;
    under_load.recovers().await;
    let master = &sentinels.servers[master];
    under_load
        .verify("Sentinel: the master hangs", &[master])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_master_that_runs_again_is_not_used() {
    let sentinels = Sentinels::start(2, IN_MEMORY, "").await;
    // The failover lasts until its timeout, as no replica can follow the new master.
    for replica in &sentinels.servers[1..] {
        replica.ask::<()>("ACL SETUSER default -psync").await;
    }
    let former = &sentinels.servers[0].server;
    former.freeze().await;
    let master = sentinels.until_failover_from(0).await;
    let leader = sentinels.url_of_leader(0).await;
    former.thaw().await;
    let service = Service::start(&mut on_redis(&leader));
    becomes_ready(&service.client()).await;
    assert_serves(&service.client()).await;
    let keys: usize = sentinels.servers[master].ask("DBSIZE").await;
    assert!(keys > 0, "the former master acknowledged the write");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planned_failover_loses_no_write_acknowledged_by_all_replicas() {
    let sentinels = Sentinels::start(2, IN_MEMORY, "").await;
    let under_load = UnderLoad::start_with(&sentinels.url(), &[("REDIS_WAIT_REPLICAS", "2")]).await;
    sentinels.fail_over().await;
    let master = sentinels.until_failover_from(0).await;
    under_load.recovers().await;
    let master = &sentinels.servers[master];
    under_load
        .verify("Sentinel: planned failover", &[master])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_permissions_suffice_at_the_sentinels() {
    let document = include_str!("../../../../../docs/CONFIGURATION.md");
    let user = document
        .lines()
        .find(|line| line.contains("+sentinel|get-master"));
    let user = user.unwrap().strip_prefix("ACL SETUSER ").unwrap();
    let sentinels = Sentinels::start(0, IN_MEMORY, &format!("user {user}\n")).await;
    let service = Service::start(on_redis(&sentinels.url()).envs([
        ("REDIS_SENTINEL_USERNAME", "study-stats"),
        ("REDIS_SENTINEL_PASSWORD", "password"),
    ]));
    becomes_ready(&service.client()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_sentinel_is_enough_and_no_sentinel_is_503() {
    let mut sentinels = Sentinels::start(0, IN_MEMORY, "").await;
    for number in [0, 1] {
        sentinels.kill_sentinel(number).await;
    }
    let service = Service::start(&mut on_redis(&sentinels.url()));
    becomes_ready(&service.client()).await;
    assert_serves(&service.client()).await;

    sentinels.kill_sentinel(2).await;
    let service = Service::start(&mut on_redis(&sentinels.url()));
    assert_eq!(service.client().ready().await.status, 503);
    sentinels.restart_sentinel(1).await;
    becomes_ready(&service.client()).await;
    assert_serves(&service.client()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_and_master_have_separate_passwords() {
    let own = "requirepass of-the-sentinels\n";
    let sentinels = Sentinels::start(0, IN_MEMORY, own).await;
    let user = "ACL SETUSER app on >of-the-master ~* +@all";
    sentinels.servers[0].ask::<()>(user).await;
    let url = sentinels.url().replace("//", "//app:of-the-master@");
    let mut command = on_redis(&url);
    let service = Service::start(command.env("REDIS_SENTINEL_PASSWORD", "of-the-sentinels"));
    becomes_ready(&service.client()).await;
    assert_serves(&service.client()).await;

    let service = Service::start(&mut on_redis(&url));
    eventually("the refusal is logged", || async {
        service
            .log()
            .contains("cannot connect to Redis")
            .then_some(())
    })
    .await;
    assert_eq!(service.client().ready().await.status, 503);
    assert!(!service.log().contains("of-the-"), "{}", service.log());
}
