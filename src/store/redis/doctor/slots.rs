//! The slots of a Cluster: whether all are served.

use redis::cmd;

use super::{check, well};
use crate::store::doctor::{Diagnosis, Severity};
use crate::store::redis::connection::Connection;
use crate::store::redis::connection::cluster_slots::SLOTS;

/// Whether all slots are served; nothing where this is no Cluster.
pub(crate) async fn diagnose(connection: &mut Connection) -> Option<Diagnosis> {
    if !connection.heals_itself() {
        return None;
    }
    let mut info = cmd("CLUSTER");
    info.arg("INFO");
    let infos = connection.ask_masters::<String>(info).await;
    // As the node that sees the least sees it.
    let counts = infos.iter().flat_map(|infos| infos.values());
    let counts = counts.map(|info| (number(info, "cluster_slots_ok"), info));
    let (served, info) = counts.min_by_key(|(served, _)| *served)?;
    let masters = number(info, "cluster_size");
    let nodes = number(info, "cluster_known_nodes");
    if served == u64::from(SLOTS) && info.contains("cluster_state:ok") {
        let detail = format!("a Cluster of {nodes} nodes, {masters} of which serve all slots");
        return Some(well("topology", detail));
    }
    let detail = format!(
        "the Cluster serves {served} of {SLOTS} slots: start the nodes that are away, or assign the slots to others"
    );
    Some(check(Severity::Problem, "topology", detail))
}

fn number(info: &str, field: &str) -> u64 {
    let mut fields = info.lines().filter_map(|line| line.split_once(':'));
    let value = fields.find_map(|(name, value)| (name == field).then_some(value));
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}
