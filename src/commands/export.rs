//! `export`: writes every session as a line.
//!
//! Learners are ordered by id, courses and sessions as listed: equal data gives equal bytes on every
//! store. Sessions recorded during the export may be included or not.

use std::time::Instant;

use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt, TryStreamExt};

use super::{CommandError, Ui, store_retry};
use crate::domain::{Enrolment, LearnerId, ListedSession, Page, Position, Slice, Span};
use crate::retry::retry;
use crate::store::{Store, StoreError};
use crate::wire::session_line;

/// Number of lists read ahead, which overlaps the round trips to the store.
const AHEAD: usize = 16;
/// Number of items of a page.
const PAGE: usize = 500;
/// Minimum number of bytes of a write.
const CHUNK: usize = 64 << 10;

type ResultStream<T> = BoxStream<'static, Result<T, StoreError>>;

/// The session list of an enrolment.
struct SessionList {
    enrolment: Enrolment,
    /// The first page.
    page: Page<ListedSession>,
}

pub(super) async fn export(
    store: &Store,
    learner: Option<LearnerId>,
    ui: &mut dyn Ui,
) -> Result<bool, CommandError> {
    let start = Instant::now();
    let (mut learners, mut latest) = (0_u64, None);
    let mut writer = SessionWriter::new(ui);
    let mut lists = lists(store, learner);
    while let Some(SessionList {
        enrolment,
        mut page,
    }) = lists.try_next().await?
    {
        if latest.replace(enrolment.learner) != Some(enrolment.learner) {
            learners += 1;
        }
        writer.write(enrolment, &page.items).await?;
        while page.next.is_some() {
            page = listed_sessions(store, enrolment, page.next).await?;
            writer.write(enrolment, &page.items).await?;
        }
    }
    let sessions = writer.finish().await?;
    let seconds = start.elapsed().as_secs_f64();
    let summary = format!(
        "{sessions} sessions of {learners} learners in {seconds:.1} s, {:.0} sessions a second",
        super::rate(sessions, seconds)
    );
    ui.print(summary).await?;
    Ok(true)
}

/// Writer of session lines, in chunks.
struct SessionWriter<'a> {
    ui: &'a mut dyn Ui,
    chunk: Vec<u8>,
    /// Number of written sessions.
    sessions: u64,
}

impl<'a> SessionWriter<'a> {
    fn new(ui: &'a mut dyn Ui) -> Self {
        Self {
            ui,
            chunk: Vec::with_capacity(2 * CHUNK),
            sessions: 0,
        }
    }

    async fn write(
        &mut self,
        enrolment: Enrolment,
        sessions: &[ListedSession],
    ) -> Result<(), CommandError> {
        for session in sessions {
            session_line::write(&mut self.chunk, enrolment, session)
                .map_err(|error| StoreError::Unexpected(error.to_string()))?;
            self.sessions += 1;
        }
        if self.chunk.len() >= CHUNK {
            self.ui.write(&self.chunk).await?;
            self.chunk.clear();
            self.ui.progress("sessions", self.sessions, None).await?;
        }
        Ok(())
    }

    /// Writes the last chunk, and returns the number of sessions.
    async fn finish(self) -> Result<u64, CommandError> {
        self.ui.write(&self.chunk).await?;
        Ok(self.sessions)
    }
}

/// Streams the session lists of one learner or of all learners.
fn lists(store: &Store, only: Option<LearnerId>) -> ResultStream<SessionList> {
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
                Ok(SessionList { enrolment, page })
            }
        })
        .try_buffered(AHEAD)
        .boxed()
}

/// Streams all learners.
fn learners(store: Store) -> ResultStream<LearnerId> {
    let batches = stream::try_unfold(None, move |after| learners_after(store.clone(), after));
    batches.map_ok(each).try_flatten().boxed()
}

/// Reads a page of learners, with the last learner as the position of the next page.
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

/// Streams the items of a list.
fn each<T>(items: Vec<T>) -> impl Stream<Item = Result<T, StoreError>> {
    stream::iter(items.into_iter().map(Ok))
}

/// Reads all courses of a learner.
async fn courses(store: Store, learner: LearnerId) -> Result<Vec<Enrolment>, StoreError> {
    let courses = retry(store_retry(), StoreError::is_transient, || {
        store.requests.all_courses(learner)
    });
    let courses = courses.await?.into_iter();
    let enrolments = courses.map(|course| Enrolment::new(learner, course.id));
    Ok(enrolments.collect())
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
