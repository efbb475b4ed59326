//! Lists, read page by page.

use std::future::Future;

use study_stats::domain::{
    CourseId, Enrolment, LearnerId, ListedCourse, ListedLearner, ListedSession, Page, Position,
    Slice, Span,
};
use study_stats::store::{StatsStore, StoreError};

/// Pages of the sessions of an enrolment, of at most `limit` items.
pub(crate) async fn sessions(
    store: &dyn StatsStore,
    learner: LearnerId,
    course: CourseId,
    span: Span,
    limit: usize,
) -> Vec<Vec<ListedSession>> {
    walk(limit, |slice| {
        store.sessions(Enrolment::new(learner, course), span, slice)
    })
    .await
}

/// All sessions of an enrolment.
pub(crate) async fn all_sessions(
    store: &dyn StatsStore,
    learner: LearnerId,
    course: CourseId,
) -> Vec<ListedSession> {
    let pages = sessions(store, learner, course, Span::ALL, 1_000).await;
    pages.concat()
}

/// Pages of the courses of a learner, of at most `limit` items.
pub(crate) async fn courses(
    store: &dyn StatsStore,
    learner: LearnerId,
    limit: usize,
) -> Vec<Vec<ListedCourse>> {
    walk(limit, |slice| store.courses(learner, slice)).await
}

/// Roster of a course, read in pages of at most `limit` learners.
pub(crate) async fn roster(
    store: &dyn StatsStore,
    course: CourseId,
    limit: usize,
) -> Vec<Vec<ListedLearner>> {
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = store.roster(course, after, limit).await.unwrap();
        let (count, last) = (
            page.learners.len(),
            page.learners.last().map(|last| last.id),
        );
        assert!(count <= limit && (page.next.is_none() || count == limit));
        assert!(page.next.is_none() || page.next == last);
        pages.push(page.learners);
        after = page.next;
        if after.is_none() {
            return pages;
        }
    }
}

async fn walk<T, F>(limit: usize, read: impl Fn(Slice) -> F) -> Vec<Vec<T>>
where
    F: Future<Output = Result<Page<T>, StoreError>>,
{
    let (mut pages, mut slice) = (Vec::new(), Slice::first(limit));
    loop {
        let page = read(slice).await.unwrap();
        assert!(page.items.len() <= limit);
        pages.push(page.items);
        let Some(next) = page.next else {
            return pages;
        };
        let order = |position: Position| (position.millis, position.id);
        let is_last = slice.after.is_none_or(|after| order(next) < order(after));
        assert!(is_last, "{next:?} follows {:?}", slice.after);
        slice.after = page.next;
    }
}

/// Asserts that only the last page may be shorter than `limit`, and that only a single page may be
/// empty.
pub(crate) fn assert_full<T>(pages: &[Vec<T>], limit: usize) {
    let (last, others) = pages.split_last().unwrap();
    assert!(others.iter().all(|page| page.len() == limit));
    assert!(others.is_empty() || !last.is_empty());
}
