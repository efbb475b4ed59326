//! Upgrade of data of the first version, while no replica of the service runs.
//!
//! Sessions, session indexes, course indexes and erasures have the same keys in both versions. The upgrade
//! marks the version of each session, deletes the aggregates of the first version, and recounts the aggregates
//! and the rosters from the sessions, as a repair does. Each step is bounded, and repeating a step changes
//! nothing: an upgrade that ends early is repeated from the start.

use redis::{Cmd, Value, cmd};
use tokio::sync::mpsc;

use super::{FIRST_VERSION, VERSION, other_version, read};
use crate::store::maintenance::{Upgrade, VerifyEvent, verify};
use crate::store::redis::RedisStore;
use crate::store::redis::keys::Key;
use crate::store::{StoreError, bucket};

/// Kinds of the keys of aggregates in the first version: totals and summaries.
const FORMER_AGGREGATES: [char; 2] = ['t', 'c'];

impl RedisStore {
    /// Upgrades the data.
    pub(crate) async fn upgrade_data(
        &self,
        events: mpsc::Sender<VerifyEvent>,
    ) -> Result<Upgrade, StoreError> {
        let key = self.keys.schema();
        match self.query_retried::<Option<u32>>(&read(&key)).await? {
            Some(VERSION) => return Ok(Upgrade::NotNeeded),
            Some(FIRST_VERSION) | None => {}
            Some(version) => return Err(other_version(version).into()),
        }
        self.mark_versions().await?;
        for kind in FORMER_AGGREGATES {
            self.delete_keys(kind).await?;
        }
        let report = verify::verify(self, true, events.clone()).await?;
        // Without a receiver the repair ended early.
        if report.is_consistent() && !events.is_closed() {
            let mut set = cmd("SET");
            set.arg(&key).arg(VERSION);
            self.query_retried::<()>(&set).await?;
        }
        Ok(Upgrade::Done(report))
    }

    /// Marks the time of each session as its version, where a session has no version.
    async fn mark_versions(&self) -> Result<(), StoreError> {
        let mut scan = self.scan(self.keys.pattern(Some('s'))).await?;
        while let Some(keys) = scan.next().await? {
            let sessions = keys.iter().filter_map(|key| match self.keys.parse(key) {
                Some(Key::Session(enrolment, _)) => Some((bucket::of(enrolment.learner), key)),
                _ => None,
            });
            let commands = sessions.map(|(bucket, key)| {
                let mut mark = cmd("HSETNX");
                mark.arg(key).arg("v").arg("");
                (bucket, mark)
            });
            self.send_each(commands.collect()).await?;
        }
        Ok(())
    }

    /// Deletes all keys of a kind.
    async fn delete_keys(&self, kind: char) -> Result<(), StoreError> {
        let mut scan = self.scan(self.keys.pattern(Some(kind))).await?;
        while let Some(keys) = scan.next().await? {
            let commands = keys.iter().filter_map(|key| {
                let mut delete = cmd("DEL");
                delete.arg(key);
                Some((self.keys.bucket_of(key)?, delete))
            });
            self.send_each(commands.collect()).await?;
        }
        Ok(())
    }

    /// Sends commands. A key of another type is no error here: the verification reports the key.
    async fn send_each(&self, commands: Vec<(u16, Cmd)>) -> Result<(), StoreError> {
        self.query_typed_retried::<Value>(commands).await?;
        Ok(())
    }
}
