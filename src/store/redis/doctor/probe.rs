//! Probe of a master: sessions of a random learner under keys of the probe's own, removed at the end.

use std::collections::BTreeSet;
use std::time::Duration;

use redis::{Cmd, FromRedisValue, Pipeline, RedisResult, cmd};
use uuid::Uuid;

use super::at;
use super::latency::Latency;
use crate::domain::{Amount, Enrolment, LearnerId, Record, Score, SessionId, Stats};
use crate::store::doctor::Diagnosis;
use crate::store::redis::RedisStore;
use crate::store::redis::connection::Connection;
use crate::store::redis::connection::error::is_denied;
use crate::store::redis::keys::Keys;
use crate::store::{StatsStore, StoreError, bucket};

/// Number of sessions of the probe.
const SESSIONS: usize = 20;
/// Time to live of the probe's keys, for a process that ends before the probe removes the keys.
pub(crate) const LIFETIME: Duration = Duration::from_secs(600);
/// Most bytes per session without a warning: twice the size with the default configuration of Redis.
const LARGE: u64 = 600;
/// Maximum number of random learner ids, in search of a learner on each master.
const ATTEMPTS: usize = 20_000;

/// A random learner, in a bucket of one of the masters.
pub(crate) struct Probe {
    /// Address of the master; empty for a single server.
    pub(crate) server: String,
    /// The store under a key prefix of the probe's own.
    pub(crate) store: RedisStore,
    pub(crate) enrolment: Enrolment,
    sessions: Vec<SessionId>,
    /// Session to record and delete in turns.
    pub(crate) extra: SessionId,
}

impl RedisStore {
    /// Creates a probe for each master. Returns the probes, and the masters without a probe.
    pub(crate) fn probes(
        &self,
        connection: &Connection,
        masters: Vec<String>,
    ) -> (Vec<Probe>, BTreeSet<String>) {
        if !connection.is_cluster() {
            let servers = masters.into_iter();
            let probes = servers.map(|server| self.probe(server, new()));
            return (probes.collect(), BTreeSet::new());
        }
        let mut left: BTreeSet<_> = masters.into_iter().collect();
        let mut probes = Vec::new();
        // A master with few slots may get no probe.
        for _ in 0..ATTEMPTS {
            let learner = new();
            let master = connection.master_of(bucket::of(learner));
            if let Some(server) = master.and_then(|master| left.take(master)) {
                probes.push(self.probe(server, learner));
            }
        }
        probes.sort_by(|a, b| a.server.cmp(&b.server));
        (probes, left)
    }

    fn probe(&self, server: String, learner: LearnerId) -> Probe {
        let store = self.with_keys(self.probe_keys());
        Probe {
            server,
            store,
            enrolment: Enrolment::new(learner, new()),
            sessions: (0..SESSIONS).map(|_| new()).collect(),
            extra: new(),
        }
    }

    /// Keys within the prefix that the user has permissions for, distinct from the keys of learners.
    fn probe_keys(&self) -> Keys {
        Keys::new(format!("{}:doctor", self.keys.prefix()))
    }
}

fn new<T: From<Uuid>>() -> T {
    Uuid::new_v4().into()
}

impl Probe {
    /// Measures the master, and removes the keys of the probe.
    pub(crate) async fn run(self, connection: &mut Connection) -> Vec<Diagnosis> {
        let mut diagnoses = vec![self.ping(connection).await];
        diagnoses.push(self.clock(connection).await);
        match self.fill(connection).await {
            Ok(()) => {
                diagnoses.push(self.memory(connection).await);
                diagnoses.extend(self.scripts().await);
                // A write of an aggregate removes the expiry.
                self.expire(connection).await;
            }
            Err(error) => diagnoses.push(self.failed("latency of record", &error)),
        }
        if let Err(error) = self.clean().await {
            let prefix = self.store.keys.prefix();
            let detail = format!(
                "what was tried out could not be removed: {error}: delete the keys that begin with {prefix}"
            );
            diagnoses.push(Diagnosis::warning("probe", at(&self.server, detail)));
        }
        diagnoses
    }

    async fn ping(&self, connection: &mut Connection) -> Diagnosis {
        let (command, mut latency) = (cmd("PING"), Latency::of("latency of PING"));
        while !latency.is_complete() {
            let ping = self.query::<String>(connection, &command);
            if let Err(error) = latency.time(ping).await {
                return self.failed("latency of PING", &error.into());
            }
        }
        latency.diagnosis(&self.server)
    }

    /// Records the sessions, with an expiry.
    async fn fill(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let records: Vec<_> = self.sessions.iter().map(|&id| self.record(id)).collect();
        for outcome in self.store.record_many(&records).await {
            outcome?;
        }
        self.expire(connection).await;
        Ok(())
    }

    /// Sets the expiry of the keys. Without the permission, the keys last until the probe removes the keys.
    async fn expire(&self, connection: &mut Connection) {
        let mut expire = Pipeline::new();
        for key in self.all_keys() {
            expire.cmd("PEXPIRE").arg(key).arg(LIFETIME.as_millis());
        }
        let bucket = bucket::of(self.enrolment.learner);
        drop(connection.send_to(bucket, expire).await);
    }

    /// Diagnosis of the memory per session, indexes and aggregates included.
    async fn memory(&self, connection: &mut Connection) -> Diagnosis {
        const SUBJECT: &str = "memory per session";
        let mut bytes = 0;
        for key in self.all_keys() {
            let mut usage = cmd("MEMORY");
            usage.arg("USAGE").arg(key).arg("SAMPLES").arg(0);
            match self.query::<Option<u64>>(connection, &usage).await {
                Ok(found) => bytes += found.unwrap_or_default(),
                Err(error) if is_denied(&error) => {
                    let detail = "not known, as the user may not run MEMORY USAGE; +memory|usage would allow it";
                    return Diagnosis::ok(SUBJECT, at(&self.server, detail));
                }
                Err(error) => return self.failed(SUBJECT, &error.into()),
            }
        }
        let each = bytes / SESSIONS as u64;
        let detail = format!("{each} bytes at {SESSIONS} sessions in a course");
        if each <= LARGE {
            return Diagnosis::ok(SUBJECT, at(&self.server, detail));
        }
        let detail = format!(
            "{detail}, which is much: set hash-max-listpack-entries, hash-max-listpack-value, zset-max-listpack-entries and zset-max-listpack-value to no less than Redis's own defaults"
        );
        Diagnosis::warning(SUBJECT, at(&self.server, detail))
    }

    /// Deletes all keys of the probe, also the keys of a trial that failed half way.
    async fn clean(&self) -> Result<(), StoreError> {
        let keys = &self.store.keys;
        let mut delete = cmd("DEL");
        delete
            .arg(self.all_keys())
            .arg(keys.session(self.enrolment, self.extra))
            .arg(keys.erased(self.enrolment.learner));
        self.store.query(&delete).await
    }

    pub(crate) fn record(&self, session: SessionId) -> Record {
        Record::new(self.enrolment, session, typical(), None)
    }

    /// Sends a command to the master.
    pub(crate) async fn query<T: FromRedisValue>(
        &self,
        connection: &mut Connection,
        command: &Cmd,
    ) -> RedisResult<T> {
        let answer = connection.ask_master(&self.server, command).await?;
        Ok(T::from_redis_value(answer.extract_error()?)?)
    }

    /// Keys of the enrolment and of its sessions.
    fn all_keys(&self) -> Vec<String> {
        let keys = &self.store.keys;
        keys.of_delete(self.enrolment, &self.sessions)
    }

    pub(crate) fn failed(&self, subject: &'static str, error: &StoreError) -> Diagnosis {
        Diagnosis::problem(subject, at(&self.server, error.to_string()))
    }
}

/// Typical measures of a session.
fn typical() -> Stats {
    Stats {
        modules: Amount::new(5.0).unwrap_or_default(),
        score: Score::new(82.5).unwrap_or_default(),
        time: Amount::new(120_000.0).unwrap_or_default(),
    }
}
