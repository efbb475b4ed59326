//! Stored values as texts for operators.

use uuid::Uuid;

use crate::domain::rfc_3339;

/// Text of an absent value.
pub(crate) const NOTHING: &str = "nothing";
/// Text of a key of the wrong type, as the scripts reply.
pub(crate) const OTHER_TYPE: &str = "another type";

/// Names and values of the present fields.
pub(crate) fn fields<'a>(fields: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let fields = fields.into_iter();
    let fields = fields.filter_map(|(name, field)| Some(format!("{name}={}", field?)));
    let fields: Vec<_> = fields.collect();
    if fields.is_empty() {
        NOTHING.into()
    } else {
        fields.join(" ")
    }
}

/// Member of an index: an id, or other bytes in quotes.
pub(crate) fn member(bytes: &[u8]) -> String {
    match Uuid::from_slice(bytes) {
        Ok(id) => id.to_string(),
        Err(_) => format!("\"{}\"", bytes.escape_ascii()),
    }
}

/// Time in ms since 1970, with the time of the calendar.
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
        assert_eq!(member(&[0; 16]), "00000000-0000-0000-0000-000000000000");
        assert_eq!(member(b"a\xff"), "\"a\\xff\"");
        assert_eq!(fields([("m", Some("1".into())), ("s", None)]), "m=1");
    }
}
