//! Text of times of occurrence: an instant, in an offset with the right local day.

use std::ops::RangeInclusive;

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::domain::OccurredAt;

/// Minute, in milliseconds.
const MINUTE: i64 = 60_000;
/// Day, in milliseconds.
const DAY: i64 = 24 * 60 * MINUTE;
/// Maximum offset of RFC 3339, in minutes: 23:59.
const MAX_OFFSET: i64 = 24 * 60 - 1;

/// Offsets in use, in minutes (<https://www.iana.org/time-zones>).
const USUAL: RangeInclusive<i64> = -12 * 60..=14 * 60;

/// Formats a time of occurrence for parsing without loss: in UTC if the date in UTC is the local day, else in
/// the offset of whole hours nearest to UTC with the local day as date, and where that is not in use, in the
/// offset of minutes nearest to UTC. `None` for a pair that no record can have.
pub(crate) fn write(at: OccurredAt) -> Option<String> {
    let nanos = i128::from(at.millis) * 1_000_000;
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
    let minutes = offset(at)?;
    let hours = minutes.signum() * (minutes.abs() + 59) / 60 * 60;
    let minutes = if USUAL.contains(&hours) {
        hours
    } else {
        minutes
    };
    let offset = UtcOffset::from_whole_seconds(i32::try_from(minutes * 60).ok()?).ok()?;
    let text = time.checked_to_offset(offset)?.format(&Rfc3339);
    text.ok()
}

/// Smallest offset, in minutes, with the instant on the local day.
fn offset(at: OccurredAt) -> Option<i64> {
    let start = i64::from(at.local_day) * DAY;
    let since_start = at.millis.checked_sub(start)?;
    let offset = if since_start < 0 {
        // Forward to the first minute of the day.
        -since_start.div_euclid(MINUTE)
    } else if since_start >= DAY {
        // Back to the last minute of the day.
        -(since_start - DAY).div_euclid(MINUTE) - 1
    } else {
        0
    };
    Some(offset).filter(|offset| offset.abs() <= MAX_OFFSET)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::wire::export_line::{self, Line};

    /// Parses the time of occurrence of a record with `text`.
    fn read(text: &str) -> OccurredAt {
        let id = "0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f";
        let record = json!({
            "userId": id, "courseId": id, "sessionId": id,
            "totalModulesStudied": 0, "averageScore": 0, "timeStudied": 0,
            "occurredAt": text,
        });
        match export_line::read(record.to_string().as_bytes()) {
            Ok(Line::Session(record)) => record.occurred_at.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_offset_is_of_whole_hours_where_such_an_offset_is_in_use() {
        for (read_from, written) in [
            ("2026-01-15T09:30:00+01:00", "2026-01-15T08:30:00Z"),
            ("2026-01-15T23:30:00.5Z", "2026-01-15T23:30:00.5Z"),
            ("2026-01-16T05:00:00+05:30", "2026-01-16T00:30:00+01:00"),
            (
                "2026-01-16T00:00:59.999+00:01",
                "2026-01-16T00:59:59.999+01:00",
            ),
            ("2026-01-15T20:00:00-08:00", "2026-01-15T23:00:00-05:00"),
            (
                "2026-01-15T23:59:59.999-00:01",
                "2026-01-15T23:00:59.999-01:00",
            ),
            ("2026-01-16T23:59:00+23:59", "2026-01-16T00:00:00Z"),
            ("2026-01-16T00:00:00+14:01", "2026-01-16T00:00:00+14:01"),
            ("0000-01-01T00:00:00-23:59", "0000-01-01T23:59:00Z"),
            ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
        ] {
            let at = read(read_from);
            assert_eq!(write(at).as_deref(), Some(written), "{read_from}");
        }
    }

    #[test]
    fn a_day_out_of_every_offset_is_not_formatted() {
        for (millis, local_day) in [
            (0, 2),
            (0, -2),
            (0, 1),
            (MINUTE - 1, 1),
            (-1, 1),
            (i64::MAX, 0),
            (i64::MIN, i32::MAX),
        ] {
            let at = OccurredAt { millis, local_day };
            assert_eq!(write(at), None, "{at:?}");
        }
    }

    proptest! {
        #[test]
        fn a_time_of_occurrence_round_trips(
            millis in -62_167_132_800_000..1_700_000_000_000_i64,
            minutes in -MAX_OFFSET..=MAX_OFFSET,
        ) {
            let day = (millis + minutes * MINUTE).div_euclid(DAY);
            let at = OccurredAt { millis, local_day: i32::try_from(day).unwrap() };
            let text = write(at).unwrap();
            prop_assert_eq!(read(&text), at, "{}", text);
            // No smaller offset has the local day.
            let chosen = offset(at).unwrap();
            prop_assert!(chosen.abs() <= minutes.abs());
            let nearer = chosen - chosen.signum();
            prop_assert!(chosen == 0 || (millis + nearer * MINUTE).div_euclid(DAY) != day);
        }
    }
}
