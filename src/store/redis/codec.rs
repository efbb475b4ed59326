//! Codec: arguments of commands from types of the domain, and types of the domain from replies.

use std::str::FromStr;

use redis::{RedisWrite, ToRedisArgs};
use uuid::Uuid;

use super::connection::server_clock::ServerClock;
use crate::domain::{
    Amount, Decimal, Limit, Measures, OccurredAt, Outcome, Record, Score, Session, Stats, Summary,
    Totals,
};
use crate::store::StoreError;

/// Fields of a session's hash, in the order of [`session`].
pub(crate) const SESSION_FIELDS: [&str; 5] = ["m", "s", "t", "o", "d"];
/// Fields of a totals hash, in the order of [`totals`].
pub(crate) const TOTALS_FIELDS: [&str; 7] = ["n", "m", "mf", "s", "sf", "t", "tf"];
/// Fields of a summary's hash, in the order of [`summary`].
pub(crate) const SUMMARY_FIELDS: [&str; 8] = ["l", "n", "m", "mf", "s", "sf", "t", "tf"];

/// Arguments of the record script after the deadline.
pub(crate) struct RecordArguments<'a>(pub(crate) &'a Record);

impl ToRedisArgs for RecordArguments<'_> {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        let Self(record) = self;
        let measures = record.stats.measures();
        for number in measures.into_array() {
            write(number, out);
        }
        match record.occurred_at {
            Some(at) => (at.millis, at.local_day).write_redis_args(out),
            None => ("", "").write_redis_args(out),
        }
        out.write_arg(record.session.as_bytes());
        out.write_arg(record.enrolment.course.as_bytes());
        let is_whole = |number: f64| number.fract() == 0.0;
        if !measures.into_array().into_iter().all(is_whole) {
            let contributions = measures.map(Decimal::contribution_of);
            for (units, fraction) in contributions.map(|_| (0, 0)).into_array() {
                (units, fraction).write_redis_args(out);
            }
        }
    }

    fn num_of_args(&self) -> usize {
        13
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
pub(crate) fn outcome(reply: &str) -> Result<Outcome, StoreError> {
    match reply {
        "created" => Ok(Outcome::Created),
        "replaced" => Ok(Outcome::Replaced),
        "superseded" => Ok(Outcome::Superseded),
        "erased" => Ok(Outcome::Erased),
        "limit" => Ok(Outcome::LimitExceeded(Limit::Sum)),
        other => Err(no_outcome(other)),
    }
}

/// Parses the reply of the delete script: the number of deleted sessions, or `None` where a sum would pass
/// the limit.
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
    let version = Some(occurred_at.millis);
    Ok(Some(Session {
        stats,
        occurred_at,
        version,
    }))
}

/// Parses the [`TOTALS_FIELDS`] of a totals hash; `None` without sessions.
pub(crate) fn totals(fields: &[Option<String>; 7]) -> Result<Option<Totals>, StoreError> {
    let [sessions, m, mf, s, sf, t, tf] = fields;
    if sessions.is_none() {
        return Ok(None);
    }
    Ok(Some(Totals {
        sessions: parse(sessions, "n")?,
        sums: Measures {
            modules: sum((m, "m"), (mf, "mf"))?,
            score: sum((s, "s"), (sf, "sf"))?,
            time: sum((t, "t"), (tf, "tf"))?,
        },
    }))
}

/// Parses the [`SUMMARY_FIELDS`] of a summary's hash, the summary of one bucket; empty without a hash.
pub(crate) fn summary(fields: [Option<String>; 8]) -> Result<Summary, StoreError> {
    let [learners, totals_fields @ ..] = fields;
    let Some(totals) = totals(&totals_fields)? else {
        return Ok(Summary::default());
    };
    let learners = parse(&learners, "l")?;
    Ok(Summary { learners, totals })
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

/// Value of a field of a hash, with the field's name.
type Field<'a> = (&'a Option<String>, &'static str);

/// Parses a sum from the fields of its units and its fraction.
fn sum(units: Field<'_>, fraction: Field<'_>) -> Result<Decimal, StoreError> {
    let (units, _): (i64, i64) = (parse_or_zero(units)?, parse_or_zero(fraction)?);
    units.to_string().parse().map_err(|_| unexpected("sum"))
}

/// Parses a part of a sum; a field with the value zero is absent from the hash.
fn parse_or_zero((field, name): Field<'_>) -> Result<i64, StoreError> {
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
