//! Passes over all keys of all masters.

use redis::{FromRedisValue, RedisResult, cmd};

use super::masters::Masters;
use super::query::{maintenance_retry, operator_error};
use crate::retry::retry;
use crate::store::StoreError;
use crate::store::redis::connection::error::{is_denied, is_transient, no_lane};
use crate::store::redis::connection::lanes::OpenLane;
use crate::store::redis::{RETRY_AFTER, RedisStore};

/// Rows of the hash table read by one `SCAN`: some hundred microseconds.
const STEP: usize = 1_000;
/// Maximum number of restarts of a pass.
const MAX_RESTARTS: u32 = 30;

/// A pass over all keys that match a pattern. The pass returns a key at least once when the key exists from
/// the beginning to the end of the pass, and may return a key more than once.
///
/// A cursor of `SCAN` is valid in one server process only, so a pass uses one connection and checks at the
/// end that the connection still leads to a master. In a Cluster a key may also move from a server whose
/// cursor has not reached the key to a server whose cursor has passed the key. So a pass restarts when the
/// masters or their slots have changed between its beginning and its end.
pub(crate) struct Scan<'a> {
    store: &'a RedisStore,
    pattern: String,
    lane: OpenLane,
    masters: Masters,
    /// Addresses and cursors of the masters with keys left.
    cursors: Vec<(String, u64)>,
    restarts: u32,
}

impl RedisStore {
    /// Begins a pass.
    pub(crate) async fn scan(&self, pattern: String) -> Result<Scan<'_>, StoreError> {
        let masters = self.masters().await?;
        Ok(Scan {
            store: self,
            pattern,
            lane: self.open_lane().await?,
            cursors: masters.cursors(),
            masters,
            restarts: 0,
        })
    }

    async fn open_lane(&self) -> Result<OpenLane, StoreError> {
        let pick = async || self.lanes.pick().ok_or_else(|| no_lane().into());
        retry(maintenance_retry(), |_| true, pick).await
    }
}

impl Scan<'_> {
    /// Number of times that the pass has started again from the beginning.
    pub(crate) fn restarts(&self) -> u32 {
        self.restarts
    }

    /// Next keys of the pass; `None` at the end.
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
                    return Err(operator_error(error));
                }
                // A failover may have replaced the master.
                Err(error) => {
                    self.lane.report(&error);
                    self.restart(error.into()).await?;
                }
            }
        }
    }

    /// Whether the pass has met all keys; restarts the pass otherwise.
    async fn is_complete(&mut self) -> Result<bool, StoreError> {
        if let Err(error) = self.lane.connection.check().await {
            self.restart(error.into()).await?;
            return Ok(false);
        }
        if self.store.masters().await? == self.masters {
            return Ok(true);
        }
        let moved = "the masters or their slots change all the time: try again when they do not";
        self.restart(StoreError::Unavailable(moved.into())).await?;
        Ok(false)
    }

    /// Restarts the pass once all slots have masters. Returns `failure`, the reason of the restart, when the
    /// maximum number of restarts is reached.
    async fn restart(&mut self, failure: StoreError) -> Result<(), StoreError> {
        if self.restarts == MAX_RESTARTS {
            return Err(failure);
        }
        self.restarts += 1;
        tokio::time::sleep(RETRY_AFTER).await;
        self.lane = self.store.open_lane().await?;
        self.masters = self.store.masters().await?;
        self.cursors = self.masters.cursors();
        Ok(())
    }
}
