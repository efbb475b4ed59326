//! Parameters of lists: limit and cursor of a page, and the span of time.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poem_openapi::registry::MetaSchema;
use time::OffsetDateTime;
use uuid::{Uuid, uuid};

use super::query::{Parameter, Query, invalid};
use crate::domain::{LearnerId, Position, Slice, Span};
use crate::wire::validation::{Checked, both};

/// Cursor: position in a list, as opaque text for clients.
///
/// The text is base64url of the byte `LIST`, the bytes of the position, and a CRC-32 over the bytes before: a
/// damaged cursor, or a cursor of another list, is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor<const LIST: u8, P = Position>(pub(crate) P);

/// Cursor of a list of sessions.
pub(crate) type SessionsCursor = Cursor<b's'>;
/// Cursor of a list of courses.
pub(crate) type CoursesCursor = Cursor<b'c'>;
/// Cursor of a roster: the last learner of the page before.
pub(crate) type RosterCursor = Cursor<b'r', LearnerId>;

/// Position in the examples of the document.
pub(crate) const EXAMPLE: Position = Position {
    millis: 1_768_465_800_000,
    id: uuid!("0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f"),
};

/// Position of a cursor as bytes.
pub(crate) trait CursorBytes: Sized {
    fn write(&self, bytes: &mut Vec<u8>);
    fn read(bytes: &[u8]) -> Option<Self>;
}

impl CursorBytes for Position {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.millis.to_be_bytes());
        bytes.extend(self.id.as_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (millis, id) = bytes.split_first_chunk()?;
        Some(Self {
            millis: i64::from_be_bytes(*millis),
            id: Uuid::from_slice(id).ok()?,
        })
    }
}

impl CursorBytes for LearnerId {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.as_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Some(Uuid::from_slice(bytes).ok()?.into())
    }
}

impl<const LIST: u8, P: CursorBytes> Cursor<LIST, P> {
    /// Encodes the cursor of the items after a position.
    pub(crate) fn encode(position: P) -> String {
        let mut bytes = vec![LIST];
        position.write(&mut bytes);
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

impl<const LIST: u8, P: CursorBytes + Send> Parameter for Cursor<LIST, P> {
    const EXPECTED: &'static str = "the nextCursor of a page of the same list";

    fn schema() -> MetaSchema {
        MetaSchema::new_with_format("string", "cursor")
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (content, checksum) = bytes.split_last_chunk()?;
        let (list, position) = content.split_first()?;
        let is_intact = crc32fast::hash(content) == u32::from_be_bytes(*checksum);
        let position = P::read(position)?;
        (is_intact && *list == LIST).then_some(Self(position))
    }
}

/// Maximum number of items of a page.
pub(crate) struct Limit(usize);

impl Limit {
    const DEFAULT: usize = 50;
    /// Equals `max_items` of the pages in the document.
    const MAX: usize = 500;
}

impl Parameter for Limit {
    const EXPECTED: &'static str = "a whole number from 1 to 500";

    fn schema() -> MetaSchema {
        MetaSchema {
            default: Some(Self::DEFAULT.into()),
            minimum: Some(1.0),
            maximum: Some(500.0),
            ..MetaSchema::new_with_format("integer", "int32")
        }
    }

    fn parse(text: &str) -> Option<Self> {
        // The parser of Rust would accept a sign.
        let digits = Some(text).filter(|text| text.bytes().all(|c| c.is_ascii_digit()))?;
        let limit = digits.parse().ok()?;
        (1..=Self::MAX).contains(&limit).then_some(Self(limit))
    }
}

/// Span from `from`, inclusive, to `to`, exclusive.
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

/// Rounds a time up to a whole millisecond, the precision of stored sessions.
fn next_millis(time: OffsetDateTime) -> i64 {
    let millis = (time.unix_timestamp_nanos() + 999_999).div_euclid(1_000_000);
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a time has four digits of years"
    )]
    let millis = millis as i64;
    millis
}

/// Slice of a list by time, for a page.
pub(crate) fn slice<const LIST: u8>(
    limit: Query<Limit>,
    cursor: Query<Cursor<LIST>>,
) -> Checked<Slice> {
    let (after, limit) = page(limit, cursor)?;
    Ok(Slice { after, limit })
}

/// Start of a page, `None` for the start of the list, and the maximum number of items of the page.
pub(crate) fn page<const LIST: u8, P>(
    limit: Query<Limit>,
    cursor: Query<Cursor<LIST, P>>,
) -> Checked<(Option<P>, usize)> {
    let (limit, cursor) = both(limit.0, cursor.0)?;
    let limit = limit.map_or(Limit::DEFAULT, |limit| limit.0);
    Ok((cursor.map(|cursor| cursor.0), limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions() -> impl Iterator<Item = Position> {
        let times = [i64::MIN, -1, 0, 1_768_465_800_500, i64::MAX];
        times.into_iter().flat_map(|millis| {
            [Uuid::nil(), Uuid::max(), Uuid::new_v4()].map(|id| Position { millis, id })
        })
    }

    #[test]
    fn a_cursor_round_trips() {
        for position in positions() {
            let text = SessionsCursor::encode(position);
            assert_eq!(SessionsCursor::parse(&text), Some(Cursor(position)));
        }
    }

    #[test]
    fn a_cursor_of_a_roster_round_trips() {
        for position in positions() {
            let learner = LearnerId::from(position.id);
            let text = RosterCursor::encode(learner);
            assert_eq!(RosterCursor::parse(&text), Some(Cursor(learner)));
        }
    }

    #[test]
    fn a_cursor_of_another_list_is_invalid() {
        for position in positions() {
            let text = SessionsCursor::encode(position);
            assert_eq!(CoursesCursor::parse(&text), None);
            assert_eq!(RosterCursor::parse(&text), None);
            let text = RosterCursor::encode(position.id.into());
            assert_eq!(SessionsCursor::parse(&text), None);
        }
    }

    #[test]
    fn a_cursor_with_any_character_changed_is_invalid() {
        const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        for text in positions().map(SessionsCursor::encode) {
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
    fn a_shorter_or_longer_cursor_is_invalid() {
        for text in positions().map(SessionsCursor::encode) {
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
    fn a_span_has_the_whole_milliseconds_from_the_first_time_to_before_the_second() {
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
