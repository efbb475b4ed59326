//! Masters of Redis and the slots of each: a pass compares the masters of its beginning and its end.

use std::collections::{BTreeMap, HashMap};

use redis::{Cmd, FromRedisValue, RedisResult, Value, cmd};
use uuid::Uuid;

use super::query::maintenance_retry;
use crate::store::StoreError;
use crate::store::bucket::BUCKETS;
use crate::store::redis::RedisStore;
use crate::store::redis::connection::Connection;
use crate::store::redis::connection::cluster_slots::SLOTS;
use crate::store::redis::connection::scatter::{RedisRequest, Scatter};
use crate::store::redis::connection::url::Topology;

impl RedisStore {
    /// Present masters, once the masters serve all slots and no slot is being moved.
    pub(super) async fn masters(&self) -> Result<Masters, StoreError> {
        if self.topology != Topology::Cluster {
            return Ok(Masters(BTreeMap::from([Default::default()])));
        }
        let mut retry = maintenance_retry();
        loop {
            if let Some(masters) = self.read_masters().await? {
                return Ok(masters);
            }
            let moving =
                "slots of the Cluster are being moved or are not served: try again when they are";
            let error = StoreError::Unavailable(moving.into());
            retry.wait(error, true).await?;
        }
    }

    /// Present masters; `None` while a slot is being moved or is not served.
    async fn read_masters(&self) -> Result<Option<Masters>, StoreError> {
        // A command in each bucket, as the driver learns of moved slots from redirected commands.
        let course = Uuid::nil().into();
        let commands = (0..BUCKETS).map(|bucket| {
            let mut command = cmd("GET");
            command.arg(self.keys.summary_in(bucket, course));
            (bucket, command)
        });
        self.query_retried::<Vec<Value>>(&Scatter(commands.collect()))
            .await?;

        let mut info = cmd("INFO");
        info.arg("server");
        let infos: HashMap<String, String> = self.query_retried(&EachMaster(info)).await?;
        let mut nodes = cmd("CLUSTER");
        nodes.arg("NODES");
        let nodes: HashMap<String, String> = self.query_retried(&EachMaster(nodes)).await?;
        let (mut masters, mut served) = (BTreeMap::new(), 0);
        for (address, info) in infos {
            let Some(slots) = nodes
                .get(&address)
                .and_then(|nodes| NodeSlots::parse(nodes))
            else {
                return Ok(None);
            };
            served += slots.count;
            masters.insert(address, format!("{} {}", run_id(&info), slots.text));
        }
        Ok((served == usize::from(SLOTS)).then_some(Masters(masters)))
    }
}

/// Masters of a Cluster by address, each as a text of its process and slots that changes with either. A
/// single server has an empty address and an empty text.
#[derive(PartialEq, Eq)]
pub(super) struct Masters(BTreeMap<String, String>);

impl Masters {
    /// Addresses, each with the cursor of the beginning.
    pub(super) fn cursors(&self) -> Vec<(String, u64)> {
        self.0.keys().map(|address| (address.clone(), 0)).collect()
    }
}

/// Id of a server process, in the reply of `INFO server`.
fn run_id(info: &str) -> String {
    let id = info.lines().find_map(|line| line.strip_prefix("run_id:"));
    id.unwrap_or_default().to_owned()
}

/// Slots of a node of a Cluster.
struct NodeSlots {
    count: usize,
    /// Epoch and ranges, different after each change.
    text: String,
}

impl NodeSlots {
    /// Parses the slots of the replying node from its reply to `CLUSTER NODES`; `None` while a slot is being
    /// moved to or from the node.
    fn parse(nodes: &str) -> Option<Self> {
        let nodes = nodes.lines().map(|line| line.split(' ').collect());
        let mut own = nodes
            .filter(|node: &Vec<&str>| node.get(2).is_some_and(|flags| flags.contains("myself")));
        // Fields of a line: id, address, flags, master, ping, pong, epoch, link, slots.
        let own: Vec<&str> = own.next()?;
        let (epoch, slots) = (own.get(6)?, own.get(8..)?);
        let count = slots.iter().map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
            Some((last + 1).saturating_sub(first))
        });
        Some(Self {
            count: count.sum::<Option<_>>()?,
            text: format!("{epoch} {}", slots.join(" ")),
        })
    }
}

/// A command to each master; the reply maps addresses to replies.
struct EachMaster(Cmd);

impl RedisRequest for EachMaster {
    async fn send<T: FromRedisValue>(&self, connection: &mut Connection) -> RedisResult<T> {
        let replies: HashMap<String, Value> = connection.ask_masters(self.0.clone()).await?;
        let replies = replies.into_iter().map(|(address, reply)| {
            let address = Value::BulkString(address.into_bytes());
            Ok((address, reply.extract_error()?))
        });
        let replies = Value::Map(replies.collect::<RedisResult<_>>()?);
        Ok(T::from_redis_value(replies)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_of_the_replying_node_are_parsed_unless_a_slot_is_being_moved() {
        let other = "07c3 127.0.0.1:30004@31004 slave e7d1 0 1426238317239 4 connected\n";
        let own =
            "e7d1 127.0.0.1:30001@31001 myself,master - 0 0 7 connected 0-5460 5462 9000-9001\n";
        let slots = NodeSlots::parse(&format!("{other}{own}")).unwrap();
        assert_eq!(slots.count, 5_464);
        assert_eq!(slots.text, "7 0-5460 5462 9000-9001");
        for moving in ["[93->-292f]", "[77-<-e7d1]"] {
            let own = own.replace("5462", moving);
            assert!(NodeSlots::parse(&own).is_none());
        }
        let none = own.split(" 0-").next().unwrap();
        assert_eq!(NodeSlots::parse(none).unwrap().count, 0);
        assert!(NodeSlots::parse(other).is_none());
    }
}
