//! Diagnoses of the doctor in every topology, for sound and faulty servers; the doctor leaves no key
//! behind.

use clap::Parser;
use study_stats::config::Cli;
use study_stats::store::doctor::{Diagnosis, Severity};
use study_stats::store::maintenance::Maintenance;
use study_stats::store::redis::RedisStore;

use crate::support::eventually;
use crate::support::faults::proxy::Proxy;
use crate::support::processes::cluster::Cluster;
use crate::support::processes::redis::{DURABLE, IN_MEMORY, Redis};
use crate::support::processes::sentinel::Sentinels;
use crate::support::processes::server::free_port;
use crate::support::processes::tls::{PERMISSIONS, secured_redis};
use crate::support::stores::fixture::redis_settings;

async fn diagnose(url: &str, options: &[&str]) -> Vec<Diagnosis> {
    let store = RedisStore::without_schema(url, &redis_settings(options)).unwrap();
    store.diagnose().await
}

/// Runs the doctor with the timeouts of `options`, by default the timeouts of the service.
async fn diagnose_with(url: &str, options: &[&str]) -> Vec<Diagnosis> {
    let options = ["study-stats"].iter().chain(options);
    let settings = Cli::parse_from(options).config.redis_settings();
    let store = RedisStore::without_schema(url, &settings).unwrap();
    store.diagnose().await
}

/// Diagnoses of a severity, as lines.
fn with(checks: &[Diagnosis], severity: Severity) -> Vec<String> {
    let checks = checks.iter().filter(|check| check.severity == severity);
    checks
        .map(|check| format!("{}: {}", check.subject, check.detail))
        .collect()
}

/// Asserts that exactly one diagnosis of a subject has the severity and the text.
fn assert_reported(checks: &[Diagnosis], severity: Severity, subject: &str, detail: &str) {
    let reported = checks.iter().any(|check| {
        check.severity == severity && check.subject == subject && check.detail.contains(detail)
    });
    assert!(
        reported,
        "no {severity:?} of {subject} with {detail:?}: {checks:#?}"
    );
}

/// Subjects of every server, once each.
const SUBJECTS: [&str; 11] = [
    "version",
    "topology",
    "persistence",
    "memory",
    "latency of PING",
    "clock",
    "memory per session",
    "latency of record",
    "latency of forget",
    "latency of page",
    "latency of erase",
];

fn subjects(checks: &[Diagnosis]) -> Vec<&str> {
    checks.iter().map(|check| check.subject).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sound_redis_passes_the_doctor_and_is_left_unchanged() {
    let redis = Redis::start(DURABLE).await;
    redis.ask::<()>("SET other x").await;
    let checks = diagnose(&redis.url(), &[]).await;
    // The latency depends on the load of the machine.
    let unwell = checks.iter().filter(|check| check.severity != Severity::Ok);
    for check in unwell {
        assert!(check.subject.starts_with("latency"), "{check:?}");
    }
    let mut expected = vec!["connection"];
    expected.extend(&SUBJECTS[..4]);
    expected.extend(["data", "permissions"]);
    expected.extend(&SUBJECTS[4..]);
    assert_eq!(subjects(&checks), expected);
    for (subject, detail) in [
        ("topology", "one server, with 0 replicas"),
        (
            "persistence",
            "append-only file, on disk always, no snapshots",
        ),
        ("memory", "without a limit; maxmemory-policy is noeviction"),
        ("permissions", "keys that begin with ss"),
        ("clock", "ms ahead of this machine's"),
        ("memory per session", "bytes at 20 sessions in a course"),
    ] {
        assert_reported(&checks, Severity::Ok, subject, detail);
    }
    for check in checks
        .iter()
        .filter(|check| check.subject.starts_with("latency"))
    {
        assert!(check.detail.contains("p50 ") && check.detail.contains(", p99 "));
    }
    assert_eq!(redis.ask::<Vec<String>>("KEYS *").await, ["other"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn problems_are_reported_with_advice() {
    let options = "--maxmemory-policy allkeys-lru --maxmemory 3mb \
         --hash-max-listpack-entries 0 --zset-max-listpack-entries 0";
    let options: Vec<_> = options.split_whitespace().collect();
    let redis = Redis::start(&[IN_MEMORY, &options].concat()).await;
    let checks = diagnose(&redis.url(), &[]).await;
    for (subject, detail) in [
        ("persistence", "set appendonly yes"),
        ("memory", "set it to noeviction"),
    ] {
        assert_reported(&checks, Severity::Problem, subject, detail);
    }
    let large = "set hash-max-listpack-entries";
    assert_reported(&checks, Severity::Warning, "memory per session", large);

    let options = ["--redis-wait-replicas=2", "--store-timeout=300ms"];
    let checks = diagnose_with(&redis.url(), &options).await;
    let few = "has 0 replicas; start more of them";
    assert_reported(&checks, Severity::Problem, "topology", few);
}

/// Waits until the master counts the replica as online.
async fn until_online(master: &Redis) {
    eventually("the replica is online", || async {
        let info: String = master.ask("INFO replication").await;
        info.contains("state=online").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_latency_of_writes_includes_the_replicas() {
    let master = Redis::start(DURABLE).await;
    let _replica = Redis::replica_of(&master, IN_MEMORY).await;
    until_online(&master).await;
    let checks = diagnose(&master.url(), &["--redis-wait-replicas=1"]).await;
    assert_eq!(with(&checks, Severity::Problem), [""; 0]);
    let role = "one server, with 1 replicas";
    assert_reported(&checks, Severity::Ok, "topology", role);
    assert_eq!(master.ask::<usize>("DBSIZE").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_master_of_a_cluster_is_diagnosed() {
    let cluster = Cluster::start(3, 0, DURABLE).await;
    let checks = diagnose(&cluster.url(), &[]).await;
    assert_eq!(with(&checks, Severity::Problem), [""; 0]);
    let whole = "a Cluster of 3 nodes, 3 of which serve all slots";
    assert_reported(&checks, Severity::Ok, "topology", whole);
    for node in &cluster.nodes {
        let server = format!("127.0.0.1:{}: ", node.server.port());
        let of_server = checks
            .iter()
            .filter(|check| check.detail.starts_with(&server));
        let of_server: Vec<_> = of_server.map(|check| check.subject).collect();
        assert_eq!(of_server, SUBJECTS);
        assert_eq!(node.ask::<usize>("DBSIZE").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_without_a_host_are_named_as_not_measured() {
    let cluster = Cluster::start(3, 0, DURABLE).await;
    for node in &cluster.nodes {
        node.ask::<()>("CONFIG SET cluster-preferred-endpoint-type unknown-endpoint")
            .await;
    }
    let checks = diagnose(&cluster.url(), &[]).await;
    let not_measured = with(&checks, Severity::Warning);
    let not_measured = not_measured
        .iter()
        .filter(|detail| detail.contains("not measured"));
    assert_eq!(not_measured.count(), 3, "{checks:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unserved_slots_are_a_problem() {
    let options = DURABLE
        .iter()
        .chain(&["--cluster-require-full-coverage", "no"]);
    let cluster = Cluster::start(3, 0, &options.copied().collect::<Vec<_>>()).await;
    // The nodes do not gossip a removed slot, and the doctor may connect to any node. The former master
    // of the slot is the first node, so that it does not announce the slot again.
    for node in &cluster.nodes {
        node.ask::<()>("CLUSTER DELSLOTS 0").await;
    }
    for node in &cluster.nodes {
        eventually("the slot is missed", || async {
            let info: String = node.ask("CLUSTER INFO").await;
            info.contains("cluster_slots_ok:16383\r").then_some(())
        })
        .await;
    }
    let checks = diagnose(&cluster.url(), &[]).await;
    let lacking = "the Cluster serves 16383 of 16384 slots";
    assert_reported(&checks, Severity::Problem, "topology", lacking);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_node_as_a_single_server_is_a_problem() {
    let bus = free_port().to_string();
    let redis = Redis::start(&["--cluster-enabled", "yes", "--cluster-port", &bus]).await;
    let checks = diagnose(&redis.url(), &[]).await;
    let node = "begin REDIS_URL with redis+cluster://";
    assert_reported(&checks, Severity::Problem, "topology", node);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_master_of_the_sentinels_is_diagnosed() {
    let sentinels = Sentinels::start(1, DURABLE, "").await;
    until_online(&sentinels.servers[0]).await;
    let checks = diagnose(&sentinels.url(), &[]).await;
    assert_eq!(with(&checks, Severity::Problem), [""; 0]);
    let port = sentinels.servers[0].server.port();
    let role = format!("the Sentinels call main, on port {port}, with 1 replicas");
    assert_reported(&checks, Severity::Ok, "topology", &role);
    assert_eq!(sentinels.servers[0].ask::<usize>("DBSIZE").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_permissions_suffice_for_the_doctor() {
    let (redis, url, authority) = secured_redis().await;
    let ca = authority.file("ca.crt").display().to_string();
    let checks = diagnose(&url, &["--redis-ca-file", &ca]).await;
    let problems = with(&checks, Severity::Problem);
    // The Redis of the test has no persistence.
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("persistence"), "{problems:?}");
    let unknown = "the user may not run MEMORY USAGE";
    assert_reported(&checks, Severity::Ok, "memory per session", unknown);
    assert_eq!(redis.ask::<usize>("DBSIZE").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_permissions_are_reported() {
    let redis = Redis::start(DURABLE).await;
    let url = redis.url().replace("//", "//app:x@");
    for (rights, severity, subject, reported) in [
        (
            "-hdel",
            Severity::Problem,
            "permissions",
            "may not run HDEL",
        ),
        (
            "-scan",
            Severity::Warning,
            "permissions",
            "may not run SCAN",
        ),
        (
            "-info",
            Severity::Warning,
            "persistence",
            "allow it by +info",
        ),
    ] {
        let user = format!("ACL SETUSER app reset on nopass {PERMISSIONS} {rights}");
        redis.ask::<()>(&user).await;
        let checks = diagnose(&url, &[]).await;
        assert_reported(&checks, severity, subject, reported);
        assert_eq!(redis.ask::<usize>("DBSIZE").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undeletable_probe_key_is_reported_and_expires() {
    let redis = Redis::start(DURABLE).await;
    let user = format!("ACL SETUSER app on nopass {PERMISSIONS} +pexpire -del");
    redis.ask::<()>(&user).await;
    let url = redis.url().replace("//", "//app:x@");
    let checks = diagnose(&url, &[]).await;
    let left = "delete the keys that begin with ss:doctor";
    assert_reported(&checks, Severity::Warning, "probe", left);
    let keys: Vec<String> = redis.ask("KEYS *").await;
    assert!(keys.iter().all(|key| key.starts_with("ss:doctor:{")));
    let mut lasting = 0;
    for key in &keys {
        let lifetime: i64 = redis.ask(&format!("PTTL {key}")).await;
        lasting += usize::from(lifetime < 0);
    }
    // All writes but the delete of the single probe session.
    assert_eq!((keys.len() > 20, lasting), (true, 1), "{keys:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_clock_is_a_problem() {
    let redis = Redis::start(DURABLE).await;
    let proxy = Proxy::start(redis.server.port()).await;
    proxy.return_wrong_time();
    let checks = diagnose(&proxy.url(), &[]).await;
    assert_reported(&checks, Severity::Problem, "clock", "set both by NTP");
    assert_eq!(redis.ask::<usize>("DBSIZE").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_redis_is_a_single_problem() {
    let nobody = format!("redis://127.0.0.1:{}", free_port());
    let checks = diagnose(&nobody, &[]).await;
    assert_eq!(subjects(&checks), ["connection"]);
    assert_reported(&checks, Severity::Problem, "connection", "refused");

    let redis = Redis::start(IN_MEMORY).await;
    redis.server.freeze().await;
    let short = ["--store-timeout=100ms", "--redis-connect-timeout=100ms"];
    let checks = diagnose_with(&redis.url(), &short).await;
    assert_eq!(subjects(&checks), ["connection"]);
    assert_reported(
        &checks,
        Severity::Problem,
        "connection",
        "cannot be reached",
    );
}
