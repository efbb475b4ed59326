//! How what is stored is told to operators.

use uuid::Uuid;

use crate::domain::rfc_3339;

/// What there is where there is nothing.
pub(crate) const NOTHING: &str = "nothing";
/// What there is where a key is of another type; the scripts spell it so as well.
pub(crate) const OTHER_TYPE: &str = "another type";

/// Fields that are there, by their names.
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

/// A member of an index: an id, or what is none.
pub(crate) fn member(bytes: &[u8]) -> String {
    match Uuid::from_slice(bytes) {
        Ok(id) => id.to_string(),
        Err(_) => format!("\"{}\"", bytes.escape_ascii()),
    }
}

/// A time in milliseconds, and what that is on a calendar.
pub(crate) fn instant(millis: &str) -> String {
    match millis.parse().ok().and_then(rfc_3339) {
        Some(time) => format!("{millis} ({time})"),
        None => millis.into(),
    }
}

/// A day in days since 1970, and what that is on a calendar.
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
    fn what_cannot_be_told_otherwise_is_told_as_it_is() {
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
