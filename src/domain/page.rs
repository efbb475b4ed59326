//! Lists by time, and the pages they are read in.

use uuid::Uuid;

use super::{CourseId, Session, SessionId, Totals};

/// The instants from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first, in milliseconds since 1970-01-01T00:00:00Z.
    pub from: i64,
    /// The last, which belongs to it.
    pub last: i64,
}

impl Span {
    /// All time.
    pub const ALL: Self = Self {
        from: i64::MIN,
        last: i64::MAX,
    };

    /// Whether an instant belongs to it.
    #[must_use]
    pub fn contains(&self, millis: i64) -> bool {
        (self.from..=self.last).contains(&millis)
    }
}

/// A place in a list: just after the item of that time and id.
///
/// Lists are ordered by time and then by id, both descending, so that a place stays what it is
/// whatever is added or removed around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The item's time, in milliseconds since 1970.
    pub millis: i64,
    /// The item's id.
    pub id: Uuid,
}

/// Which part of a list to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// What follows this place; without it, the list from its beginning.
    pub after: Option<Position>,
    /// At most so many items.
    pub limit: usize,
}

impl Slice {
    /// The list's first items.
    #[must_use]
    pub fn first(limit: usize) -> Self {
        Self { after: None, limit }
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The items, latest first.
    pub items: Vec<T>,
    /// Where the rest begins; `None` where there is none.
    pub next: Option<Position>,
}

impl<T> Page<T> {
    /// The page of at most `limit` items, from the `found` ones: up to one more than that, which
    /// tells whether there is a rest.
    pub fn new(mut found: Vec<T>, limit: usize, position: impl Fn(&T) -> Position) -> Self {
        let is_last = found.len() <= limit;
        found.truncate(limit);
        let next = found.last().filter(|_| !is_last).map(position);
        Self { items: found, next }
    }
}

/// A session in the list of a learner's in a course.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListedSession {
    /// Which it is.
    pub id: SessionId,
    /// The session.
    pub session: Session,
}

/// A course in the list of a learner's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListedCourse {
    /// Which it is.
    pub id: CourseId,
    /// The learner's totals in it.
    pub totals: Totals,
    /// When the latest session occurred, in milliseconds since 1970.
    pub last_occurred: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_next_page_only_where_there_is_a_rest() {
        let position = |&millis: &i64| Position {
            millis,
            id: Uuid::nil(),
        };
        for (found, limit, items, next) in [
            (vec![], 2, vec![], None),
            (vec![9, 8], 2, vec![9, 8], None),
            (vec![9, 8, 7], 2, vec![9, 8], Some(8)),
        ] {
            let page = Page::new(found, limit, position);
            assert_eq!(page.items, items);
            assert_eq!(page.next.map(|next| next.millis), next);
        }
    }
}
