//! Warnings at the start about a risk of data loss: one line each, with the setting to change.

use crate::support::api::Client;
use crate::support::eventually;
use crate::support::load::service::becomes_ready;
use crate::support::processes::redis::{DURABLE, IN_MEMORY, Redis};
use crate::support::processes::server::free_port;
use crate::support::processes::service::{Service, on_redis};
use crate::support::processes::tls::PERMISSIONS;

/// Lines of the log of a service with a word; waits for the first line.
async fn warnings(service: &Service, word: &str) -> Vec<String> {
    eventually(word, || async {
        let log = service.log();
        let lines: Vec<_> = log.lines().filter(|line| line.contains(word)).collect();
        let lines: Vec<_> = lines.into_iter().map(str::to_owned).collect();
        (!lines.is_empty()).then_some(lines)
    })
    .await
}

/// Asserts that the service logs exactly one warning with all words.
async fn assert_warns(redis: &Redis, environment: &[(&str, &str)], words: &[&str]) {
    let service = Service::start(on_redis(&redis.url()).envs(environment.iter().copied()));
    let lines = warnings(&service, words[0]).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    for word in words.iter().chain(&["WARN"]) {
        assert!(lines[0].contains(word), "{word:?} is not in {lines:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_risk_of_data_loss_is_logged_with_the_setting_to_change() {
    let redis = Redis::start(&[IN_MEMORY, &["--maxmemory-policy", "allkeys-lru"]].concat()).await;
    assert_warns(&redis, &[], &["allkeys-lru", "set it to noeviction"]).await;
    assert_warns(
        &redis,
        &[],
        &["keeps nothing over a restart", "set appendonly yes"],
    )
    .await;
    assert_warns(
        &redis,
        &[("REDIS_WAIT_REPLICAS", "2")],
        &["REDIS_WAIT_REPLICAS is 2", "has 0 replicas"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_a_cluster_is_distinguished_from_a_single_redis() {
    let bus = free_port().to_string();
    let redis = Redis::start(&["--cluster-enabled", "yes", "--cluster-port", &bus]).await;
    assert_warns(&redis, &[], &["one node of a Cluster", "redis+cluster://"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_permissions_are_logged_by_name() {
    let redis = Redis::start(DURABLE).await;
    for (lacking, warning) in [
        ("-hdel", "may not run HDEL"),
        ("-evalsha", "may not run EVALSHA"),
        ("-eval", "may not run EVAL,"),
        ("-info", "may not run INFO"),
        ("resetkeys ~other:*", "keys that begin with ss"),
    ] {
        let user = format!("ACL SETUSER app reset on nopass {PERMISSIONS} {lacking}");
        redis.ask::<()>(&user).await;
        let url = redis.url().replace("//", "//app:x@");
        let service = Service::start(&mut on_redis(&url));
        let lines = warnings(&service, warning).await;
        assert!(lines[0].contains("allow it by"), "{lines:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn safe_settings_log_no_warning() {
    let redis = Redis::start(DURABLE).await;
    redis
        .ask::<()>(&format!("ACL SETUSER app on nopass {PERMISSIONS}"))
        .await;
    let url = redis.url().replace("//", "//app:x@");
    let service = Service::start(on_redis(&url).env("RUST_LOG", "debug"));
    let client: Client = service.client();
    becomes_ready(&client).await;
    eventually("it has looked", || async {
        service.log().contains("Redis was looked at").then_some(())
    })
    .await;
    assert!(!service.log().contains("WARN"), "{}", service.log());
}
