//! Instants, calendar days and spans of time.

use std::ops::RangeInclusive;

use time::UtcDateTime;
use time::format_description::well_known::Rfc3339;

/// Milliseconds in a day.
const DAY: i64 = 86_400_000;

/// Time of a session: an instant, and the learner's calendar day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OccurredAt {
    /// Instant, in milliseconds since 1970-01-01T00:00:00Z.
    pub millis: i64,
    /// Calendar day at the UTC offset of the client's time, in days since 1970-01-01.
    pub local_day: i32,
}

impl OccurredAt {
    /// Returns an instant with its calendar day in UTC.
    ///
    /// Saturates the day for an instant outside of the days of an `i32`.
    #[must_use]
    pub fn from_utc_millis(millis: i64) -> Self {
        let day = millis
            .div_euclid(DAY)
            .clamp(i32::MIN.into(), i32::MAX.into());
        #[allow(clippy::cast_possible_truncation, reason = "clamped")]
        let local_day = day as i32;
        Self { millis, local_day }
    }

    /// Returns the span of all instants whose calendar day can be among `days` at some UTC offset. Every
    /// offset is shorter than a day.
    #[must_use]
    pub fn span_of_days(days: &RangeInclusive<i32>) -> Span {
        Span {
            from: (i64::from(*days.start()) - 1) * DAY,
            last: (i64::from(*days.end()) + 2) * DAY - 1,
        }
    }
}

/// Inclusive range of instants, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// First instant of the span.
    pub from: i64,
    /// Last instant of the span.
    pub last: i64,
}

impl Span {
    /// All time.
    pub const ALL: Self = Self {
        from: i64::MIN,
        last: i64::MAX,
    };

    /// Returns whether an instant, in milliseconds since 1970, is in the span.
    #[must_use]
    pub fn contains(&self, millis: i64) -> bool {
        (self.from..=self.last).contains(&millis)
    }
}

/// Formats an instant, in milliseconds since 1970, in RFC 3339 and UTC. Whole seconds have no fraction.
///
/// Returns `None` outside of the years 0 to 9999, the range of RFC 3339.
#[must_use]
pub fn rfc_3339(millis: i64) -> Option<String> {
    let time = UtcDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000);
    time.ok()?.format(&Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_utc_day_starts_at_midnight_also_before_1970() {
        for (millis, day) in [
            (0, 0),
            (86_399_999, 0),
            (86_400_000, 1),
            (-1, -1),
            (-86_400_001, -2),
        ] {
            assert_eq!(OccurredAt::from_utc_millis(millis).local_day, day);
        }
    }
}
