//! Cursors: where the next page of a list begins, as a text that means nothing to clients.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poem_openapi::registry::MetaSchema;
use uuid::{Uuid, uuid};

use super::query::Parameter;
use crate::domain::Position;

/// A cursor of one of the lists.
///
/// Its text is base64url of the list's byte, the position's time and id, and a CRC-32 of all of
/// these: one that is not ours, or is of another list, must not pass for a place in this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor<const LIST: u8>(pub(super) Position);

/// A cursor of a list of sessions.
pub(super) type SessionsCursor = Cursor<b's'>;
/// A cursor of a list of courses.
pub(super) type CoursesCursor = Cursor<b'c'>;

/// The place of the document's examples.
pub(super) const EXAMPLE: Position = Position {
    millis: 1_768_465_800_000,
    id: uuid!("0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f"),
};

impl<const LIST: u8> Cursor<LIST> {
    /// The text of the cursor of what follows a place.
    pub(super) fn text(place: Position) -> String {
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
}
