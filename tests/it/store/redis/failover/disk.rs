//! A server that cannot write to its disk, in a Cluster and behind Sentinels.

use crate::support::api::{body, new_id};
use crate::support::eventually;
use crate::support::load::service::becomes_ready;
use crate::support::processes::cluster::Cluster;
use crate::support::processes::redis::Redis;
use crate::support::processes::sentinel::Sentinels;
use crate::support::processes::service::{Service, on_redis};

/// Options of a server that stops writes after a failed snapshot.
const SNAPSHOTS: &[&str] = &["--save", "3600 1"];

/// Fails, or makes again, the snapshots of all servers, and waits for the result.
async fn fail_snapshots(servers: &[Redis], fail: bool) {
    let result = if fail { "err" } else { "ok" };
    for server in servers {
        server.server.block_file("dump.rdb", fail);
        server.ask::<()>("BGSAVE").await;
        eventually("the snapshot has ended", || async {
            let info: String = server.ask("INFO persistence").await;
            let status = format!("rdb_last_bgsave_status:{result}");
            (info.contains(&status) && info.contains("rdb_bgsave_in_progress:0")).then_some(())
        })
        .await;
    }
}

/// Asserts that writes are 503 and all else is served while the disk fails, also by a new service.
async fn only_writes_fail(url: &str, servers: &[Redis]) {
    let service = Service::start(&mut on_redis(url));
    becomes_ready(&service.client()).await;
    let (learner, course) = (new_id(), new_id());
    let stored = service
        .client()
        .post(&learner, &course, &body(1, 2, 3))
        .await;
    assert_eq!(stored.status, 201);
    fail_snapshots(servers, true).await;
    let other = Service::start(&mut on_redis(url));
    for service in [&service, &other] {
        let client = service.client();
        becomes_ready(&client).await;
        let refused = client.post(&learner, &course, &body(1, 2, 3)).await;
        assert_eq!(refused.status, 503, "{refused:?}");
        for _ in 0..20 {
            assert_eq!(client.totals(&learner, &course).await.status, 200);
            assert_eq!(client.ready().await.status, 200);
        }
    }
    fail_snapshots(servers, false).await;
    for service in [&service, &other] {
        let client = service.client();
        eventually("writes are served", || async {
            let stored = client.post(&learner, &course, &body(1, 2, 3)).await;
            (stored.status == 201).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_cannot_write_its_disks_refuses_only_writes() {
    let cluster = Cluster::start(3, 0, SNAPSHOTS).await;
    only_writes_fail(&cluster.url(), &cluster.nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_of_sentinels_that_cannot_write_its_disk_refuses_only_writes() {
    let sentinels = Sentinels::start(0, SNAPSHOTS, "").await;
    only_writes_fail(&sentinels.url(), &sentinels.servers).await;
}
