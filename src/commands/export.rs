//! `export`: writes every erasure and every session as a line.
//!
//! Learners are ordered by id, courses and sessions as listed: equal data gives equal bytes on every
//! store. Sessions recorded during the export may be included or not. The erasures are first, so that an
//! import knows them before the sessions.

use std::time::Instant;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt, TryStreamExt};

use super::{CommandError, Ui, store_retry};
use crate::domain::{Enrolment, Erasure, LearnerId, ListedSession, Page, Position, Slice, Span};
use crate::retry::retry;
use crate::store::{Store, StoreError};
use crate::wire::export_line;

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
    let mut writer = LineWriter::new(ui);
    let read: ReadPage<_> = |store, after| store.maintenance.erasures(after);
    let mut erasures = pages(store.clone(), read, |erasure: &Erasure| erasure.learner);
    while let Some(erasure) = erasures.try_next().await? {
        if learner.is_none_or(|only| only == erasure.learner) {
            writer.write_erasure(&erasure).await?;
        }
    }
    let mut lists = lists(store, learner);
    while let Some(SessionList {
        enrolment,
        mut page,
    }) = lists.try_next().await?
    {
        if latest.replace(enrolment.learner) != Some(enrolment.learner) {
            learners += 1;
        }
        writer.write_sessions(enrolment, &page.items).await?;
        while page.next.is_some() {
            page = listed_sessions(store, enrolment, page.next).await?;
            writer.write_sessions(enrolment, &page.items).await?;
        }
    }
    let erasures = match writer.erasures {
        0 => String::new(),
        erasures => format!(" and {erasures} erasures"),
    };
    let sessions = writer.finish().await?;
    let seconds = start.elapsed().as_secs_f64();
    let summary = format!(
        "{sessions} sessions of {learners} learners{erasures} in {seconds:.1} s, {:.0} sessions a second",
        super::rate(sessions, seconds)
    );
    ui.print(summary).await?;
    Ok(true)
}

/// Writer of lines, in chunks.
struct LineWriter<'a> {
    ui: &'a mut dyn Ui,
    chunk: Vec<u8>,
    /// Number of written sessions.
    sessions: u64,
    /// Number of written erasures.
    erasures: u64,
}

impl<'a> LineWriter<'a> {
    fn new(ui: &'a mut dyn Ui) -> Self {
        Self {
            ui,
            chunk: Vec::with_capacity(2 * CHUNK),
            sessions: 0,
            erasures: 0,
        }
    }

    async fn write_erasure(&mut self, erasure: &Erasure) -> Result<(), CommandError> {
        export_line::write_erasure(&mut self.chunk, erasure)
            .map_err(|error| StoreError::Unexpected(error.to_string()))?;
        self.erasures += 1;
        self.send_chunk().await
    }

    async fn write_sessions(
        &mut self,
        enrolment: Enrolment,
        sessions: &[ListedSession],
    ) -> Result<(), CommandError> {
        for session in sessions {
            export_line::write_session(&mut self.chunk, enrolment, session)
                .map_err(|error| StoreError::Unexpected(error.to_string()))?;
            self.sessions += 1;
        }
        self.send_chunk().await
    }

    /// Writes a chunk that is large enough.
    async fn send_chunk(&mut self) -> Result<(), CommandError> {
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
        None => {
            let read: ReadPage<_> = |store, after| store.maintenance.learners(after);
            pages(store.clone(), read, |learner| *learner)
        }
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

/// Page of a list of the store, after a learner or from the start.
type ReadPage<T> =
    for<'s> fn(&'s Store, Option<LearnerId>) -> BoxFuture<'s, Result<Vec<T>, StoreError>>;

/// Streams a list of the store page by page; the learner of the last item is the position of the next page.
fn pages<T: Send + 'static>(
    store: Store,
    read: ReadPage<T>,
    learner: fn(&T) -> LearnerId,
) -> ResultStream<T> {
    let pages = stream::try_unfold(None, move |after| {
        let store = store.clone();
        async move {
            let reading = retry(store_retry(), StoreError::is_transient, || {
                read(&store, after)
            });
            let items = reading.await?;
            let last = items.last().map(learner);
            Ok::<_, StoreError>(last.map(|_| (items, last)))
        }
    });
    pages.map_ok(each).try_flatten().boxed()
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
