//! The slots of a Cluster: whether all are served, and by which master.

use redis::cluster_routing::Slot;
use redis::{FromRedisValue, RedisResult, Value, cmd};

use super::{check, well};
use crate::store::redis::connection::Connection;
use crate::store::upkeep::{Check, Verdict};

/// How many slots there are.
const ALL: u64 = 16_384;

/// Whether all slots are served; nothing where this is no Cluster.
pub(super) async fn examine(connection: &mut Connection) -> Option<Check> {
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
    if served == ALL && info.contains("cluster_state:ok") {
        let detail = format!("a Cluster of {nodes} nodes, {masters} of which serve all slots");
        return Some(well("topology", detail));
    }
    let detail = format!(
        "the Cluster serves {served} of {ALL} slots: start the nodes that are away, or assign the slots to others"
    );
    Some(check(Verdict::Problem, "topology", detail))
}

fn number(info: &str, field: &str) -> u64 {
    let mut fields = info.lines().filter_map(|line| line.split_once(':'));
    let value = fields.find_map(|(name, value)| (name == field).then_some(value));
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

/// Which master serves which slots.
pub(super) struct Slots(Vec<(u16, u16, String)>);

impl Slots {
    /// Asks the Cluster; `None` where that cannot be found out.
    pub(super) async fn read(connection: &mut Connection) -> Option<Self> {
        let mut slots = cmd("CLUSTER");
        slots.arg("SLOTS");
        let answers = connection.ask_masters::<Value>(slots).await.ok()?;
        Self::parse(answers.into_values().next()?).ok()
    }

    /// First slot, last slot, master, and the replicas, of each range.
    fn parse(answer: Value) -> RedisResult<Self> {
        let ranges: Vec<Vec<Value>> = FromRedisValue::from_redis_value(answer)?;
        let ranges = ranges.into_iter().map(|range| {
            let mut parts = range.into_iter();
            let mut next = || parts.next().unwrap_or(Value::Nil);
            let (first, last) = (u16_of(next())?, u16_of(next())?);
            let mut master = Vec::<Value>::from_redis_value(next())?.into_iter();
            let host = String::from_redis_value(master.next().unwrap_or(Value::Nil))?;
            let port = u16_of(master.next().unwrap_or(Value::Nil))?;
            Ok((first, last, format!("{host}:{port}")))
        });
        ranges.collect::<RedisResult<_>>().map(Self)
    }

    /// The address of the master that serves a key's slot.
    pub(super) fn master_of(&self, key: &str) -> Option<&str> {
        let slot = Slot::for_key(key);
        let mut ranges = self.0.iter();
        let range = ranges.find(|(first, last, _)| {
            (*first..=*last).any(|number| Slot::new(number) == Some(slot))
        });
        range.map(|(_, _, master)| master.as_str())
    }
}

fn u16_of(value: Value) -> RedisResult<u16> {
    Ok(u16::from_redis_value(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_master_of_a_key_is_found_by_its_slot() {
        let node = |port| Value::Array(vec![Value::BulkString("h".into()), Value::Int(port)]);
        let range = |first, last, port| {
            Value::Array(vec![
                Value::Int(first),
                Value::Int(last),
                node(port),
                node(9),
            ])
        };
        let answer = Value::Array(vec![range(0, 15_182, 1), range(15_183, 15_183, 2)]);
        let slots = Slots::parse(answer).unwrap();
        // redis-cli cluster keyslot '{194}' and '{195}'
        assert_eq!(slots.master_of("ss:{194}:t:x"), Some("h:2"));
        assert_eq!(slots.master_of("ss:{195}:t:x"), Some("h:1"));
        assert_eq!(Slots(Vec::new()).master_of("ss:{194}:t:x"), None);
    }
}
