//! Reads of a pass over the keys, sent together, each with the findings of its reply.

use redis::{Cmd, Value, cmd};

use crate::store::StoreError;
use crate::store::maintenance::ledger::{Found, OtherType, StoredAggregate};
use crate::store::redis::scan::query::WrongType;
use crate::store::redis::{RedisStore, reads};

/// Read of a key, with the findings of its reply.
pub(super) struct Probe {
    pub(super) bucket: u16,
    pub(super) command: Cmd,
    /// Finding where the key is absent.
    pub(super) absent: Option<Found>,
    /// Finding where the key has another type.
    pub(super) other_type: Option<Found>,
}

/// Read of an index and its aggregate: a lost aggregate that was written again, behind the pass, has another number
/// than the index has members.
pub(super) struct Pair {
    pub(super) bucket: u16,
    pub(super) index: String,
    pub(super) aggregate: String,
    /// Number of members by the aggregate.
    pub(super) count: fn(&StoredAggregate) -> Option<u64>,
    /// Finding where the aggregate is absent or has another number.
    pub(super) differs: Found,
    /// Finding where the index has another type.
    pub(super) other_type: Found,
}

impl Pair {
    /// Returns the finding of the number of members and the aggregate; `Err` for a key of another type.
    fn finding(self, members: Result<u64, WrongType>, aggregate: Aggregate) -> Option<Found> {
        let aggregate = StoredAggregate(aggregate.map_err(|WrongType| OtherType));
        match members {
            Err(WrongType) => Some(self.other_type),
            Ok(members) => ((self.count)(&aggregate) != Some(members)).then_some(self.differs),
        }
    }
}

/// Text of an aggregate.
type Aggregate = Result<Option<Vec<u8>>, WrongType>;

/// Sends probes, and returns the findings.
pub(super) async fn send(store: &RedisStore, probes: Vec<Probe>) -> Result<Vec<Found>, StoreError> {
    let commands = probes
        .iter()
        .map(|probe| (probe.bucket, probe.command.clone()));
    let replies = store
        .query_typed_retried::<Value>(commands.collect())
        .await?;
    let findings = probes.into_iter().zip(replies);
    let findings = findings.filter_map(|(probe, reply)| match reply {
        Ok(Value::Nil) => probe.absent,
        Ok(_) => None,
        Err(WrongType) => probe.other_type,
    });
    Ok(findings.collect())
}

/// Reads pairs, and returns the findings.
pub(super) async fn send_pairs(
    store: &RedisStore,
    pairs: Vec<Pair>,
) -> Result<Vec<Found>, StoreError> {
    let members = pairs.iter().map(|pair| {
        let mut command = cmd("ZCARD");
        command.arg(&pair.index);
        (pair.bucket, command)
    });
    let texts = pairs
        .iter()
        .map(|pair| (pair.bucket, reads::text(&pair.aggregate)));
    let (members, texts) = (members.collect(), texts.collect());
    let members = store.query_typed_retried(members).await?;
    let texts = store.query_typed_retried(texts).await?;
    let replies = members.into_iter().zip(texts);
    let findings = pairs.into_iter().zip(replies);
    let findings = findings.filter_map(|(pair, (members, text))| pair.finding(members, text));
    Ok(findings.collect())
}
