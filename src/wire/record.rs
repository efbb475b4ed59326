//! JSON of a record: validation, and schema in the document.

use poem_openapi::Object;
use poem_openapi::types::Example;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use uuid::{Uuid, uuid};

use super::raw_object::{InvalidObject, RawObject};
use super::time::day_number;
use super::validation::{ApiId, Checked, Problem, both, enrolment};
use crate::domain::{
    Amount, CourseId, LearnerId, OccurredAt, OutOfRange, Record, Score, SessionId, Stats,
};

/// Earliest time of occurrence: the first time of RFC 3339 in UTC, as in responses.
const EARLIEST: OffsetDateTime = datetime!(0000-01-01 0:00 UTC);
/// Maximum time of occurrence after now: clocks and time zones may be wrong by hours.
const MAX_AHEAD: time::Duration = time::Duration::hours(24);

/// A study session as it is recorded.
#[derive(Object)]
#[oai(rename = "SessionRecord", rename_all = "camelCase", example)]
pub(crate) struct RecordSchema {
    /// Names the session. A further record of the same learner, course and session replaces its
    /// stats.
    session_id: Uuid,
    /// Modules studied; fractions are allowed.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    total_modules_studied: f64,
    /// The session's average score.
    #[oai(validator(minimum(value = "-1000000000000"), maximum(value = "1000000000000")))]
    average_score: f64,
    /// Time studied, in milliseconds; fractions are allowed.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    time_studied: f64,
    /// When the session occurred, which is its start: in RFC 3339 with the learner's offset, in year 0 or
    /// later in UTC and at most 24 hours in the future. It decides the day of the session. Without it, or
    /// with null, a stored session stays where it is, and a new one occurs now in UTC.
    #[oai(nullable)]
    occurred_at: Option<OffsetDateTime>,
    /// The instant as of which the record describes the session, in RFC 3339 with an offset, within the same
    /// limits: a record with an earlier instant than the stored one changes nothing. Without it, or with null,
    /// it is `occurredAt`; without both, the record replaces whatever is stored.
    #[oai(nullable)]
    updated_at: Option<OffsetDateTime>,
}

impl Example for RecordSchema {
    fn example() -> Self {
        Self {
            session_id: uuid!("0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f"),
            total_modules_studied: 5.0,
            average_score: 80.0,
            time_studied: 120_000.0,
            occurred_at: Some(datetime!(2026-01-15 09:30 +1)),
            updated_at: Some(datetime!(2026-01-15 09:32 +1)),
        }
    }
}

/// Result of the validation of a record: for each field the value or the problems.
pub(crate) struct RecordFields {
    session: Checked<SessionId>,
    stats: Checked<Stats>,
    occurred_at: Checked<Option<OccurredAt>>,
    updated_at: Checked<Option<i64>>,
}

/// Fields of a record in JSON.
pub(super) const FIELDS: [&str; 6] = [
    "sessionId",
    "totalModulesStudied",
    "averageScore",
    "timeStudied",
    OCCURRED_AT,
    UPDATED_AT,
];

const OCCURRED_AT: &str = "occurredAt";
pub(super) const UPDATED_AT: &str = "updatedAt";

impl RecordFields {
    /// Parses the fields of a JSON object. Unknown fields are ignored.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, InvalidObject> {
        Ok(Self::validate(&RawObject::parse(bytes, &FIELDS)?))
    }

    /// Validates the fields of a record.
    pub(super) fn validate(raw: &RawObject<'_>) -> Self {
        let modules = amount("totalModulesStudied", raw);
        let score = number(
            "averageScore",
            raw,
            "a number of a magnitude up to 1e12",
            Score::new,
        );
        let time = amount("timeStudied", raw);
        let stats = both(modules, both(score, time)).map(|(modules, (score, time))| Stats {
            modules,
            score,
            time,
        });
        Self {
            session: id(raw),
            stats,
            occurred_at: time_of(OCCURRED_AT, raw),
            updated_at: time_of(UPDATED_AT, raw).map(|at| at.map(|at| at.millis)),
        }
    }

    /// Record of the learner in the course, or the problems of ids and fields.
    pub(crate) fn record(
        self,
        learner: Checked<LearnerId>,
        course: Checked<CourseId>,
    ) -> Checked<Record> {
        let ids = both(enrolment(learner, course), self.session);
        let times = both(self.occurred_at, self.updated_at);
        let ((enrolment, session), (stats, (occurred_at, updated_at))) =
            both(ids, both(self.stats, times))?;
        let record = Record::new(enrolment, session, stats, occurred_at);
        Ok(record.with_version(updated_at.or(record.version)))
    }
}

/// Validates an id in JSON.
pub(super) fn id<T: ApiId>(object: &RawObject<'_>) -> Checked<T> {
    let raw = object.get(T::FIELD);
    // A number, array or object is invalid, not missing.
    let text = raw.map(|raw| text(raw).unwrap_or_else(|| raw.get().to_owned()));
    T::check(text.as_deref())
}

/// Validates an amount in JSON.
fn amount(field: &'static str, object: &RawObject<'_>) -> Checked<Amount> {
    number(field, object, "a number from 0 to 1e12", Amount::new)
}

/// Validates a number in JSON. An empty string counts as missing.
fn number<T>(
    field: &'static str,
    object: &RawObject<'_>,
    expected: &'static str,
    in_range: fn(f64) -> Result<T, OutOfRange>,
) -> Checked<T> {
    let problem = |missing| vec![wrong(field, missing, expected)];
    let raw = object
        .get(field)
        .filter(|raw| !is_empty(raw))
        .ok_or_else(|| problem(true))?;
    let value = serde_json::from_str(raw.get()).map_err(|_| problem(false))?;
    in_range(value).map_err(|_| problem(false))
}

/// Validates a time in JSON; `None` without the field.
fn time_of(field: &'static str, object: &RawObject<'_>) -> Checked<Option<OccurredAt>> {
    object.get(field).map(|raw| time(field, raw)).transpose()
}

/// Validates a time in JSON.
fn time(field: &'static str, raw: &RawValue) -> Checked<OccurredAt> {
    let expected = "a time in RFC 3339 with an offset, such as 2026-01-15T09:30:00+01:00, in year 0 or later in UTC and at most 24 hours from now";
    let problem = || vec![wrong(field, false, expected)];
    let time = parsed(raw).filter(|time| *time - OffsetDateTime::now_utc() <= MAX_AHEAD);
    let time = time.ok_or_else(problem)?;
    Ok(OccurredAt {
        millis: millis(time).ok_or_else(problem)?,
        local_day: day_number(time.date()),
    })
}

/// Validates a required instant in JSON, in milliseconds since 1970.
pub(super) fn instant(field: &'static str, object: &RawObject<'_>) -> Checked<i64> {
    let expected = "a time in RFC 3339 with an offset, such as 2026-01-15T08:30:00Z, in year 0 or later in UTC";
    let raw = object.get(field);
    let time = raw.and_then(parsed).and_then(millis);
    time.ok_or_else(|| vec![wrong(field, raw.is_none(), expected)])
}

fn parsed(raw: &RawValue) -> Option<OffsetDateTime> {
    let time = OffsetDateTime::parse(&text(raw)?, &Rfc3339).ok()?;
    Some(time).filter(|time| *time >= EARLIEST)
}

fn millis(time: OffsetDateTime) -> Option<i64> {
    i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}

fn wrong(field: &'static str, missing: bool, expected: &'static str) -> Problem {
    Problem {
        field: field.into(),
        missing,
        expected: expected.into(),
    }
}

/// Returns whether a JSON value is the empty string.
pub(super) fn is_empty(raw: &RawValue) -> bool {
    raw.get() == r#""""#
}

/// Text of a JSON string; `None` for other JSON values.
fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}
