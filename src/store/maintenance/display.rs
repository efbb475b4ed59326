//! Stored values as texts for operators, the same on every store.

use super::ledger::{OtherType, StoredAggregate};
use crate::domain::{AggregateDelta, Decimal, Measures, rfc_3339};

/// Text of an absent value.
pub(crate) const NOTHING: &str = "nothing";
/// Text of a value of another type than the store writes.
pub(crate) const OTHER_TYPE: &str = "another type";

/// Time in ms since 1970, with the time of the calendar; any other text as stored.
pub(crate) fn instant(millis: &str) -> String {
    match millis.parse().ok().and_then(rfc_3339) {
        Some(time) => format!("{millis} ({time})"),
        None => millis.into(),
    }
}

/// Day in days since 1970, with the day of the calendar.
pub(crate) fn day(days: i32) -> String {
    match rfc_3339(i64::from(days) * 86_400_000) {
        Some(time) => format!("{days} ({})", &time[..10]),
        None => days.to_string(),
    }
}

/// Entries of an index as text: their times, or nothing.
pub(crate) fn entries(times: &[String]) -> String {
    if times.is_empty() {
        NOTHING.into()
    } else {
        times.join(", ")
    }
}

/// Value of totals as text, without the revision: `3 15 245.25 11`.
pub(crate) fn totals(value: &AggregateDelta) -> String {
    let Measures {
        modules,
        score,
        time,
    } = value.sums;
    if *value == AggregateDelta::default() {
        return NOTHING.into();
    }
    format!("{} {modules} {score} {time}", value.sessions)
}

/// Value of a summary as text, without the revision: the number of learners, and the totals.
pub(crate) fn summary(value: &AggregateDelta) -> String {
    if *value == AggregateDelta::default() {
        return NOTHING.into();
    }
    format!("{} {}", value.learners, self::sums(value))
}

fn sums(value: &AggregateDelta) -> String {
    let sums = value.sums.map(|sum: Decimal| sum.to_string()).into_array();
    format!("{} {}", value.sessions, sums.join(" "))
}

/// An aggregate as stored.
pub(crate) fn stored(aggregate: &StoredAggregate) -> String {
    match &aggregate.0 {
        Ok(Some(text)) => text.escape_ascii().to_string(),
        Ok(None) => NOTHING.into(),
        Err(OtherType) => OTHER_TYPE.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_outside_the_calendar_are_shown_as_stored() {
        assert_eq!(instant("1500"), "1500 (1970-01-01T00:00:01.5Z)");
        assert_eq!(instant("9223372036854775807"), "9223372036854775807");
        assert_eq!(instant("soon"), "soon");
        assert_eq!(day(-1), "-1 (1969-12-31)");
        assert_eq!(day(i32::MAX), "2147483647");
    }
}
