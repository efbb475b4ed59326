//! The body of a record, read straight into its types.

use std::borrow::Cow;

use serde::Deserialize;
use time::format_description::well_known::Rfc3339;
use time::macros::{date, datetime};
use time::{Duration, OffsetDateTime};

use crate::domain::{Amount, OccurredAt, Score, SessionId, Stats};
use crate::{Body, Error, Id};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordBody<'a> {
    session_id: Id<SessionId>,
    total_modules_studied: f64,
    average_score: f64,
    time_studied: f64,
    #[serde(borrow, default)]
    occurred_at: Option<Cow<'a, str>>,
}

pub(crate) fn read(bytes: &[u8]) -> Result<Body, Error> {
    let body: RecordBody<'_> = serde_json::from_slice(bytes).map_err(|_| Error::Invalid)?;
    let stats = Stats {
        modules: Amount::new(body.total_modules_studied).map_err(|_| Error::Invalid)?,
        score: Score::new(body.average_score).map_err(|_| Error::Invalid)?,
        time: Amount::new(body.time_studied).map_err(|_| Error::Invalid)?,
    };
    let occurred_at = body.occurred_at.as_deref().map(occurred_at).transpose()?;
    Ok((body.session_id.0, stats, occurred_at))
}

fn occurred_at(text: &str) -> Result<OccurredAt, Error> {
    let earliest = datetime!(0000-01-01 0:00 UTC);
    let latest = OffsetDateTime::now_utc() + Duration::hours(24);
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| Error::Invalid)?;
    if !(earliest..=latest).contains(&time) {
        return Err(Error::Invalid);
    }
    let millis = time.unix_timestamp_nanos().div_euclid(1_000_000);
    Ok(OccurredAt {
        millis: i64::try_from(millis).map_err(|_| Error::Invalid)?,
        local_day: time.date().to_julian_day() - date!(1970 - 01 - 01).to_julian_day(),
    })
}
