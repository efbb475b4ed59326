//! Codec: arguments of commands from types of the domain, and types of the domain from replies.

use std::str::FromStr;

use redis::{RedisWrite, ToRedisArgs};
use uuid::Uuid;

use super::connection::server_clock::ServerClock;
use crate::domain::{
    Amount, Limit, Limits, Measures, OccurredAt, Outcome, Record, Score, Session, Source, Stats,
    Summary, Totals,
};
use crate::store::StoreError;
use crate::store::aggregate_text::{StoredSummary, StoredTotals};

/// Fields of a session's hash, in the order of [`session`].
pub(crate) const SESSION_FIELDS: [&str; 6] = ["m", "s", "t", "o", "d", "v"];

/// Arguments of the record script after the deadline.
pub(crate) struct RecordArguments<'a> {
    pub(crate) record: &'a Record,
    pub(crate) limits: Limits,
}

impl ToRedisArgs for RecordArguments<'_> {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        let Self { record, limits } = self;
        for number in record.stats.measures().into_array() {
            write(number, out);
        }
        match record.occurred_at {
            Some(at) => (at.millis, at.local_day).write_redis_args(out),
            None => ("", "").write_redis_args(out),
        }
        match record.version {
            Some(version) => version.write_redis_args(out),
            None => "".write_redis_args(out),
        }
        let source = match record.source {
            Source::Client => "",
            Source::Import => "import",
        };
        source.write_redis_args(out);
        out.write_arg(record.session.as_bytes());
        out.write_arg(record.enrolment.course.as_bytes());
        out.write_arg(record.enrolment.learner.as_bytes());
        (limits.sessions, limits.courses).write_redis_args(out);
    }

    fn num_of_args(&self) -> usize {
        12
    }
}

/// Writes a number as [`texts`] does; a whole number without the search for the shortest text.
fn write<W: ?Sized + RedisWrite>(number: f64, out: &mut W) {
    if number.fract() == 0.0 {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "whole, and of a magnitude up to 1e12"
        )]
        let whole = number as i64;
        whole.write_redis_args(out);
    } else {
        out.write_arg_fmt(number);
    }
}

/// Measures of a session as stored: the shortest decimal texts that parse to the same numbers, without
/// exponents.
pub(crate) fn texts(stats: &Stats) -> Measures<String> {
    stats.measures().map(|number| number.to_string())
}

/// Parses the reply of a script to a late call: the server's clock. `None` for every other reply.
pub(crate) fn too_late(reply: &str) -> Option<ServerClock> {
    let millis = reply.strip_prefix("late ")?.parse().ok()?;
    Some(ServerClock::read(millis))
}

/// Parses the reply of the record script.
pub(crate) fn outcome(reply: &str, limits: Limits) -> Result<Outcome, StoreError> {
    match reply {
        "created" => Ok(Outcome::Created),
        "replaced" => Ok(Outcome::Replaced),
        "superseded" => Ok(Outcome::Superseded),
        "erased" => Ok(Outcome::Erased),
        "sum" => Ok(Outcome::LimitExceeded(Limit::Sum)),
        "sessions" => Ok(Outcome::LimitExceeded(Limit::Sessions(limits.sessions))),
        "courses" => Ok(Outcome::LimitExceeded(Limit::Courses(limits.courses))),
        other => Err(no_outcome(other)),
    }
}

/// Parses the reply of the delete script: the number of deleted sessions.
pub(crate) fn deleted(reply: &str) -> Result<usize, StoreError> {
    let count = reply.strip_prefix("deleted ");
    match count.and_then(|count| count.parse().ok()) {
        Some(count) => Ok(count),
        None => Err(no_outcome(reply)),
    }
}

/// Checks the reply of the erase script.
pub(crate) fn erased(reply: &str) -> Result<(), StoreError> {
    if reply == "erased" {
        Ok(())
    } else {
        Err(no_outcome(reply))
    }
}

/// Parses the reply of a script of maintenance: true after the write, false where the stored value has
/// changed since the read.
pub(crate) fn is_set(reply: &str) -> Result<bool, StoreError> {
    match reply {
        "done" => Ok(true),
        "changed" => Ok(false),
        other => Err(no_outcome(other)),
    }
}

/// Error of a reply without an outcome.
fn no_outcome(reply: &str) -> StoreError {
    if too_late(reply).is_some() {
        StoreError::Unavailable("the call reached Redis too late".into())
    } else {
        StoreError::Unexpected("a script's reply is none of its own".into())
    }
}

/// Parses the [`SESSION_FIELDS`] of a session's hash; `None` without a hash.
pub(crate) fn session(fields: [Option<String>; 6]) -> Result<Option<Session>, StoreError> {
    if fields.iter().all(Option::is_none) {
        return Ok(None);
    }
    let [modules, score, time, millis, local_day, version] = &fields;
    let stats = Stats {
        modules: Amount::new(parse(modules, "m")?).map_err(|_| unexpected("m"))?,
        score: Score::new(parse(score, "s")?).map_err(|_| unexpected("s"))?,
        time: Amount::new(parse(time, "t")?).map_err(|_| unexpected("t"))?,
    };
    let occurred_at = OccurredAt {
        millis: parse(millis, "o")?,
        local_day: parse(local_day, "d")?,
    };
    let version = match version.as_deref() {
        None => None,
        Some("") => Some(occurred_at.millis),
        Some(_) => Some(parse(version, "v")?),
    };
    Ok(Some(Session {
        stats,
        occurred_at,
        version,
    }))
}

/// Returns the [`SESSION_FIELDS`] of a session's hash.
pub(crate) fn fields(session: &Session) -> [Option<String>; 6] {
    let Measures {
        modules,
        score,
        time,
    } = texts(&session.stats);
    let OccurredAt { millis, local_day } = session.occurred_at;
    let version = session.version.map(|version| match version {
        version if version == millis => String::new(),
        version => version.to_string(),
    });
    [
        Some(modules),
        Some(score),
        Some(time),
        Some(millis.to_string()),
        Some(local_day.to_string()),
        version,
    ]
}

/// Parses the text of totals; `None` without totals.
pub(crate) fn totals(text: Option<String>) -> Result<Option<Totals>, StoreError> {
    let stored = text.map(|text| text.parse::<StoredTotals>()).transpose()?;
    Ok(stored.map(StoredTotals::checked).transpose()?)
}

/// Parses the text of a summary, the summary of one bucket; empty without a text.
pub(crate) fn summary(text: Option<String>) -> Result<Summary, StoreError> {
    let stored = text.map(|text| text.parse::<StoredSummary>()).transpose()?;
    Ok(stored.unwrap_or_default().checked()?)
}

/// Parses a member of an index: an id of 16 bytes.
pub(crate) fn id(member: &[u8]) -> Result<Uuid, StoreError> {
    Uuid::from_slice(member)
        .map_err(|_| StoreError::Unexpected("an index has a member that is no id".into()))
}

fn parse<T: FromStr>(field: &Option<String>, name: &str) -> Result<T, StoreError> {
    field
        .as_deref()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| unexpected(name))
}

fn unexpected(field: &str) -> StoreError {
    StoreError::Unexpected(format!(
        "the stored field {field} is missing or no number of its kind"
    ))
}
