//! Trying a master out: a learner is made up, and all of it is removed again.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use redis::{Cmd, FromRedisValue, Pipeline, RedisResult, cmd};
use uuid::Uuid;

use super::latency::Latency;
use super::{at, check, well};
use crate::domain::{Amount, Enrolment, LearnerId, Record, Score, SessionId, Stats};
use crate::store::doctor::{Diagnosis, Severity};
use crate::store::redis::RedisStore;
use crate::store::redis::connection::Connection;
use crate::store::redis::connection::error::is_denied;
use crate::store::redis::keys::Keys;
use crate::store::{StatsStore, StoreError, bucket};

/// Sessions in the course.
const SESSIONS: usize = 20;
/// How long what is left over is kept, should this process not get to remove it.
pub(crate) const LIFETIME: Duration = Duration::from_secs(600);
/// Bytes that a session may take before it is told: twice what it takes with Redis's own settings.
const LARGE: u64 = 600;
/// Clocks that differ by this much are told, and by that much are a problem.
const SKEW: (i64, i64) = (1_000, 60_000);
/// How many learners are made up in search of one on a certain master.
const ATTEMPTS: usize = 20_000;

/// A learner who is made up, on one of the masters.
pub(crate) struct Probe {
    /// The master's address; empty where it is the only one.
    pub(crate) server: String,
    /// The store with keys of its own, which nobody else looks at.
    pub(crate) store: RedisStore,
    pub(crate) enrolment: Enrolment,
    sessions: Vec<SessionId>,
    /// One more, which comes and goes.
    pub(crate) extra: SessionId,
}

impl RedisStore {
    /// One probe for each master.
    pub(crate) fn probes(&self, connection: &Connection, masters: Vec<String>) -> Vec<Probe> {
        if !connection.heals_itself() {
            let servers = masters.into_iter();
            return servers.map(|server| self.probe(server, new())).collect();
        }
        let mut left: BTreeSet<_> = masters.into_iter().collect();
        let mut probes = Vec::new();
        // One that serves so few slots that no learner is in them is tried out by nobody.
        for _ in 0..ATTEMPTS {
            let learner = new();
            let master = connection.master_of(bucket::of(learner));
            if let Some(server) = master.and_then(|master| left.take(master)) {
                probes.push(self.probe(server, learner));
            }
        }
        probes.sort_by(|a, b| a.server.cmp(&b.server));
        probes
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

    /// The user may use all keys of the prefix, and nobody takes these for a learner's.
    fn probe_keys(&self) -> Keys {
        Keys::new(format!("{}:doctor", self.keys.prefix()))
    }
}

fn new<T: From<Uuid>>() -> T {
    Uuid::new_v4().into()
}

impl Probe {
    /// Tries all out, and leaves nothing behind.
    pub(crate) async fn run(self, connection: &mut Connection) -> Vec<Diagnosis> {
        let mut checks = vec![self.ping(connection).await];
        checks.push(self.clock(connection).await);
        match self.fill(connection).await {
            Ok(()) => {
                checks.push(self.memory(connection).await);
                checks.extend(self.scripts().await);
            }
            Err(error) => checks.push(self.failed("latency of record", &error)),
        }
        if let Err(error) = self.clean().await {
            let prefix = self.store.keys.prefix();
            let detail = format!(
                "what was tried out could not be removed: {error}: delete the keys that begin with {prefix}"
            );
            checks.push(check(Severity::Warning, "probe", at(&self.server, detail)));
        }
        checks
    }

    async fn ping(&self, connection: &mut Connection) -> Diagnosis {
        let (command, mut latency) = (cmd("PING"), Latency::of("latency of PING"));
        while !latency.is_known() {
            let ping = self.ask::<String>(connection, &command);
            if let Err(error) = latency.time(ping).await {
                return self.failed("latency of PING", &error.into());
            }
        }
        latency.told(&self.server)
    }

    /// How far the server's clock is from this machine's.
    async fn clock(&self, connection: &mut Connection) -> Diagnosis {
        const SUBJECT: &str = "clock";
        let before = now();
        let time = self.ask::<(i64, i64)>(connection, &cmd("TIME")).await;
        let after = now();
        let (seconds, micros) = match time {
            Ok(time) => time,
            Err(error) => return self.failed(SUBJECT, &error.into()),
        };
        let skew = seconds * 1_000 + micros / 1_000 - (before + after) / 2;
        let (severity, advice) = match skew.saturating_abs() {
            off if off >= SKEW.1 => (Severity::Problem, ": set both by NTP"),
            off if off >= SKEW.0 => (Severity::Warning, ": set both by NTP"),
            _ => (Severity::Ok, ""),
        };
        let error = (after - before + 1) / 2;
        let detail = format!("{skew} ms ahead of this machine's, give or take {error} ms{advice}");
        check(severity, SUBJECT, at(&self.server, detail))
    }

    /// Records the sessions, and has them expire where the user may do that.
    async fn fill(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let records: Vec<_> = self.sessions.iter().map(|&id| self.record(id)).collect();
        for outcome in self.store.record_many(&records).await {
            outcome?;
        }
        let mut expire = Pipeline::new();
        for key in self.all_keys() {
            expire.cmd("PEXPIRE").arg(key).arg(LIFETIME.as_millis());
        }
        // Where he may not, they last until they are forgotten at the end.
        drop(
            connection
                .send_to(bucket::of(self.enrolment.learner), expire)
                .await,
        );
        Ok(())
    }

    /// What a session takes, its part of what is kept for the course and the learner included.
    async fn memory(&self, connection: &mut Connection) -> Diagnosis {
        const SUBJECT: &str = "memory per session";
        let mut bytes = 0;
        for key in self.all_keys() {
            let mut usage = cmd("MEMORY");
            usage.arg("USAGE").arg(key).arg("SAMPLES").arg(0);
            match self.ask::<Option<u64>>(connection, &usage).await {
                Ok(found) => bytes += found.unwrap_or_default(),
                Err(error) if is_denied(&error) => {
                    let detail = "not known, as the user may not run MEMORY USAGE; +memory|usage would allow it";
                    return well(SUBJECT, at(&self.server, detail));
                }
                Err(error) => return self.failed(SUBJECT, &error.into()),
            }
        }
        let each = bytes / SESSIONS as u64;
        let detail = format!("{each} bytes at {SESSIONS} sessions in a course");
        if each <= LARGE {
            return well(SUBJECT, at(&self.server, detail));
        }
        let detail = format!(
            "{detail}, which is much: set hash-max-listpack-entries, hash-max-listpack-value, zset-max-listpack-entries and zset-max-listpack-value to no less than Redis's own defaults"
        );
        check(Severity::Warning, SUBJECT, at(&self.server, detail))
    }

    /// Removes all that was written, also what a script that failed half way has left.
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
        Record {
            enrolment: self.enrolment,
            session,
            stats: typical(),
            occurred_at: None,
        }
    }

    /// Asks the master.
    async fn ask<T: FromRedisValue>(
        &self,
        connection: &mut Connection,
        command: &Cmd,
    ) -> RedisResult<T> {
        let answer = connection.ask_master(&self.server, command).await?;
        Ok(T::from_redis_value(answer.extract_error()?)?)
    }

    /// All keys of the course with its sessions.
    fn all_keys(&self) -> Vec<String> {
        let keys = &self.store.keys;
        keys.of_delete(self.enrolment, &self.sessions)
    }

    pub(crate) fn failed(&self, subject: &'static str, error: &StoreError) -> Diagnosis {
        check(
            Severity::Problem,
            subject,
            at(&self.server, error.to_string()),
        )
    }
}

/// Numbers as a session has them.
fn typical() -> Stats {
    Stats {
        modules: Amount::new(5.0).unwrap_or_default(),
        score: Score::new(82.5).unwrap_or_default(),
        time: Amount::new(120_000.0).unwrap_or_default(),
    }
}

/// This machine's clock, in milliseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    i64::try_from(millis).unwrap_or(i64::MAX)
}
