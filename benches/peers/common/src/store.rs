//! The three calls, over one multiplexed connection with pipelining.

use std::fmt::Write;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, Script, ServerErrorKind, Value};

use crate::Error;
use crate::domain::{
    Amount, CourseId, Enrolment, LearnerId, Limit, Limits, Measures, Outcome, Record, Score,
    SessionId, Stats, Totals,
};
use crate::keys::{Key, encode};

/// The project's own text of a record; see `src/store/redis/scripts.rs`.
const RECORD: &str = concat!(
    include_str!("../../../../src/store/redis/scripts/call.lua"),
    include_str!("../../../../src/store/redis/scripts/arithmetic.lua"),
    include_str!("../../../../src/store/redis/scripts/record.lua"),
);
static RECORD_HASH: LazyLock<String> = LazyLock::new(|| Script::new(RECORD).get_hash().to_owned());

/// Timeout of a reply of Redis.
const WITHIN: Duration = Duration::from_secs(1);

/// Sessions and totals in Redis.
#[derive(Clone)]
pub struct Store {
    connection: MultiplexedConnection,
}

impl Store {
    /// Connects to the Redis at a URL.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached.
    pub async fn connect(url: &str) -> redis::RedisResult<Self> {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(WITHIN));
        let client = Client::open(url)?;
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        Ok(Self {
            connection: connection.await?,
        })
    }

    pub(crate) async fn record(&self, record: &Record) -> Result<Outcome, Error> {
        match self
            .send(&record_call("EVALSHA", &RECORD_HASH, record))
            .await
        {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                outcome(self.send(&record_call("EVAL", RECORD, record)).await)
            }
            reply => outcome(reply),
        }
    }

    pub(crate) async fn totals(
        &self,
        learner: LearnerId,
        course: CourseId,
    ) -> Result<Totals, Error> {
        let ids = [encode(learner.as_bytes()), encode(course.as_bytes())];
        let key = Key::start(learner).of(b'a', &[&ids[0], &ids[1]]);
        let mut call = Cmd::with_capacity(2, 96);
        call.arg("GET").arg(key.as_bytes());
        let reply = self.send(&call).await.map_err(|_| Error::Unavailable)?;
        let mut parts = text(&reply).ok_or(Error::Missing)?.split(' ');
        let mut next = || parts.next().ok_or(Error::Unavailable);
        Ok(Totals {
            sessions: number(next()?)?,
            sums: Measures {
                modules: number(next()?)?,
                score: number(next()?)?,
                time: number(next()?)?,
            },
        })
    }

    pub(crate) async fn session(
        &self,
        learner: LearnerId,
        course: CourseId,
        session: SessionId,
    ) -> Result<Stats, Error> {
        let ids = [learner.as_bytes(), course.as_bytes(), session.as_bytes()].map(encode);
        let key = Key::start(learner).of(b's', &[&ids[0], &ids[1], &ids[2]]);
        let [m, s, t] = &self.fields(&key, ["m", "s", "t"]).await?;
        let [m, s, t] = [m, s, t].map(|field| text(field).ok_or(Error::Missing));
        Ok(Stats {
            modules: Amount::new(number(m?)?).map_err(|_| Error::Unavailable)?,
            score: Score::new(number(s?)?).map_err(|_| Error::Unavailable)?,
            time: Amount::new(number(t?)?).map_err(|_| Error::Unavailable)?,
        })
    }

    async fn fields<const N: usize>(
        &self,
        key: &Key,
        names: [&'static str; N],
    ) -> Result<[Value; N], Error> {
        let mut call = Cmd::with_capacity(2 + N, 128);
        call.arg("HMGET").arg(key.as_bytes());
        for name in names {
            call.arg(name);
        }
        match self.send(&call).await {
            Ok(Value::Array(fields)) => fields.try_into().map_err(|_| Error::Unavailable),
            _ => Err(Error::Unavailable),
        }
    }

    async fn send(&self, call: &Cmd) -> redis::RedisResult<Value> {
        let reply = self.connection.clone().req_packed_command(call).await?;
        reply.extract_error()
    }
}

/// The call of the record script, by its hash or its text; see the head of `record.lua`.
fn record_call(command: &str, script: &str, record: &Record) -> Cmd {
    let Enrolment { learner, course } = record.enrolment;
    let session = record.session;
    let [u, c, s] = [learner.as_bytes(), course.as_bytes(), session.as_bytes()].map(encode);
    let start = Key::start(learner);
    let mut call = Cmd::with_capacity(24, script.len() + 640);
    call.arg(command).arg(script).arg("7");
    call.arg(start.of(b's', &[&u, &c, &s]).as_bytes())
        .arg(start.of(b'a', &[&u, &c]).as_bytes())
        .arg(start.of(b'i', &[&u, &c]).as_bytes())
        .arg(start.of(b'u', &[&u]).as_bytes())
        .arg(start.of(b'y', &[&c]).as_bytes())
        .arg(start.of(b'x', &[&u]).as_bytes())
        .arg(start.of(b'r', &[&c]).as_bytes());

    let mut whole = itoa::Buffer::new();
    call.arg(whole.format(deadline()));
    let stats = &record.stats;
    let numbers = [stats.modules.get(), stats.score.get(), stats.time.get()];
    let mut decimal = String::with_capacity(32);
    for number in numbers {
        decimal.clear();
        let _ = write!(decimal, "{number}");
        call.arg(&decimal);
    }
    match record.occurred_at {
        Some(at) => call
            .arg(whole.format(at.millis))
            .arg(itoa::Buffer::new().format(at.local_day)),
        None => call.arg("").arg(""),
    };
    match record.version {
        Some(version) => call.arg(whole.format(version)),
        None => call.arg(""),
    };
    // A record of a client.
    call.arg("")
        .arg(&session.as_bytes()[..])
        .arg(&course.as_bytes()[..])
        .arg(&learner.as_bytes()[..]);
    let limits = Limits::default();
    call.arg(whole.format(limits.sessions))
        .arg(itoa::Buffer::new().format(limits.courses));
    call
}

/// Deadline of a call, in ms by the clock of this machine, which is also the clock of Redis.
fn deadline() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let deadline = now.unwrap_or_default() + WITHIN;
    deadline.as_secs() * 1_000 + u64::from(deadline.subsec_millis())
}

fn outcome(reply: redis::RedisResult<Value>) -> Result<Outcome, Error> {
    let Value::Array(replies) = reply.map_err(|_| Error::Unavailable)? else {
        return Err(Error::Unavailable);
    };
    match replies.first().and_then(text) {
        Some("created") => Ok(Outcome::Created),
        Some("replaced") => Ok(Outcome::Replaced),
        Some("superseded") => Ok(Outcome::Superseded),
        Some("erased") => Ok(Outcome::Erased),
        Some("sum") => Ok(Outcome::LimitExceeded(Limit::Sum)),
        _ => Err(Error::Unavailable),
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => str::from_utf8(bytes).ok(),
        _ => None,
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, Error> {
    text.parse().map_err(|_| Error::Unavailable)
}
