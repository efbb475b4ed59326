//! Slots of a Cluster's masters, to group commands by server.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use redis::{ErrorKind, FromRedisValue, RedisError, RedisResult, Value};

/// Number of slots of a Cluster
/// (<https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model>).
pub(crate) const SLOTS: u16 = 16_384;

/// How commands for a Cluster are grouped into pipelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grouping {
    /// One group per server, by the known slots: few round trips.
    ByServer,
    /// One group per bucket, for the second attempt: a redirected bucket does not fail the others.
    ByBucket,
}

/// Slots of each master, as reported by a server. Where the map is out of date, servers redirect the
/// commands for foreign slots.
#[derive(Debug, Clone, Default)]
pub(crate) struct SlotMap {
    /// Ranges of slots with the number of their master, sorted by first slot.
    ranges: Arc<[(RangeInclusive<u16>, usize)]>,
    /// Addresses of the masters.
    masters: Arc<[String]>,
}

impl SlotMap {
    /// Parses the reply of `CLUSTER SLOTS`: first slot, last slot, master and replicas of each range.
    pub(crate) fn read(reply: Value) -> RedisResult<Self> {
        let (mut masters, mut ranges) = (Vec::new(), Vec::new());
        for range in Vec::<Vec<Value>>::from_redis_value(reply)? {
            let mut parts = range.into_iter();
            let mut next = || parts.next().ok_or_else(unexpected);
            let first = u16::from_redis_value(next()?)?;
            let last = u16::from_redis_value(next()?)?;
            let master = next()?;
            let known = masters.iter().position(|known| *known == master);
            let number = known.unwrap_or_else(|| {
                masters.push(master);
                masters.len() - 1
            });
            ranges.push((first..=last, number));
        }
        ranges.sort_unstable_by_key(|(slots, _)| *slots.start());
        Ok(Self {
            ranges: ranges.into(),
            masters: masters.into_iter().map(address).collect(),
        })
    }

    /// Returns the address of the master of a bucket.
    pub(crate) fn master_of(&self, bucket: u16) -> Option<&str> {
        let master = self.masters.get(self.master(bucket)?)?;
        Some(master.as_str())
    }

    /// Groups items by bucket or by the server of their bucket. Items of one bucket are in one group, in
    /// their order.
    pub(crate) fn group<T>(
        &self,
        grouping: Grouping,
        items: impl IntoIterator<Item = (u16, T)>,
    ) -> Vec<Vec<T>> {
        // A bucket without a known master is a group of its own: the driver finds the server.
        let mut groups: BTreeMap<Result<usize, u16>, Vec<T>> = BTreeMap::new();
        for (bucket, item) in items {
            let master = match grouping {
                Grouping::ByServer => self.master(bucket),
                Grouping::ByBucket => None,
            };
            groups.entry(master.ok_or(bucket)).or_default().push(item);
        }
        groups.into_values().collect()
    }

    fn master(&self, bucket: u16) -> Option<usize> {
        let slot = slot(bucket);
        let after = self
            .ranges
            .partition_point(|(slots, _)| *slots.start() <= slot);
        let (slots, master) = self.ranges.get(after.checked_sub(1)?)?;
        slots.contains(&slot).then_some(*master)
    }
}

/// Address of a master, `host:port`. The host is empty where the Cluster does not know the host.
fn address(master: Value) -> String {
    let mut parts = Vec::<Value>::from_redis_value(master)
        .unwrap_or_default()
        .into_iter();
    let host = parts
        .next()
        .and_then(|host| String::from_redis_value(host).ok());
    let port = parts
        .next()
        .and_then(|port| u16::from_redis_value(port).ok());
    format!("{}:{}", host.unwrap_or_default(), port.unwrap_or_default())
}

/// Slot of a bucket's keys, by their hash tag: the number of the bucket.
fn slot(bucket: u16) -> u16 {
    crc16::State::<crc16::XMODEM>::calculate(bucket.to_string().as_bytes()) % SLOTS
}

fn unexpected() -> RedisError {
    let kind = ErrorKind::UnexpectedReturnType;
    (kind, "CLUSTER SLOTS has a range without a master").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(port: i64) -> Value {
        Value::Array(vec![
            Value::BulkString(b"127.0.0.1".into()),
            Value::Int(port),
        ])
    }

    fn range(first: i64, last: i64, port: i64) -> Value {
        Value::Array(vec![
            Value::Int(first),
            Value::Int(last),
            master(port),
            master(port + 1),
        ])
    }

    #[test]
    fn items_are_grouped_by_server_or_by_bucket() {
        // redis-cli cluster keyslot '{194}': 15183; '{853}': 4180; '{0}': 13907
        let reply = Value::Array(vec![
            range(12_000, 16_383, 7_000),
            range(0, 4_179, 7_010),
            range(4_180, 11_999, 7_020),
        ]);
        let map = SlotMap::read(reply).unwrap();
        let items = [(194, 'a'), (853, 'b'), (0, 'c'), (853, 'd'), (194, 'e')];
        let groups = map.group(Grouping::ByServer, items);
        assert_eq!(groups, [vec!['a', 'c', 'e'], vec!['b', 'd']]);
        assert_eq!(map.master_of(194), Some("127.0.0.1:7000"));
        assert_eq!(map.master_of(853), Some("127.0.0.1:7020"));
        assert_eq!(SlotMap::default().master_of(194), None);
        let groups = map.group(Grouping::ByBucket, items);
        assert_eq!(groups, [vec!['c'], vec!['a', 'e'], vec!['b', 'd']]);
        let items = [(194, 'a'), (0, 'b'), (194, 'c')];
        let groups = SlotMap::default().group(Grouping::ByServer, items);
        assert_eq!(groups, [vec!['b'], vec!['a', 'c']]);
    }

    #[test]
    fn an_invalid_reply_is_an_error() {
        let short = Value::Array(vec![Value::Array(vec![Value::Int(0), Value::Int(1)])]);
        assert!(SlotMap::read(short).is_err());
        assert!(SlotMap::read(Value::Okay).is_err());
    }
}
