//! Diagnosis of the slots of a Cluster.

use redis::cmd;

use crate::store::doctor::Diagnosis;
use crate::store::redis::connection::Connection;
use crate::store::redis::connection::cluster_slots::SLOTS;

/// Diagnosis of the number of served slots; `None` for other topologies.
pub(crate) async fn diagnose(connection: &mut Connection) -> Option<Diagnosis> {
    if !connection.is_cluster() {
        return None;
    }
    let mut info = cmd("CLUSTER");
    info.arg("INFO");
    let infos = connection.ask_masters::<String>(info).await;
    // Nodes may disagree for a while: the least number counts.
    let counts = infos.iter().flat_map(|infos| infos.values());
    let counts = counts.map(|info| (number(info, "cluster_slots_ok"), info));
    let (served, info) = counts.min_by_key(|(served, _)| *served)?;
    let masters = number(info, "cluster_size");
    let nodes = number(info, "cluster_known_nodes");
    if served == u64::from(SLOTS) && info.contains("cluster_state:ok") {
        let detail = format!("a Cluster of {nodes} nodes, {masters} of which serve all slots");
        return Some(Diagnosis::ok("topology", detail));
    }
    let detail = format!(
        "the Cluster serves {served} of {SLOTS} slots: start the nodes that are away, or assign the slots to others"
    );
    Some(Diagnosis::problem("topology", detail))
}

fn number(info: &str, field: &str) -> u64 {
    let mut fields = info.lines().filter_map(|line| line.split_once(':'));
    let value = fields.find_map(|(name, value)| (name == field).then_some(value));
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}
