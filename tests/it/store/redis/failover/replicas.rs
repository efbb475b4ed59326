//! Writes that wait for replicas.

use crate::support::api::{body, new_id};
use crate::support::eventually;
use crate::support::load::service::{UnderLoad, assert_serves, becomes_ready};
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::service::{Service, on_redis};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_replica_delays_writes_but_no_reads() {
    let master = Redis::start(IN_MEMORY).await;
    let replica = Redis::replica_of(&master, IN_MEMORY).await;
    let under_load = UnderLoad::start_with(&master.url(), &[("REDIS_WAIT_REPLICAS", "1")]).await;
    let (learner, course) = (new_id(), new_id());
    under_load
        .client
        .post(&learner, &course, &body(1, 2, 3))
        .await;

    replica.server.freeze().await;
    under_load.load.wait_for_failure().await;
    // As many reads as waiting writes, one after another: behind the writes in a queue, each read would
    // wait for the timeout of a write, and most reads would fail.
    for _ in 0..500 {
        assert_eq!(
            under_load.client.totals(&learner, &course).await.status,
            200
        );
    }
    let refused = under_load
        .client
        .post(&learner, &course, &body(1, 2, 3))
        .await;
    assert_eq!(
        (refused.status, refused.message().as_str()),
        (503, "store unavailable")
    );
    assert!(
        under_load
            .service
            .log()
            .contains("has not reached enough replicas")
    );
    replica.server.thaw().await;
    under_load.recovers().await;
    let report = under_load
        .verify("a replica hangs that writes wait for", &[&master])
        .await;
    assert_eq!(report.failed_reads, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_write_is_on_the_replica() {
    let master = Redis::start(IN_MEMORY).await;
    let replica = Redis::replica_of(&master, IN_MEMORY).await;
    let mut command = on_redis(&master.url());
    let service = Service::start(command.env("REDIS_WAIT_REPLICAS", "1"));
    becomes_ready(&service.client()).await;
    for sessions in 1..=100 {
        assert_serves(&service.client()).await;
        // Session, totals, session index, course index, summary and roster of a new learner; and the version
        // of the data.
        assert_eq!(replica.ask::<usize>("DBSIZE").await, 6 * sessions + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_enough_replicas_no_write_is_acknowledged() {
    let master = Redis::start(IN_MEMORY).await;
    let mut command = on_redis(&master.url());
    let service =
        Service::start(command.envs([("REDIS_WAIT_REPLICAS", "1"), ("STORE_TIMEOUT", "100ms")]));
    let client = service.client();
    becomes_ready(&client).await;
    let (learner, course) = (new_id(), new_id());
    let answer = client.post(&learner, &course, &body(1, 2, 3)).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(client.totals(&learner, &course).await.status, 200);

    let _replica = Redis::replica_of(&master, IN_MEMORY).await;
    eventually("the replica counts", || async {
        let answer = client.post(&learner, &course, &body(1, 2, 3)).await;
        (answer.status == 201).then_some(())
    })
    .await;
}
