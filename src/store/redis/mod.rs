//! The Redis store: any number of replicas of the service share one Redis.
//!
//! Every write is one Lua call (`scripts`) on keys of one slot (`keys`), sent over one of a few
//! shared connections (`lanes`).

mod keys;
mod lanes;
mod reply;
mod scripts;

use std::time::Duration;

use async_trait::async_trait;
use deadpool_redis::redis::io::tcp::TcpSettings;
use deadpool_redis::redis::{
    AsyncConnectionConfig, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue,
    IntoConnectionInfo, Pipeline, RedisError, ServerErrorKind, cmd,
};
use deadpool_redis::{Manager, Pool, Runtime};

use super::{StatsStore, StoreError};
use crate::config::{RedisSettings, StartError};
use crate::domain::{CourseId, LearnerId, Outcome, Record, Session, SessionId, Totals};
use keys::Keys;
use lanes::Lanes;
use scripts::{LuaScript, RECORD, ScriptCall};

/// Wait before the one retry of a call that failed: time for a lane to come back or be found broken.
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// What the record script answered, or why it did not.
type Reply = Result<String, RedisError>;

/// Sessions and aggregates in Redis.
pub struct RedisStore {
    keys: Keys,
    lanes: Lanes,
}

impl RedisStore {
    /// Makes a store on the Redis at `url` and begins to connect to it, in the background.
    ///
    /// # Errors
    ///
    /// The URL is none that is understood. The message does not repeat it: it may hold a password.
    pub fn open(url: &str, settings: &RedisSettings) -> Result<Self, StartError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.connect_timeout))
            .set_response_timeout(Some(settings.response_timeout));
        let manager =
            Manager::new_with_config(connection_info(url)?, config).map_err(|_| invalid_url())?;
        let pool = Pool::builder(manager)
            .max_size(settings.lanes)
            .create_timeout(Some(settings.connect_timeout))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| {
                StartError::Environment(format!("cannot make a pool of Redis connections: {error}"))
            })?;
        Ok(Self {
            keys: Keys::new(settings.key_prefix.clone()),
            lanes: Lanes::open(&pool),
        })
    }

    /// Sends a command; once more, over another lane, if its failure may pass.
    async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        match self.attempt(command).await {
            Err(error) if is_transient(&error) => {
                tokio::time::sleep(RETRY_AFTER).await;
                Ok(self.attempt(command).await?)
            }
            result => Ok(result?),
        }
    }

    async fn attempt<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let mut lane = self.lanes.pick().ok_or_else(no_lane)?;
        let result = command.query_async(&mut lane.connection).await;
        result.inspect_err(|error| lane.report(error))
    }

    /// Calls the record script for each, in their order: all go out together over one lane. The
    /// first call is by `first`, which can make the script known for the others.
    async fn attempt_records(&self, records: &[Record], first: ScriptCall) -> Vec<Reply> {
        let mut calls = Pipeline::with_capacity(records.len());
        for (index, record) in records.iter().enumerate() {
            let call = if index == 0 {
                first
            } else {
                LuaScript::by_hash
            };
            calls.add_command(call(
                &RECORD,
                &self.record_keys(record),
                &reply::record_arguments(record),
            ));
        }
        let Some(mut lane) = self.lanes.pick() else {
            return vec![Err(no_lane()); records.len()];
        };
        let replies: Result<Vec<Reply>, _> = calls
            .ignore_errors()
            .query_async(&mut lane.connection)
            .await;
        let replies = replies.unwrap_or_else(|error| vec![Err(error); records.len()]);
        replies
            .iter()
            .filter_map(|reply| reply.as_ref().err())
            .for_each(|error| lane.report(error));
        replies
    }

    fn record_keys(&self, record: &Record) -> [String; 6] {
        let Record {
            learner,
            course,
            session,
            ..
        } = *record;
        [
            self.keys.session(learner, course, session),
            self.keys.totals(learner, course),
            self.keys.timeline(learner, course),
            self.keys.courses(learner),
            self.keys.summary(learner, course),
            self.keys.erased(learner),
        ]
    }
}

#[async_trait]
impl StatsStore for RedisStore {
    fn name(&self) -> &'static str {
        "redis"
    }

    async fn record_many(&self, records: &[Record]) -> Vec<Result<Outcome, StoreError>> {
        let mut replies = self.attempt_records(records, LuaScript::by_hash).await;
        let may_pass = |reply: &Reply| reply.as_ref().is_err_and(is_transient);
        if let Some(from) = replies.iter().position(may_pass) {
            // An unknown script becomes known by the next attempt; there is nothing to wait for.
            if !replies[from].as_ref().is_err_and(is_unknown_script) {
                tokio::time::sleep(RETRY_AFTER).await;
            }
            // All from there on, also those that succeeded: they come after it, and to repeat a
            // record changes nothing.
            replies.truncate(from);
            replies.extend(
                self.attempt_records(&records[from..], LuaScript::by_text)
                    .await,
            );
        }
        replies
            .into_iter()
            .map(|reply| reply::outcome(&reply?))
            .collect()
    }

    async fn session(
        &self,
        learner: LearnerId,
        course: CourseId,
        session: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        let mut command = cmd("HMGET");
        command
            .arg(self.keys.session(learner, course, session))
            .arg(&reply::SESSION_FIELDS);
        reply::session(self.query(&command).await?)
    }

    async fn totals(
        &self,
        learner: LearnerId,
        course: CourseId,
    ) -> Result<Option<Totals>, StoreError> {
        let mut command = cmd("HMGET");
        command
            .arg(self.keys.totals(learner, course))
            .arg(&reply::TOTALS_FIELDS);
        reply::totals(self.query(&command).await?)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.query(&cmd("PING")).await
    }
}

/// Reads a `redis://` URL.
fn connection_info(url: &str) -> Result<ConnectionInfo, StartError> {
    let info = url.into_connection_info().map_err(|_| invalid_url())?;
    if !matches!(info.addr(), ConnectionAddr::Tcp(..)) {
        return Err(invalid_url());
    }
    // Small requests must not wait to be filled up.
    Ok(info.set_tcp_settings(TcpSettings::default().set_nodelay(true)))
}

fn invalid_url() -> StartError {
    StartError::Configuration("REDIS_URL is not understood: it must be like redis://[user:password@]host[:port][/database]".into())
}

fn no_lane() -> RedisError {
    (ErrorKind::Io, "no connection to Redis").into()
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Whether an error may pass by itself: all but those that say that the request or the stored data
/// is wrong.
fn is_transient(error: &RedisError) -> bool {
    let ours = matches!(
        error.kind(),
        ErrorKind::UnexpectedReturnType
            | ErrorKind::Parse
            | ErrorKind::Client
            | ErrorKind::Server(ServerErrorKind::ResponseError | ServerErrorKind::CrossSlot)
    );
    !ours && error.code() != Some("WRONGTYPE")
}

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        if is_transient(&error) {
            Self::Unavailable(error.to_string())
        } else {
            Self::Unexpected(error.to_string())
        }
    }
}
