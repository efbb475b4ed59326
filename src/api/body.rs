//! The body of a record, as it arrives and as the document describes it.

use poem::http::header;
use poem::{Request, RequestBody};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::{Example, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, Object};
use serde::Deserialize;
use serde_json::value::RawValue;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use time::{OffsetDateTime, UtcDateTime};
use uuid::{Uuid, uuid};

use super::error::ApiError;
use super::fields::{ApiId, Checked, Problem, both};
use crate::domain::{Amount, OccurredAt, OutOfRange, Score, SessionId, Stats};

/// Largest body of a record, in bytes.
const MAX_BYTES: usize = 64 << 10;
/// How far in the future a session may have occurred: clocks and time zones go wrong by hours.
const MAX_AHEAD: time::Duration = time::Duration::hours(24);

/// A study session as it is recorded.
#[derive(Object)]
#[oai(rename = "SessionRecord", rename_all = "camelCase", example)]
struct RecordSchema {
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
    /// When the session occurred, in RFC 3339 with an offset, at most 24 hours in the future;
    /// without it, or with null, now in UTC. A record that occurred before the stored one changes
    /// nothing.
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

/// What the body of a record says, as far as it is right.
pub(super) struct RecordBody {
    /// The session's id.
    pub(super) session: Checked<SessionId>,
    /// What was achieved.
    pub(super) stats: Checked<Stats>,
    /// When, if it says so.
    pub(super) occurred_at: Checked<Option<OccurredAt>>,
}

/// The fields as they stand in the body, not yet looked at: a wrong one must not hide the others.
/// Where one stands twice the body is refused, as readers of JSON disagree on which of them counts.
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

impl RecordBody {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ApiError> {
        // serde would also take an array for a struct.
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(ApiError::invalid_json());
        }
        let raw: RawRecord<'_> =
            serde_json::from_slice(bytes).map_err(|_| ApiError::invalid_json())?;
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
        let occurred_at = raw.occurred_at.map(occurred_at).transpose();
        Ok(Self {
            session: id(raw.session_id),
            stats,
            occurred_at,
        })
    }
}

/// Checks an id in JSON.
pub(super) fn id<T: ApiId>(raw: Option<&RawValue>) -> Checked<T> {
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
        let expected = "a time in RFC 3339 with an offset, such as 2026-01-15T09:30:00+01:00, at most 24 hours from now";
        vec![Problem {
            field: "occurredAt",
            missing: false,
            expected,
        }]
    };
    let time = text(raw).and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok());
    let time = time
        .filter(|time| *time - OffsetDateTime::now_utc() <= MAX_AHEAD)
        .ok_or_else(problem)?;
    let millis = time.unix_timestamp_nanos().div_euclid(1_000_000);
    let local_day = time.date().to_julian_day() - UtcDateTime::UNIX_EPOCH.to_julian_day();
    Ok(OccurredAt {
        millis: i64::try_from(millis).map_err(|_| problem())?,
        local_day,
    })
}

/// The text of a JSON string; `None` for any other value.
fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

impl<'a> ApiExtractor<'a> for RecordBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        RecordSchema::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = MetaMediaType {
            content_type: "application/json",
            schema: RecordSchema::schema_ref(),
        };
        Some(MetaRequest {
            description: None,
            content: vec![content],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let is_json = request
            .content_type()
            .is_some_and(Json::<RecordSchema>::check_content_type);
        if !is_json || request.headers().contains_key(header::CONTENT_ENCODING) {
            return Err(ApiError::unsupported_content_type().into());
        }
        let bytes = body.take()?.into_bytes_limit(MAX_BYTES).await?;
        Ok(Self::parse(&bytes)?)
    }
}
