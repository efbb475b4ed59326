//! `export`: writes every session as a line.
//!
//! Learners come by their ids, and what is theirs as it is listed: the same data gives the same
//! bytes, whatever store it is in. What is recorded meanwhile may be among it or not.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt, TryStreamExt};

use super::patience::patiently;
use super::{Console, Failure};
use crate::api::lines;
use crate::domain::{
    CourseId, LearnerId, ListedCourse, ListedSession, Page, Position, Slice, Span,
};
use crate::store::StoreError;
use crate::store::upkeep::Upkeep;

/// Lists that are read ahead, so that the ways to the store and back do not add up.
const AHEAD: usize = 16;
/// Items of a list that are read at once.
const PAGE: usize = 500;
/// Bytes that are put out at once.
const CHUNK: usize = 64 << 10;

type Store = Arc<dyn Upkeep>;
type Each<T> = BoxStream<'static, Result<T, StoreError>>;

/// A learner's sessions in a course.
struct List {
    learner: LearnerId,
    course: CourseId,
    /// Its first page.
    page: Page<ListedSession>,
}

pub(super) async fn export(
    store: &Store,
    learner: Option<LearnerId>,
    console: &mut dyn Console,
) -> Result<bool, Failure> {
    let start = Instant::now();
    let (mut sessions, mut learners, mut latest) = (0_u64, 0_u64, None);
    let mut chunk = Vec::with_capacity(2 * CHUNK);
    let mut lists = lists(store, learner);
    while let Some(List {
        learner,
        course,
        mut page,
    }) = lists.try_next().await?
    {
        if latest.replace(learner) != Some(learner) {
            learners += 1;
        }
        loop {
            for session in &page.items {
                lines::write(&mut chunk, learner, course, session)?;
                sessions += 1;
            }
            if chunk.len() >= CHUNK {
                console.put(&chunk).await?;
                chunk.clear();
                console.progress("sessions", sessions, None).await?;
            }
            if page.next.is_none() {
                break;
            }
            page = listed_sessions(store, learner, course, page.next).await?;
        }
    }
    console.put(&chunk).await?;
    let seconds = start.elapsed().as_secs_f64();
    let summary = format!(
        "{sessions} sessions of {learners} learners in {seconds:.1} s, {:.0} sessions a second",
        super::rate(sessions, seconds)
    );
    console.line(summary).await?;
    Ok(true)
}

/// The sessions of each learner in each course.
fn lists(store: &Store, only: Option<LearnerId>) -> Each<List> {
    let learners = match only {
        Some(learner) => each(vec![learner]).boxed(),
        None => learners(Arc::clone(store)),
    };
    let (store, next_store) = (Arc::clone(store), Arc::clone(store));
    learners
        .map_ok(move |learner| courses(Arc::clone(&store), learner))
        .try_buffered(AHEAD)
        .map_ok(each)
        .try_flatten()
        .map_ok(move |(learner, course)| {
            let store = Arc::clone(&next_store);
            async move {
                let page = listed_sessions(&store, learner, course, None).await?;
                Ok(List {
                    learner,
                    course,
                    page,
                })
            }
        })
        .try_buffered(AHEAD)
        .boxed()
}

/// All learners.
fn learners(store: Store) -> Each<LearnerId> {
    let batches = stream::try_unfold(None, move |after| learners_after(Arc::clone(&store), after));
    batches.map_ok(each).try_flatten().boxed()
}

/// The next learners and the last of them, after whom there may be more.
async fn learners_after(
    store: Store,
    after: Option<LearnerId>,
) -> Result<Option<(Vec<LearnerId>, Option<LearnerId>)>, StoreError> {
    let learners = patiently(|| store.learners(after)).await?;
    let last = learners.last().copied();
    Ok(last.map(|_| (learners, last)))
}

/// The items one by one.
fn each<T>(items: Vec<T>) -> impl Stream<Item = Result<T, StoreError>> {
    stream::iter(items.into_iter().map(Ok))
}

/// All courses of a learner.
///
/// A course that is studied meanwhile moves to the front of the list. Where that has several pages it
/// may have been passed by then, so the list is read again until there is nothing new in it.
async fn courses(
    store: Store,
    learner: LearnerId,
) -> Result<Vec<(LearnerId, CourseId)>, StoreError> {
    let (mut courses, mut known) = (Vec::new(), HashSet::new());
    loop {
        let (mut after, mut pages, before) = (None, 0, courses.len());
        loop {
            let page = listed_courses(&store, learner, after).await?;
            let ids = page.items.iter().map(|listed| listed.id);
            courses.extend(ids.filter(|id| known.insert(*id)).map(|id| (learner, id)));
            (after, pages) = (page.next, pages + 1);
            if after.is_none() {
                break;
            }
        }
        if pages == 1 || courses.len() == before {
            return Ok(courses);
        }
    }
}

async fn listed_courses(
    store: &Store,
    learner: LearnerId,
    after: Option<Position>,
) -> Result<Page<ListedCourse>, StoreError> {
    let slice = Slice { after, limit: PAGE };
    patiently(|| store.courses(learner, slice)).await
}

async fn listed_sessions(
    store: &Store,
    learner: LearnerId,
    course: CourseId,
    after: Option<Position>,
) -> Result<Page<ListedSession>, StoreError> {
    let slice = Slice { after, limit: PAGE };
    patiently(|| store.sessions(learner, course, Span::ALL, slice)).await
}
