//! Lists by time, and the pages of a list.

use uuid::Uuid;

use super::{CourseId, LearnerId, Session, SessionId, Totals};

/// Position in a list: directly after the item with the same time and id, stored or not.
///
/// Lists are in descending order of time and then of id. Hence inserts and deletes of items do not change
/// the items after a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// Time of the item, in milliseconds since 1970.
    pub millis: i64,
    /// Id of the item.
    pub id: Uuid,
}

/// Request for a page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slice {
    /// Start of the page; `None` for the start of the list.
    pub after: Option<Position>,
    /// Maximum number of items.
    pub limit: usize,
}

impl Slice {
    /// Returns a request for the first page of a list.
    #[must_use]
    pub fn first(limit: usize) -> Self {
        Self { after: None, limit }
    }
}

/// Page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// Items, latest first.
    pub items: Vec<T>,
    /// Start of the next page; `None` on the last page.
    pub next: Option<Position>,
}

impl<T> Page<T> {
    /// Returns a page of at most `limit` items of `found`.
    ///
    /// A store reads up to `limit + 1` items: the additional item, not part of the page, shows that a next
    /// page exists.
    pub fn new(mut found: Vec<T>, limit: usize, position: impl Fn(&T) -> Position) -> Self {
        let is_last = found.len() <= limit;
        found.truncate(limit);
        let next = found.last().filter(|_| !is_last).map(position);
        Self { items: found, next }
    }
}

/// Item in the list of an enrolment's sessions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListedSession {
    /// Id of the session.
    pub id: SessionId,
    /// The stored session.
    pub session: Session,
}

/// Item in the list of a learner's courses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListedCourse {
    /// Id of the course.
    pub id: CourseId,
    /// The learner's totals in the course.
    pub totals: Totals,
    /// Time of the latest session, in milliseconds since 1970.
    pub last_occurred: i64,
}

/// Item in the roster of a course.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListedLearner {
    /// Id of the learner.
    pub id: LearnerId,
    /// The learner's totals in the course.
    pub totals: Totals,
    /// Time of the latest session, in milliseconds since 1970.
    pub last_occurred: i64,
}

/// Page of a roster: learners with sessions in a course, in a stable order of the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Roster {
    /// Learners of the page; fewer than requested on the last page only.
    pub learners: Vec<ListedLearner>,
    /// Last learner of the page, after whom the next page starts; `None` on the last page.
    pub next: Option<LearnerId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_next_page_only_where_items_remain() {
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
