//! Passes over all keys of all masters.

use std::collections::{BTreeMap, HashMap};

use redis::{Cmd, FromRedisValue, RedisResult, Value, cmd};
use uuid::Uuid;

use crate::store::StoreError;
use crate::store::bucket::BUCKETS;
use crate::store::redis::connection::Connection;
use crate::store::redis::connection::cluster_slots::SLOTS;
use crate::store::redis::connection::error::{is_denied, is_transient, no_lane};
use crate::store::redis::connection::lanes::OpenLane;
use crate::store::redis::connection::scatter::{Request, Scatter};
use crate::store::redis::connection::url::Topology;
use crate::store::redis::maintenance::query::{Patience, explained};
use crate::store::redis::{RETRY_AFTER, RedisStore};

/// How many places of its table a server looks at in one step: some hundred microseconds.
const STEP: usize = 1_000;
/// How often a pass begins anew at most.
const MOST_TIMES_ANEW: u32 = 30;

/// A pass over all keys that match a pattern. Some may come more than once; those that are there from
/// its beginning to its end come at least once.
///
/// A cursor means something to one process only, so a pass keeps to one connection, which at its end
/// must still lead to a master. In a Cluster a key may also go from a server that has not come to it
/// to one that is past it: so a pass begins anew where the masters or their slots are others at its
/// end than they were at its beginning.
pub(crate) struct Scan<'a> {
    store: &'a RedisStore,
    pattern: String,
    lane: OpenLane,
    masters: Masters,
    /// The masters that are not at their end, and how far they are.
    cursors: Vec<(String, u64)>,
    times_begun_anew: u32,
}

impl RedisStore {
    pub(crate) async fn scan(&self, pattern: String) -> Result<Scan<'_>, StoreError> {
        let masters = self.masters().await?;
        Ok(Scan {
            store: self,
            pattern,
            lane: self.open_lane().await?,
            cursors: masters.cursors(),
            masters,
            times_begun_anew: 0,
        })
    }

    async fn open_lane(&self) -> Result<OpenLane, StoreError> {
        let mut patience = Patience::default();
        loop {
            match self.lanes.pick() {
                Some(lane) => return Ok(lane),
                None if patience.goes_on().await => {}
                None => return Err(no_lane().into()),
            }
        }
    }

    /// The masters as they are now, once they have all slots and none is under way.
    async fn masters(&self) -> Result<Masters, StoreError> {
        if self.topology != Topology::Cluster {
            return Ok(Masters(BTreeMap::from([Default::default()])));
        }
        let mut patience = Patience::default();
        loop {
            if let Some(masters) = self.look_at_masters().await? {
                return Ok(masters);
            }
            if !patience.goes_on().await {
                return Err(StoreError::Unavailable(
                    "slots of the Cluster are being moved or are not served: try again when they are"
                        .into(),
                ));
            }
        }
    }

    async fn look_at_masters(&self) -> Result<Option<Masters>, StoreError> {
        // A question in each bucket, so that the driver learns of slots that have moved.
        let course = Uuid::nil().into();
        let questions = (0..BUCKETS).map(|bucket| {
            let mut question = cmd("HMGET");
            question.arg(self.keys.summary_in(bucket, course)).arg("n");
            (bucket, question)
        });
        self.ask::<Vec<Value>>(&Scatter(questions.collect()))
            .await?;

        let mut info = cmd("INFO");
        info.arg("server");
        let infos: HashMap<String, String> = self.ask(&EachMaster(info)).await?;
        let mut nodes = cmd("CLUSTER");
        nodes.arg("NODES");
        let nodes: HashMap<String, String> = self.ask(&EachMaster(nodes)).await?;
        let (mut masters, mut served) = (BTreeMap::new(), 0);
        for (address, info) in infos {
            let Some(slots) = nodes.get(&address).and_then(|nodes| Slots::read(nodes)) else {
                return Ok(None);
            };
            served += slots.count;
            masters.insert(address, format!("{} {}", run_id(&info), slots.text));
        }
        Ok((served == usize::from(SLOTS)).then_some(Masters(masters)))
    }
}

impl Scan<'_> {
    /// The next keys, if any more may come.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<String>>, StoreError> {
        loop {
            let Some((address, cursor)) = self.cursors.last_mut() else {
                if self.is_complete().await? {
                    return Ok(None);
                }
                continue;
            };
            let mut step = cmd("SCAN");
            step.arg(*cursor).arg("MATCH").arg(&self.pattern);
            step.arg("COUNT").arg(STEP);
            let reply = self.lane.connection.ask_master(address, &step).await;
            let reply: RedisResult<(u64, Vec<Vec<u8>>)> = reply
                .and_then(|reply| Ok(FromRedisValue::from_redis_value(reply.extract_error()?)?));
            match reply {
                Ok((next, keys)) => {
                    *cursor = next;
                    if next == 0 {
                        self.cursors.pop();
                    }
                    let keys = keys.iter().map(|key| String::from_utf8_lossy(key).into());
                    return Ok(Some(keys.collect()));
                }
                Err(error) if is_denied(&error) || !is_transient(&error) => {
                    return Err(explained(error));
                }
                // Perhaps it is no master any more.
                Err(error) => {
                    self.lane.report(&error);
                    self.begin_anew(error.into()).await?;
                }
            }
        }
    }

    /// Whether the pass has come by all keys; else it begins anew.
    async fn is_complete(&mut self) -> Result<bool, StoreError> {
        if let Err(error) = self.lane.connection.check().await {
            self.begin_anew(error.into()).await?;
            return Ok(false);
        }
        if self.store.masters().await? == self.masters {
            return Ok(true);
        }
        let moved = "the masters or their slots change all the time: try again when they do not";
        self.begin_anew(StoreError::Unavailable(moved.into()))
            .await?;
        Ok(false)
    }

    /// Begins anew, once all slots have their masters; if that was done too often, it is because of
    /// this failure.
    async fn begin_anew(&mut self, failure: StoreError) -> Result<(), StoreError> {
        if self.times_begun_anew == MOST_TIMES_ANEW {
            return Err(failure);
        }
        self.times_begun_anew += 1;
        tokio::time::sleep(RETRY_AFTER).await;
        self.lane = self.store.open_lane().await?;
        self.masters = self.store.masters().await?;
        self.cursors = self.masters.cursors();
        Ok(())
    }
}

/// The masters of a Cluster by their addresses: which processes they are, and which slots they have
/// since when. Of the only one nothing is told.
#[derive(PartialEq, Eq)]
struct Masters(BTreeMap<String, String>);

impl Masters {
    fn cursors(&self) -> Vec<(String, u64)> {
        self.0.keys().map(|address| (address.clone(), 0)).collect()
    }
}

/// What a server is called from its start to its end.
fn run_id(info: &str) -> String {
    let id = info.lines().find_map(|line| line.strip_prefix("run_id:"));
    id.unwrap_or_default().to_owned()
}

/// The slots of a node of a Cluster.
struct Slots {
    count: usize,
    /// Another one after each change.
    text: String,
}

impl Slots {
    /// Those of the node that answered `CLUSTER NODES`; `None` while one of them is on its way to or
    /// from another node.
    fn read(nodes: &str) -> Option<Self> {
        let nodes = nodes.lines().map(|line| line.split(' ').collect());
        let mut own = nodes
            .filter(|node: &Vec<&str>| node.get(2).is_some_and(|flags| flags.contains("myself")));
        // Its id, address, flags, master, ping, pong, epoch, link, and then the slots.
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

/// A command that each master is sent; the replies are by their addresses.
struct EachMaster(Cmd);

impl Request for EachMaster {
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
    fn a_node_tells_its_own_slots_while_they_stand_still() {
        let other = "07c3 127.0.0.1:30004@31004 slave e7d1 0 1426238317239 4 connected\n";
        let own =
            "e7d1 127.0.0.1:30001@31001 myself,master - 0 0 7 connected 0-5460 5462 9000-9001\n";
        let slots = Slots::read(&format!("{other}{own}")).unwrap();
        assert_eq!(slots.count, 5_464);
        assert_eq!(slots.text, "7 0-5460 5462 9000-9001");
        for under_way in ["[93->-292f]", "[77-<-e7d1]"] {
            let own = own.replace("5462", under_way);
            assert!(Slots::read(&own).is_none());
        }
        let none = own.split(" 0-").next().unwrap();
        assert_eq!(Slots::read(none).unwrap().count, 0);
        assert!(Slots::read(other).is_none());
    }
}
