//! How domain types are written as arguments of Redis, and read from its replies.

use std::str::FromStr;

use redis::{RedisWrite, ToRedisArgs};
use uuid::Uuid;

use super::connection::server_clock::ServerClock;
use crate::domain::{
    Amount, Decimal, Measures, OccurredAt, Outcome, Record, Score, Session, Stats, Summary, Totals,
};
use crate::store::StoreError;

/// The fields of a session's hash, in the order that [`session`] reads them.
pub(crate) const SESSION_FIELDS: [&str; 5] = ["m", "s", "t", "o", "d"];
/// The fields of a totals hash, in the order that [`totals`] reads them.
pub(crate) const TOTALS_FIELDS: [&str; 7] = ["n", "m", "mf", "s", "sf", "t", "tf"];
/// The fields of a summary's hash, in the order that [`summary`] reads them.
pub(crate) const SUMMARY_FIELDS: [&str; 8] = ["l", "n", "m", "mf", "s", "sf", "t", "tf"];

/// The record script's ARGV after the deadline.
pub(crate) struct RecordArguments<'a>(pub(crate) &'a Record);

impl ToRedisArgs for RecordArguments<'_> {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        let Self(record) = self;
        let numbers = numbers(&record.stats);
        numbers.iter().for_each(|number| write(*number, out));
        match record.occurred_at {
            Some(at) => (at.millis, at.local_day).write_redis_args(out),
            None => ("", "").write_redis_args(out),
        }
        out.write_arg(record.session.as_bytes());
        out.write_arg(record.enrolment.course.as_bytes());
        if numbers.iter().any(|number| number.fract() != 0.0) {
            let contributions = numbers.map(|number| Decimal::contribution_of(number).to_parts());
            contributions
                .iter()
                .for_each(|parts| parts.write_redis_args(out));
        }
    }

    fn num_of_args(&self) -> usize {
        13
    }
}

/// Writes a number as [`texts`] does; a whole one without looking for its shortest text.
fn write<W: ?Sized + RedisWrite>(number: f64, out: &mut W) {
    if number.fract() == 0.0 {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "it is whole, and small enough"
        )]
        let whole = number as i64;
        whole.write_redis_args(out);
    } else {
        out.write_arg_fmt(number);
    }
}

/// How a session's modules, score and time are stored: the shortest decimal texts that read back as
/// the same numbers; Rust writes no exponents.
pub(crate) fn texts(stats: &Stats) -> [String; 3] {
    numbers(stats).map(|number| number.to_string())
}

fn numbers(stats: &Stats) -> [f64; 3] {
    [stats.modules.get(), stats.score.get(), stats.time.get()]
}

/// What the server's clock showed, where a script's reply says that the call came too late.
pub(crate) fn too_late(reply: &str) -> Option<ServerClock> {
    let millis = reply.strip_prefix("late ")?.parse().ok()?;
    Some(ServerClock::read(millis))
}

/// What the record script's reply says.
pub(crate) fn outcome(reply: &str) -> Result<Outcome, StoreError> {
    match reply {
        "created" => Ok(Outcome::Created),
        "replaced" => Ok(Outcome::Replaced),
        "superseded" => Ok(Outcome::Superseded),
        "erased" => Ok(Outcome::Erased),
        "limit" => Ok(Outcome::LimitExceeded),
        other => Err(no_outcome(other)),
    }
}

/// How many sessions the forget script's reply says that it forgot; `None` where a sum would have
/// passed its limit.
pub(crate) fn deleted(reply: &str) -> Result<Option<usize>, StoreError> {
    let count = reply.strip_prefix("deleted ");
    match count.and_then(|count| count.parse().ok()) {
        Some(count) => Ok(Some(count)),
        None if reply == "limit" => Ok(None),
        None => Err(no_outcome(reply)),
    }
}

/// Whether the erase script's reply says that it did so.
pub(crate) fn erased(reply: &str) -> Result<(), StoreError> {
    if reply == "erased" {
        Ok(())
    } else {
        Err(no_outcome(reply))
    }
}

/// Whether the reply of a script that sets something says that it did so, and not that what it was to
/// replace has changed.
pub(crate) fn is_set(reply: &str) -> Result<bool, StoreError> {
    match reply {
        "done" => Ok(true),
        "changed" => Ok(false),
        other => Err(no_outcome(other)),
    }
}

/// What a reply means that is no script's outcome.
fn no_outcome(reply: &str) -> StoreError {
    if too_late(reply).is_some() {
        StoreError::Unavailable("the call reached Redis too late".into())
    } else {
        StoreError::Unexpected("a script's reply is none of its own".into())
    }
}

/// The session in its hash's [`SESSION_FIELDS`]; `None` where there is no hash.
pub(crate) fn session(fields: [Option<String>; 5]) -> Result<Option<Session>, StoreError> {
    if fields.iter().all(Option::is_none) {
        return Ok(None);
    }
    let [modules, score, time, millis, local_day] = &fields;
    let stats = Stats {
        modules: Amount::new(parse(modules, "m")?).map_err(|_| unexpected("m"))?,
        score: Score::new(parse(score, "s")?).map_err(|_| unexpected("s"))?,
        time: Amount::new(parse(time, "t")?).map_err(|_| unexpected("t"))?,
    };
    let occurred_at = OccurredAt {
        millis: parse(millis, "o")?,
        local_day: parse(local_day, "d")?,
    };
    Ok(Some(Session { stats, occurred_at }))
}

/// The totals in their hash's [`TOTALS_FIELDS`]; `None` where there are no sessions.
pub(crate) fn totals(fields: &[Option<String>; 7]) -> Result<Option<Totals>, StoreError> {
    let [sessions, m, mf, s, sf, t, tf] = fields;
    if sessions.is_none() {
        return Ok(None);
    }
    Ok(Some(Totals {
        sessions: parse(sessions, "n")?,
        sums: Measures {
            modules: Decimal::from_parts(parse_or_zero(m, "m")?, parse_or_zero(mf, "mf")?),
            score: Decimal::from_parts(parse_or_zero(s, "s")?, parse_or_zero(sf, "sf")?),
            time: Decimal::from_parts(parse_or_zero(t, "t")?, parse_or_zero(tf, "tf")?),
        },
    }))
}

/// The summary of one bucket in its hash's [`SUMMARY_FIELDS`]; that of nobody where there is none.
pub(crate) fn summary(fields: [Option<String>; 8]) -> Result<Summary, StoreError> {
    let [learners, totals_fields @ ..] = fields;
    let Some(totals) = totals(&totals_fields)? else {
        return Ok(Summary::default());
    };
    let learners = parse(&learners, "l")?;
    Ok(Summary { learners, totals })
}

/// The id that is a member of an index.
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

/// Sums that are zero are left out of their hash.
fn parse_or_zero(field: &Option<String>, name: &str) -> Result<i64, StoreError> {
    if field.is_none() {
        Ok(0)
    } else {
        parse(field, name)
    }
}

fn unexpected(field: &str) -> StoreError {
    StoreError::Unexpected(format!(
        "the stored field {field} is missing or no number of its kind"
    ))
}
