//! Which server of a Cluster has which buckets, to send what goes to the same one together.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use redis::{ErrorKind, FromRedisValue, RedisError, RedisResult, Value};

/// How many slots a Cluster has
/// (<https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model>).
pub(crate) const SLOTS: u16 = 16_384;

/// The slots of each server, as one of them told. Where it is out of date, the servers refuse what
/// is not theirs.
#[derive(Debug, Clone, Default)]
pub(crate) struct SlotMap {
    /// Ranges of slots and the number of their master, by their first slots.
    ranges: Arc<[(RangeInclusive<u16>, usize)]>,
    /// The masters' addresses.
    masters: Arc<[String]>,
}

impl SlotMap {
    /// Reads the reply of `CLUSTER SLOTS`: of each range the first slot, the last one, the master
    /// and its replicas.
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

    /// The address of the master that has a bucket.
    pub(crate) fn master_of(&self, bucket: u16) -> Option<&str> {
        let master = self.masters.get(self.master(bucket)?)?;
        Some(master.as_str())
    }

    /// Groups items by the servers that have their buckets. Those of one bucket are in one group, in
    /// their order.
    pub(crate) fn group<T>(&self, items: impl IntoIterator<Item = (u16, T)>) -> Vec<Vec<T>> {
        // What no server is known to have goes alone: the driver finds out.
        let mut groups: BTreeMap<Result<usize, u16>, Vec<T>> = BTreeMap::new();
        for (bucket, item) in items {
            let group = groups.entry(self.master(bucket).ok_or(bucket)).or_default();
            group.push(item);
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

/// Where a master is, host and port, as far as the Cluster tells: it may not know the host.
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

/// The slot of a bucket's keys: that of their hash tag, which is the bucket's number.
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
    fn items_are_grouped_by_the_server_of_their_bucket() {
        // redis-cli cluster keyslot '{194}': 15183; '{853}': 4180; '{0}': 13907
        let reply = Value::Array(vec![
            range(12_000, 16_383, 7_000),
            range(0, 4_179, 7_010),
            range(4_180, 11_999, 7_020),
        ]);
        let map = SlotMap::read(reply).unwrap();
        let groups = map.group([(194, 'a'), (853, 'b'), (0, 'c'), (853, 'd'), (194, 'e')]);
        assert_eq!(groups, [vec!['a', 'c', 'e'], vec!['b', 'd']]);
        assert_eq!(map.master_of(194), Some("127.0.0.1:7000"));
        assert_eq!(map.master_of(853), Some("127.0.0.1:7020"));
        assert_eq!(SlotMap::default().master_of(194), None);
        let groups = SlotMap::default().group([(194, 'a'), (0, 'b'), (194, 'c')]);
        assert_eq!(groups, [vec!['b'], vec!['a', 'c']]);
    }

    #[test]
    fn a_reply_of_another_form_is_refused() {
        let short = Value::Array(vec![Value::Array(vec![Value::Int(0), Value::Int(1)])]);
        assert!(SlotMap::read(short).is_err());
        assert!(SlotMap::read(Value::Okay).is_err());
    }
}
