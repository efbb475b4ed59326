//! A record in JSON, as it arrives and as the document describes it.

use poem_openapi::Object;
use poem_openapi::types::Example;
use serde::Deserialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use uuid::{Uuid, uuid};

use super::time::day_number;
use super::validation::{ApiId, Checked, Problem, both, enrolment};
use crate::domain::{
    Amount, CourseId, LearnerId, OccurredAt, OutOfRange, Record, Score, SessionId, Stats,
};

/// The first time that RFC 3339 can write in UTC, as answers do.
const EARLIEST: OffsetDateTime = datetime!(0000-01-01 0:00 UTC);
/// How far in the future a session may have occurred: clocks and time zones go wrong by hours.
const MAX_AHEAD: time::Duration = time::Duration::hours(24);

/// A study session as it is recorded.
#[derive(Object)]
#[oai(rename = "SessionRecord", rename_all = "camelCase", example)]
pub(crate) struct RecordSchema {
    /// Names the session. A second record of the same learner, course and session replaces its
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
    /// When the session occurred, in RFC 3339 with an offset, in year 0 or later in UTC and at most
    /// 24 hours in the future; without it, or with null, now in UTC. A record that occurred before
    /// the stored one changes nothing.
    #[oai(nullable)]
    occurred_at: Option<OffsetDateTime>,
}

impl Example for RecordSchema {
    fn example() -> Self {
        Self {
            session_id: uuid!("0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f"),
            total_modules_studied: 5.0,
            average_score: 80.0,
            time_studied: 120_000.0,
            occurred_at: Some(datetime!(2026-01-15 09:30 +1)),
        }
    }
}

/// What a record says of its session, as far as it is right.
pub(crate) struct RecordFields {
    session: Checked<SessionId>,
    stats: Checked<Stats>,
    occurred_at: Checked<Option<OccurredAt>>,
}

/// The fields as they stand in the record, not yet looked at: a wrong one must not hide the others.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawRecord<'a> {
    #[serde(borrow)]
    session_id: Option<&'a RawValue>,
    #[serde(borrow)]
    total_modules_studied: Option<&'a RawValue>,
    #[serde(borrow)]
    average_score: Option<&'a RawValue>,
    #[serde(borrow)]
    time_studied: Option<&'a RawValue>,
    #[serde(borrow)]
    occurred_at: Option<&'a RawValue>,
}

impl RecordFields {
    /// Reads them from a JSON object.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, NoObject> {
        let raw: RawRecord<'_> = object(bytes)?;
        let modules = amount("totalModulesStudied", raw.total_modules_studied);
        let score = number(
            "averageScore",
            raw.average_score,
            "a number of a magnitude up to 1e12",
            Score::new,
        );
        let time = amount("timeStudied", raw.time_studied);
        let stats = both(modules, both(score, time)).map(|(modules, (score, time))| Stats {
            modules,
            score,
            time,
        });
        Ok(Self {
            session: id(raw.session_id),
            stats,
            occurred_at: raw.occurred_at.map(occurred_at).transpose(),
        })
    }

    /// The record of that learner in that course, or all that is wrong with the three.
    pub(crate) fn record(
        self,
        learner: Checked<LearnerId>,
        course: Checked<CourseId>,
    ) -> Checked<Record> {
        let ids = both(enrolment(learner, course), self.session);
        let ((enrolment, session), (stats, occurred_at)) =
            both(ids, both(self.stats, self.occurred_at))?;
        Ok(Record {
            enrolment,
            session,
            stats,
            occurred_at,
        })
    }
}

/// The text is no JSON object, or one of the fields looked for stands in it twice.
pub(crate) struct NoObject;

/// Reads a JSON object. Where a field stands twice it is refused, as readers of JSON disagree on
/// which of them counts.
pub(crate) fn object<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, NoObject> {
    // serde would also take an array for a struct.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(NoObject);
    }
    serde_json::from_slice(bytes).map_err(|_| NoObject)
}

/// Checks an id in JSON.
pub(crate) fn id<T: ApiId>(raw: Option<&RawValue>) -> Checked<T> {
    // A value that is no text is wrong, not missing, whatever it is.
    let text = raw.map(|raw| text(raw).unwrap_or_else(|| raw.get().to_owned()));
    T::check(text.as_deref())
}

fn amount(field: &'static str, raw: Option<&RawValue>) -> Checked<Amount> {
    number(field, raw, "a number from 0 to 1e12", Amount::new)
}

fn number<T>(
    field: &'static str,
    raw: Option<&RawValue>,
    expected: &'static str,
    in_range: fn(f64) -> Result<T, OutOfRange>,
) -> Checked<T> {
    let problem = |missing| {
        vec![Problem {
            field,
            missing,
            expected,
        }]
    };
    let raw = raw
        .map(RawValue::get)
        .filter(|raw| *raw != r#""""#)
        .ok_or_else(|| problem(true))?;
    let value = serde_json::from_str(raw).map_err(|_| problem(false))?;
    in_range(value).map_err(|_| problem(false))
}

fn occurred_at(raw: &RawValue) -> Checked<OccurredAt> {
    let problem = || {
        let expected = "a time in RFC 3339 with an offset, such as 2026-01-15T09:30:00+01:00, in year 0 or later in UTC and at most 24 hours from now";
        vec![Problem {
            field: "occurredAt",
            missing: false,
            expected,
        }]
    };
    let time = text(raw).and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok());
    let time = time
        .filter(|time| *time >= EARLIEST && *time - OffsetDateTime::now_utc() <= MAX_AHEAD)
        .ok_or_else(problem)?;
    let millis = time.unix_timestamp_nanos().div_euclid(1_000_000);
    Ok(OccurredAt {
        millis: i64::try_from(millis).map_err(|_| problem())?,
        local_day: day_number(time.date()),
    })
}

/// The text of a JSON string; `None` for any other value.
fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}
