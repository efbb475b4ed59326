//! Reads: single hashes, pages of the indexes, and the summary over all buckets.

use std::cmp::Reverse;

use redis::{Cmd, cmd};

use super::connection::scatter::Scatter;
use super::script_call::ScriptQuery;
use super::scripts::PAGE;
use super::{RedisStore, codec};
use crate::domain::{
    CourseId, Enrolment, LearnerId, ListedCourse, ListedSession, Page, Position, Session,
    SessionId, Slice, Span, Summary, Totals,
};
use crate::store::StoreError;
use crate::store::bucket::{self, BUCKETS};

/// Reads a session.
pub(super) async fn session(
    store: &RedisStore,
    enrolment: Enrolment,
    session: SessionId,
) -> Result<Option<Session>, StoreError> {
    let key = store.keys.session(enrolment, session);
    codec::session(store.query(&fields(&key, &codec::SESSION_FIELDS)).await?)
}

/// Reads the totals of an enrolment.
pub(super) async fn totals(
    store: &RedisStore,
    enrolment: Enrolment,
) -> Result<Option<Totals>, StoreError> {
    let key = store.keys.totals(enrolment);
    codec::totals(store.query(&text(&key)).await?)
}

/// Reads a page of the session index, and then the sessions of the page.
///
/// A session that was deleted or moved out of the span between the two reads is absent from the page; a
/// replaced session has its new measures.
pub(super) async fn sessions(
    store: &RedisStore,
    enrolment: Enrolment,
    span: Span,
    slice: Slice,
) -> Result<Page<ListedSession>, StoreError> {
    let page = page(store, store.keys.timeline(enrolment), span, slice).await?;
    let ids = page.items.iter().map(|position| position.id.into());
    let ids: Vec<SessionId> = ids.collect();
    let keys = ids.iter().map(|&id| store.keys.session(enrolment, id));
    let hashes = hashes(store, enrolment.learner, keys, &codec::SESSION_FIELDS).await?;
    let mut items = Vec::with_capacity(ids.len());
    for (id, hash) in ids.into_iter().zip(hashes) {
        if let Some(session) = codec::session(hash)?
            && span.contains(session.occurred_at.millis)
        {
            items.push(ListedSession { id, session });
        }
    }
    items.sort_by_key(|item| Reverse((item.session.occurred_at.millis, item.id.as_u128())));
    Ok(Page {
        items,
        next: page.next,
    })
}

/// Reads a page of the course index, and then the totals of the courses.
pub(super) async fn courses(
    store: &RedisStore,
    learner: LearnerId,
    slice: Slice,
) -> Result<Page<ListedCourse>, StoreError> {
    let page = page(store, store.keys.courses(learner), Span::ALL, slice).await?;
    let keys = page
        .items
        .iter()
        .map(|position| Enrolment::new(learner, position.id.into()))
        .map(|enrolment| store.keys.totals(enrolment));
    let bucket = bucket::of(learner);
    let commands = keys.map(|key| (bucket, text(&key)));
    let texts: Vec<_> = store.query(&Scatter(commands.collect())).await?;
    let mut items = Vec::with_capacity(texts.len());
    for (position, text) in page.items.iter().zip(texts) {
        if let Some(totals) = codec::totals(text)? {
            items.push(ListedCourse {
                id: position.id.into(),
                totals,
                last_occurred: position.millis,
            });
        }
    }
    Ok(Page {
        items,
        next: page.next,
    })
}

/// Adds up the summaries of all buckets.
pub(super) async fn summary(
    store: &RedisStore,
    course: CourseId,
) -> Result<Option<Summary>, StoreError> {
    let buckets = (0..BUCKETS).map(|bucket| {
        let key = store.keys.summary_in(bucket, course);
        (bucket, text(&key))
    });
    let texts: Vec<_> = store.query(&Scatter(buckets.collect())).await?;
    let parts = texts.into_iter().map(codec::summary);
    let summary: Summary = parts.sum::<Result<_, _>>()?;
    Ok(Some(summary).filter(|summary| summary.learners > 0))
}

/// Reads a page of an index: positions, latest first.
pub(super) async fn page(
    store: &RedisStore,
    index: String,
    span: Span,
    slice: Slice,
) -> Result<Page<Position>, StoreError> {
    let (millis, id) = match slice.after {
        Some(after) => (after.millis.to_string(), after.id.as_bytes().to_vec()),
        None => Default::default(),
    };
    // An entry more than the limit shows that a next page exists.
    let count = slice.limit.saturating_add(1);
    let arguments = (span.from, span.last, millis, id, count);
    let index = [index];
    let query = ScriptQuery::new(&PAGE, &index, arguments);
    let entries: Vec<(Vec<u8>, i64)> = store.query_script(&query).await?;
    let positions = entries.into_iter().rev().map(|(member, millis)| {
        let id = codec::id(&member)?;
        Ok(Position { millis, id })
    });
    let positions = positions.collect::<Result<_, StoreError>>()?;
    Ok(Page::new(positions, slice.limit, |&position| position))
}

/// Reads the fields of hashes of one learner.
async fn hashes<const N: usize>(
    store: &RedisStore,
    learner: LearnerId,
    keys: impl Iterator<Item = String>,
    names: &[&str; N],
) -> Result<Vec<[Option<String>; N]>, StoreError> {
    let bucket = bucket::of(learner);
    let commands = keys.map(|key| (bucket, fields(&key, names)));
    store.query(&Scatter(commands.collect())).await
}

/// Command that reads a text.
pub(super) fn text(key: &str) -> Cmd {
    let mut command = cmd("GET");
    command.arg(key);
    command
}

/// Command that reads fields of a hash.
fn fields(key: &str, names: &[&str]) -> Cmd {
    let mut command = cmd("HMGET");
    command.arg(key).arg(names);
    command
}
