//! The master that Sentinels watch over changes while it is used.

use crate::support::eventually;
use crate::support::load::service::{UnderLoad, assert_serves, becomes_ready};
use crate::support::processes::redis::{DURABLE, IN_MEMORY};
use crate::support::processes::sentinel::Sentinels;
use crate::support::processes::service::{Service, on_redis};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_master_is_followed_by_a_replica_that_has_every_acknowledged_write() {
    let mut sentinels = Sentinels::start(2, DURABLE, "").await;
    sentinels.compare_offsets_often().await;
    // Of two replicas, the one that has more is promoted.
    let it = UnderLoad::start_with(&sentinels.url(), &[("REDIS_WAIT_REPLICAS", "1")]).await;
    sentinels.servers[0].kill().await;
    it.load.notices().await;
    let master = sentinels.until_failover_from(0).await;
    it.recovers().await;
    sentinels.servers[0].restart().await;
    it.recovers().await;
    let master = &sentinels.servers[master];
    it.verify("Sentinel: the master is killed", &[master]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_hangs_is_followed_too_and_is_not_used_when_it_is_back() {
    let sentinels = Sentinels::start(2, IN_MEMORY, "").await;
    sentinels.compare_offsets_often().await;
    let it = UnderLoad::start_with(&sentinels.url(), &[("REDIS_WAIT_REPLICAS", "1")]).await;
    sentinels.servers[0].server.freeze().await;
    it.load.notices().await;
    let master = sentinels.until_failover_from(0).await;
    it.recovers().await;
    sentinels.servers[0].server.thaw().await;
    it.recovers().await;
    let master = &sentinels.servers[master];
    it.verify("Sentinel: the master hangs", &[master]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planned_failover_loses_nothing_that_all_replicas_acknowledged() {
    let sentinels = Sentinels::start(2, IN_MEMORY, "").await;
    let it = UnderLoad::start_with(&sentinels.url(), &[("REDIS_WAIT_REPLICAS", "2")]).await;
    sentinels.fail_over().await;
    let master = sentinels.until_failover_from(0).await;
    it.recovers().await;
    let master = &sentinels.servers[master];
    it.verify("Sentinel: planned failover", &[master]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_sentinel_that_answers_is_enough_and_none_is_503_until_one_is_back() {
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
async fn the_sentinels_and_the_master_each_have_a_password_of_their_own() {
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
