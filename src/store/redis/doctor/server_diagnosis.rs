//! Diagnosis of a server from its `INFO`, for the doctor and the config watch.

use super::server_info::ServerInfo;
use super::server_problems as problems;
use crate::store::doctor::{Diagnosis, Severity};
use crate::store::redis::connection::url::Topology;

/// Used memory, in percent of the limit, from which the diagnosis is a warning.
const FULL: u64 = 80;

/// Diagnoses of a server, at least one per subject: the problems, or the state of the subject when there is no
/// problem.
pub(crate) fn diagnose(
    server: &ServerInfo,
    topology: &Topology,
    wait_replicas: usize,
) -> Vec<Diagnosis> {
    let subjects = [
        ("version", problems::version(server), version(server)),
        (
            "topology",
            problems::topology(server, wait_replicas),
            role(server, topology),
        ),
        (
            "persistence",
            problems::persistence(server),
            persistence(server),
        ),
        ("memory", problems::memory(server), memory(server)),
    ];
    let mut diagnoses = Vec::new();
    for (subject, problems, (severity, detail)) in subjects {
        if problems.is_empty() {
            diagnoses.push(Diagnosis::new(severity, subject, detail));
        }
        let problems = problems.into_iter();
        diagnoses.extend(problems.map(|detail| Diagnosis::problem(subject, detail)));
    }
    diagnoses
}

/// Diagnosis when the user may not run `INFO`.
pub(crate) fn info_denied() -> Diagnosis {
    let detail = "it is not known whether Redis keeps its data: its user may not run INFO: allow it by +info";
    Diagnosis::warning("persistence", detail)
}

fn version(server: &ServerInfo) -> (Severity, String) {
    let redis = server.field("redis_version").unwrap_or("of some version");
    let detail = match server.field("valkey_version") {
        Some(valkey) => format!("Valkey {valkey}, which stands for Redis {redis}"),
        None => format!("Redis {redis}"),
    };
    (Severity::Ok, detail)
}

fn role(server: &ServerInfo, topology: &Topology) -> (Severity, String) {
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

fn persistence(server: &ServerInfo) -> (Severity, String) {
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

fn memory(server: &ServerInfo) -> (Severity, String) {
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
    use crate::store::redis::doctor::server_info::tests::{HEALTHY, server};

    const OPTIONS: &[(&str, &str)] = &[("save", ""), ("appendfsync", "everysec")];

    fn diagnoses(info: &str, options: &[(&str, &str)]) -> Vec<Diagnosis> {
        let diagnoses = diagnose(&server(info, options), &Topology::Standalone, 0);
        assert_eq!(diagnoses.len(), 4, "{diagnoses:?}");
        diagnoses
    }

    #[test]
    fn a_healthy_server_is_diagnosed_by_its_state() {
        let found = diagnoses(
            &format!("{HEALTHY}used_memory:2097152\r\nmaxmemory:0\r\n"),
            OPTIONS,
        );
        let details: Vec<_> = found.iter().map(|diagnosis| &*diagnosis.detail).collect();
        assert_eq!(
            details,
            [
                "Redis 7.0.15",
                "one server, with 1 replicas",
                "append-only file, on disk everysec, no snapshots",
                "2 MiB used, without a limit; maxmemory-policy is noeviction",
            ]
        );
        assert!(
            found
                .iter()
                .all(|diagnosis| diagnosis.severity == Severity::Ok)
        );
    }

    #[test]
    fn valkey_is_named_with_its_own_version() {
        let info = format!("{HEALTHY}valkey_version:8.1.0\r\n");
        let version = &diagnoses(&info, OPTIONS)[0].detail;
        assert_eq!(version, "Valkey 8.1.0, which stands for Redis 7.0.15");
    }

    #[test]
    fn a_risk_is_a_warning_with_advice() {
        let snapshots = HEALTHY.replace("aof_enabled:1", "aof_enabled:0");
        let full = format!("{HEALTHY}used_memory:80\r\nmaxmemory:100\r\n");
        let behind = format!("{HEALTHY}slave0:ip=1.2.3.4,port=1,state=wait_bgsave,offset=0\r\n");
        for (info, options, subject, advice) in [
            (
                HEALTHY,
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
            let found = diagnoses(info, options);
            let mut warnings = found
                .iter()
                .filter(|diagnosis| diagnosis.severity != Severity::Ok);
            let warning = warnings.next().unwrap();
            assert_eq!(
                (warning.severity, warning.subject),
                (Severity::Warning, subject)
            );
            assert!(warning.detail.contains(advice), "{warning:?}");
            assert_eq!(warnings.next(), None);
        }
    }

    #[test]
    fn a_problem_replaces_the_state_of_its_subject() {
        let info = HEALTHY.replace("noeviction", "allkeys-lru");
        let found = diagnoses(&info, OPTIONS);
        let memory = found.iter().find(|diagnosis| diagnosis.subject == "memory");
        let memory = memory.unwrap();
        assert_eq!(memory.severity, Severity::Problem);
        assert!(memory.detail.contains("allkeys-lru"), "{memory:?}");
    }
}
