//! What a server tells of itself.

use super::info::{Server, Subject};
use super::{at, check};
use crate::store::doctor::{Diagnosis, Severity};
use crate::store::redis::connection::url::Topology;

/// How full the memory may be, in percent, before it is told.
const FULL: u64 = 80;

/// How a server is, of each subject.
pub(crate) fn diagnose(
    server: &Server,
    topology: &Topology,
    wait_replicas: usize,
) -> Vec<Diagnosis> {
    let findings = server.findings(wait_replicas);
    let subjects = [
        (Subject::Version, "version", version(server)),
        (Subject::Topology, "topology", role(server, topology)),
        (Subject::Persistence, "persistence", persistence(server)),
        (Subject::Memory, "memory", memory(server)),
    ];
    let mut checks = Vec::new();
    for (subject, name, (severity, detail)) in subjects {
        let found = findings.iter().filter(|finding| finding.subject == subject);
        let found: Vec<_> = found
            .map(|finding| check(Severity::Problem, name, at(&server.name, &finding.text)))
            .collect();
        // What was found says more than what is told.
        if found.is_empty() {
            checks.push(check(severity, name, at(&server.name, detail)));
        }
        checks.extend(found);
    }
    checks
}

fn version(server: &Server) -> (Severity, String) {
    let redis = server.field("redis_version").unwrap_or("of some version");
    let detail = match server.field("valkey_version") {
        Some(valkey) => format!("Valkey {valkey}, which stands for Redis {redis}"),
        None => format!("Redis {redis}"),
    };
    (Severity::Ok, detail)
}

fn role(server: &Server, topology: &Topology) -> (Severity, String) {
    let role = match topology {
        Topology::Standalone => "one server".to_owned(),
        Topology::Sentinel { master } => {
            let port = server.field("tcp_port").unwrap_or_default();
            format!("the master that the Sentinels call {master}, on port {port}")
        }
        Topology::Cluster => "a master of the Cluster".to_owned(),
    };
    let count = server.number("connected_slaves").unwrap_or_default();
    // `slave0:ip=…,port=…,state=online,offset=…,lag=0`
    let replicas = (0..count).filter_map(|number| server.field(&format!("slave{number}")));
    let behind = replicas.filter(|replica| !replica.contains("state=online"));
    let detail = format!("{role}, with {count} replicas");
    match behind.count() {
        0 => (Severity::Ok, detail),
        behind => (
            Severity::Warning,
            format!("{detail}, {behind} of which do not have its data yet: wait for them"),
        ),
    }
}

fn persistence(server: &Server) -> (Severity, String) {
    let synced = server.option("appendfsync");
    let snapshots = match server.option("save") {
        None => "",
        Some("") => ", no snapshots",
        Some(_) => ", and snapshots",
    };
    if server.is("aof_enabled", "1") {
        return match synced {
            Some("no") => (
                Severity::Warning,
                "the system decides when the append-only file is on disk: set appendfsync everysec or always".into(),
            ),
            Some(synced) => (
                Severity::Ok,
                format!("append-only file, on disk {synced}{snapshots}"),
            ),
            None => (Severity::Ok, format!("append-only file{snapshots}")),
        };
    }
    let detail = "without an append-only file, all since the last snapshot is lost when Redis ends: set appendonly yes";
    (Severity::Warning, detail.into())
}

fn memory(server: &Server) -> (Severity, String) {
    let used = server.number("used_memory").unwrap_or_default();
    let most = server.number("maxmemory").unwrap_or_default();
    let policy = server.field("maxmemory_policy").unwrap_or("not known");
    let (used_mib, most_mib) = (used >> 20, most >> 20);
    let policy = format!("maxmemory-policy is {policy}");
    if most == 0 {
        let detail = format!("{used_mib} MiB used, without a limit; {policy}");
        return (Severity::Ok, detail);
    }
    let detail = format!("{used_mib} of {most_mib} MiB used; {policy}");
    if used.saturating_mul(100) / most < FULL {
        (Severity::Ok, detail)
    } else {
        let detail = format!("{detail}: raise maxmemory before writes are refused");
        (Severity::Warning, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::redis::doctor::info::tests::{WELL, server};

    const OPTIONS: &[(&str, &str)] = &[("save", ""), ("appendfsync", "everysec")];

    fn verdicts(info: &str, options: &[(&str, &str)]) -> Vec<Diagnosis> {
        let checks = diagnose(&server(info, options), &Topology::Standalone, 0);
        assert_eq!(checks.len(), 4, "{checks:?}");
        checks
    }

    #[test]
    fn a_server_that_is_well_is_told_as_it_is() {
        let checks = verdicts(
            &format!("{WELL}used_memory:2097152\r\nmaxmemory:0\r\n"),
            OPTIONS,
        );
        let details: Vec<_> = checks.iter().map(|check| &*check.detail).collect();
        assert_eq!(
            details,
            [
                "Redis 7.0.15",
                "one server, with 1 replicas",
                "append-only file, on disk everysec, no snapshots",
                "2 MiB used, without a limit; maxmemory-policy is noeviction",
            ]
        );
        assert!(checks.iter().all(|check| check.severity == Severity::Ok));
    }

    #[test]
    fn valkey_is_called_by_its_name() {
        let info = format!("{WELL}valkey_version:8.1.0\r\n");
        let version = &verdicts(&info, OPTIONS)[0].detail;
        assert_eq!(version, "Valkey 8.1.0, which stands for Redis 7.0.15");
    }

    #[test]
    fn what_may_not_last_is_a_warning_that_says_what_to_do() {
        let snapshots = WELL.replace("aof_enabled:1", "aof_enabled:0");
        let full = format!("{WELL}used_memory:80\r\nmaxmemory:100\r\n");
        let behind = format!("{WELL}slave0:ip=1.2.3.4,port=1,state=wait_bgsave,offset=0\r\n");
        for (info, options, subject, advice) in [
            (
                WELL,
                &[("appendfsync", "no")][..],
                "persistence",
                "everysec",
            ),
            (
                &snapshots,
                &[("save", "60 1")],
                "persistence",
                "appendonly yes",
            ),
            (&full, OPTIONS, "memory", "raise maxmemory"),
            (&behind, OPTIONS, "topology", "wait for them"),
        ] {
            let checks = verdicts(info, options);
            let mut ill = checks.iter().filter(|check| check.severity != Severity::Ok);
            let told = ill.next().unwrap();
            assert_eq!((told.severity, told.subject), (Severity::Warning, subject));
            assert!(told.detail.contains(advice), "{told:?}");
            assert_eq!(ill.next(), None);
        }
    }

    #[test]
    fn what_was_found_stands_in_the_place_of_what_is_told() {
        let info = WELL.replace("noeviction", "allkeys-lru");
        let checks = verdicts(&info, OPTIONS);
        let memory = checks.iter().find(|check| check.subject == "memory");
        let memory = memory.unwrap();
        assert_eq!(memory.severity, Severity::Problem);
        assert!(memory.detail.contains("allkeys-lru"), "{memory:?}");
    }
}
