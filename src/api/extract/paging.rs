//! Cursors: where the next page of a list begins, as a text that means nothing to clients.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poem_openapi::registry::MetaSchema;
use time::OffsetDateTime;
use uuid::{Uuid, uuid};

use super::query::{Parameter, Query, invalid};
use crate::domain::{Position, Slice, Span};
use crate::wire::validation::{Checked, both};

/// A cursor of one of the lists.
///
/// Its text is base64url of the list's byte, the position's time and id, and a CRC-32 of all of
/// these: one that is not ours, or is of another list, must not pass for a place in this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor<const LIST: u8>(pub(crate) Position);

/// A cursor of a list of sessions.
pub(crate) type SessionsCursor = Cursor<b's'>;
/// A cursor of a list of courses.
pub(crate) type CoursesCursor = Cursor<b'c'>;

/// The place of the document's examples.
pub(crate) const EXAMPLE: Position = Position {
    millis: 1_768_465_800_000,
    id: uuid!("0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f"),
};

impl<const LIST: u8> Cursor<LIST> {
    /// The text of the cursor of what follows a place.
    pub(crate) fn text(place: Position) -> String {
        let mut bytes = vec![LIST];
        bytes.extend(place.millis.to_be_bytes());
        bytes.extend(place.id.as_bytes());
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

impl<const LIST: u8> Parameter for Cursor<LIST> {
    const EXPECTED: &'static str = "the nextCursor of a page of the same list";

    fn schema() -> MetaSchema {
        MetaSchema::new_with_format("string", "cursor")
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (place, sum) = bytes.split_last_chunk()?;
        let (list, position) = place.split_first()?;
        let (millis, id) = position.split_first_chunk()?;
        let is_ours = crc32fast::hash(place) == u32::from_be_bytes(*sum) && *list == LIST;
        let position = Position {
            millis: i64::from_be_bytes(*millis),
            id: Uuid::from_slice(id).ok()?,
        };
        is_ours.then_some(Self(position))
    }
}

/// How many items a page may have.
pub(crate) struct Limit(usize);

impl Limit {
    const DEFAULT: usize = 50;
    /// The document's bounds of a page say the same.
    const MAX: usize = 500;
}

impl Parameter for Limit {
    const EXPECTED: &'static str = "a whole number from 1 to 500";

    fn schema() -> MetaSchema {
        MetaSchema {
            default: Some(Self::DEFAULT.into()),
            minimum: Some(1.0),
            maximum: Some(500.0),
            ..MetaSchema::new("integer")
        }
    }

    fn parse(text: &str) -> Option<Self> {
        // A number in Rust may also have a sign.
        let digits = Some(text).filter(|text| text.bytes().all(|c| c.is_ascii_digit()))?;
        let limit = digits.parse().ok()?;
        (1..=Self::MAX).contains(&limit).then_some(Self(limit))
    }
}

/// The instants from `from` until just before `to`.
pub(crate) fn span(from: Query<OffsetDateTime>, to: Query<OffsetDateTime>) -> Checked<Span> {
    let (from, to) = both(from.0, to.0)?;
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err(invalid("to", "a time that is not before from"));
    }
    Ok(Span {
        from: from.map_or(Span::ALL.from, next_millis),
        last: to.map_or(Span::ALL.last, |to| next_millis(to) - 1),
    })
}

/// The first whole millisecond that is not before a time: sessions have no finer ones.
fn next_millis(time: OffsetDateTime) -> i64 {
    let millis = (time.unix_timestamp_nanos() + 999_999).div_euclid(1_000_000);
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a time has four digits of years"
    )]
    let millis = millis as i64;
    millis
}

/// The part of a list that a page has.
pub(crate) fn slice<const LIST: u8>(
    limit: Query<Limit>,
    cursor: Query<Cursor<LIST>>,
) -> Checked<Slice> {
    let (limit, cursor) = both(limit.0, cursor.0)?;
    Ok(Slice {
        after: cursor.map(|cursor| cursor.0),
        limit: limit.map_or(Limit::DEFAULT, |limit| limit.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> impl Iterator<Item = Position> {
        let times = [i64::MIN, -1, 0, 1_768_465_800_500, i64::MAX];
        times.into_iter().flat_map(|millis| {
            [Uuid::nil(), Uuid::max(), Uuid::new_v4()].map(|id| Position { millis, id })
        })
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        for place in places() {
            let text = SessionsCursor::text(place);
            assert_eq!(SessionsCursor::parse(&text), Some(Cursor(place)));
        }
    }

    #[test]
    fn a_cursor_of_the_other_list_is_refused() {
        for text in places().map(SessionsCursor::text) {
            assert_eq!(CoursesCursor::parse(&text), None);
        }
    }

    #[test]
    fn a_text_with_any_character_changed_is_refused() {
        const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        for text in places().map(SessionsCursor::text) {
            for (at, was) in text.char_indices() {
                for other in ALPHABET.chars().filter(|other| *other != was) {
                    let mut changed = text.clone();
                    changed.replace_range(at..=at, other.encode_utf8(&mut [0; 4]));
                    assert_eq!(SessionsCursor::parse(&changed), None, "{text} {changed}");
                }
            }
        }
    }

    #[test]
    fn a_text_that_is_shorter_or_longer_is_refused() {
        for text in places().map(SessionsCursor::text) {
            for length in 0..text.len() {
                assert_eq!(SessionsCursor::parse(&text[..length]), None);
            }
            for more in ["A", "AA", "=", " "] {
                assert_eq!(SessionsCursor::parse(&format!("{text}{more}")), None);
            }
        }
    }

    #[test]
    fn a_limit_is_a_whole_number_from_1_to_500() {
        for (text, limit) in [("1", 1), ("050", 50), ("500", 500)] {
            assert_eq!(Limit::parse(text).map(|limit| limit.0), Some(limit));
        }
        let huge = "9".repeat(1_000);
        for text in [
            "", "0", "501", "-1", "+1", "5.0", "5e1", " 5", "5 ", "٥", "x", &huge,
        ] {
            assert!(Limit::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_span_has_the_whole_milliseconds_from_one_time_until_before_another() {
        let at = |text| Query(Ok(<OffsetDateTime as Parameter>::parse(text)));
        for (from, to, first, last) in [
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z", 0, 999),
            (
                "1970-01-01T00:00:00.0001Z",
                "1970-01-01T00:00:00.0011Z",
                1,
                1,
            ),
            ("1969-12-31T23:59:59.9991Z", "1970-01-01T00:00:00Z", 0, -1),
            (
                "1970-01-01T01:00:00+01:00",
                "1969-12-31T23:00:00.001-01:00",
                0,
                0,
            ),
        ] {
            let expected = Span { from: first, last };
            assert_eq!(span(at(from), at(to)), Ok(expected), "{from} {to}");
        }
        let all = span(Query(Ok(None)), Query(Ok(None)));
        assert_eq!(all, Ok(Span::ALL));
        assert!(span(at("1970-01-01T00:00:00Z"), at("1969-12-31T23:59:59.9999Z")).is_err());
    }
}
