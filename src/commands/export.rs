//! `export`: writes every session as a line.
//!
//! Learners come by their ids, and what is theirs as it is listed: the same data gives the same
//! bytes, whatever store it is in. What is recorded meanwhile may be among it or not.

use std::collections::HashSet;
use std::time::Instant;

use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt, TryStreamExt};

use super::{CommandError, Ui, store_retry};
use crate::domain::{
    Enrolment, LearnerId, ListedCourse, ListedSession, Page, Position, Slice, Span,
};
use crate::retry::retry;
use crate::store::{Store, StoreError};
use crate::wire::session_line;

/// Lists that are read ahead, so that the ways to the store and back do not add up.
const AHEAD: usize = 16;
/// Items of a list that are read at once.
const PAGE: usize = 500;
/// Bytes that are put out at once.
const CHUNK: usize = 64 << 10;

type Each<T> = BoxStream<'static, Result<T, StoreError>>;

/// A learner's sessions in a course.
struct List {
    enrolment: Enrolment,
    /// Its first page.
    page: Page<ListedSession>,
}

pub(super) async fn export(
    store: &Store,
    learner: Option<LearnerId>,
    ui: &mut dyn Ui,
) -> Result<bool, CommandError> {
    let start = Instant::now();
    let (mut sessions, mut learners, mut latest) = (0_u64, 0_u64, None);
    let mut chunk = Vec::with_capacity(2 * CHUNK);
    let mut lists = lists(store, learner);
    while let Some(List {
        enrolment,
        mut page,
    }) = lists.try_next().await?
    {
        if latest.replace(enrolment.learner) != Some(enrolment.learner) {
            learners += 1;
        }
        loop {
            for session in &page.items {
                session_line::write(&mut chunk, enrolment, session)
                    .map_err(|error| StoreError::Unexpected(error.to_string()))?;
                sessions += 1;
            }
            if chunk.len() >= CHUNK {
                ui.put(&chunk).await?;
                chunk.clear();
                ui.progress("sessions", sessions, None).await?;
            }
            if page.next.is_none() {
                break;
            }
            page = listed_sessions(store, enrolment, page.next).await?;
        }
    }
    ui.put(&chunk).await?;
    let seconds = start.elapsed().as_secs_f64();
    let summary = format!(
        "{sessions} sessions of {learners} learners in {seconds:.1} s, {:.0} sessions a second",
        super::rate(sessions, seconds)
    );
    ui.line(summary).await?;
    Ok(true)
}

/// The sessions of each learner in each course.
fn lists(store: &Store, only: Option<LearnerId>) -> Each<List> {
    let learners = match only {
        Some(learner) => each(vec![learner]).boxed(),
        None => learners(store.clone()),
    };
    let (store, next_store) = (store.clone(), store.clone());
    learners
        .map_ok(move |learner| courses(store.clone(), learner))
        .try_buffered(AHEAD)
        .map_ok(each)
        .try_flatten()
        .map_ok(move |enrolment| {
            let store = next_store.clone();
            async move {
                let page = listed_sessions(&store, enrolment, None).await?;
                Ok(List { enrolment, page })
            }
        })
        .try_buffered(AHEAD)
        .boxed()
}

/// All learners.
fn learners(store: Store) -> Each<LearnerId> {
    let batches = stream::try_unfold(None, move |after| learners_after(store.clone(), after));
    batches.map_ok(each).try_flatten().boxed()
}

/// The next learners and the last of them, after whom there may be more.
async fn learners_after(
    store: Store,
    after: Option<LearnerId>,
) -> Result<Option<(Vec<LearnerId>, Option<LearnerId>)>, StoreError> {
    let learners = retry(store_retry(), StoreError::is_transient, || {
        store.maintenance.learners(after)
    })
    .await?;
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
async fn courses(store: Store, learner: LearnerId) -> Result<Vec<Enrolment>, StoreError> {
    let (mut courses, mut known) = (Vec::new(), HashSet::new());
    loop {
        let (mut after, mut pages, before) = (None, 0, courses.len());
        loop {
            let page = listed_courses(&store, learner, after).await?;
            let ids = page.items.iter().map(|listed| listed.id);
            courses.extend(
                ids.filter(|id| known.insert(*id))
                    .map(|id| Enrolment::new(learner, id)),
            );
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
    retry(store_retry(), StoreError::is_transient, || {
        store.requests.courses(learner, slice)
    })
    .await
}

async fn listed_sessions(
    store: &Store,
    enrolment: Enrolment,
    after: Option<Position>,
) -> Result<Page<ListedSession>, StoreError> {
    let slice = Slice { after, limit: PAGE };
    retry(store_retry(), StoreError::is_transient, || {
        store.requests.sessions(enrolment, Span::ALL, slice)
    })
    .await
}
