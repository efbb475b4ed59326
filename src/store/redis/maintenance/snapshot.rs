//! Snapshots of stored data, each read by one script call.

use redis::{FromRedisValue, Value};
use uuid::Uuid;

use super::aggregate::StoredAggregate;
use super::display;
use crate::domain::{Enrolment, Session, SessionId};
use crate::store::StoreError;
use crate::store::redis::scan::query::WrongType;
use crate::store::redis::scripts::{AGGREGATES, PAGE, SNAPSHOT};
use crate::store::redis::{RedisStore, codec};

/// Member and score of an entry of an index, as stored.
pub(crate) type IndexEntry = (Vec<u8>, String);

/// Snapshot of an enrolment, and of some of its sessions.
pub(crate) struct EnrolmentSnapshot {
    pub(crate) derived: DerivedData,
    pub(crate) sessions: Vec<SessionSnapshot>,
}

/// Totals and index entries of an enrolment, which every write updates together with the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DerivedData {
    pub(crate) totals: StoredAggregate,
    /// Number of entries of the session index.
    pub(crate) entries: Result<usize, WrongType>,
    /// Score of the course in the course index.
    pub(crate) latest: Result<Option<String>, WrongType>,
}

/// Snapshot of a session and its entry in the session index.
pub(crate) struct SessionSnapshot {
    pub(crate) id: SessionId,
    /// Score of the session in the session index.
    pub(crate) score: Option<String>,
    pub(crate) session: StoredSession,
}

/// Value of a session's key.
pub(crate) enum StoredSession {
    Absent,
    Valid(Session),
    /// A value that no record stores, as text for operators.
    Unreadable(String),
}

impl RedisStore {
    /// Reads a snapshot of an enrolment and of the sessions `ids`.
    pub(crate) async fn snapshot(
        &self,
        enrolment: Enrolment,
        ids: &[SessionId],
    ) -> Result<EnrolmentSnapshot, StoreError> {
        let mut keys = vec![
            self.keys.totals(enrolment),
            self.keys.timeline(enrolment),
            self.keys.courses(enrolment.learner),
        ];
        keys.extend(ids.iter().map(|&id| self.keys.session(enrolment, id)));
        let mut arguments = vec![enrolment.course.as_bytes().to_vec()];
        arguments.extend(ids.iter().map(|id| id.as_bytes().to_vec()));
        let (totals, entries, latest, sessions): (Value, Value, Value, Vec<(Value, Value)>) = self
            .query_script_retried(&SNAPSHOT, &keys, &arguments)
            .await?;
        let derived = DerivedData {
            totals: stored_aggregate(totals)?,
            entries: typed(entries)?,
            latest: typed(latest)?.map(|score: Option<Vec<u8>>| score.as_deref().map(lossy)),
        };
        let sessions = ids.iter().zip(sessions).map(|(&id, (score, hash))| {
            // A key of the wrong type has no entry.
            let score: Option<Vec<u8>> = typed(score)?.unwrap_or_default();
            Ok(SessionSnapshot {
                id,
                score: score.as_deref().map(lossy),
                session: stored_session(hash)?,
            })
        });
        Ok(EnrolmentSnapshot {
            derived,
            sessions: sessions.collect::<Result<_, StoreError>>()?,
        })
    }

    /// Reads aggregates of one bucket.
    pub(crate) async fn aggregates(
        &self,
        keys: &[String],
    ) -> Result<Vec<StoredAggregate>, StoreError> {
        let replies: Vec<Value> = self.query_script_retried(&AGGREGATES, keys, &[]).await?;
        replies.into_iter().map(stored_aggregate).collect()
    }

    /// Reads a page of an index in ascending order: the last entries before `before`, or the last entries of all.
    pub(crate) async fn page(
        &self,
        index: &str,
        before: Option<&IndexEntry>,
    ) -> Result<Result<Vec<IndexEntry>, WrongType>, StoreError> {
        let (member, score) = before.cloned().unwrap_or_default();
        let arguments = [
            b"-inf".to_vec(),
            b"+inf".to_vec(),
            score.into_bytes(),
            member,
            self.bounds.page.to_string().into_bytes(),
        ];
        self.query_typed_script_retried(&PAGE, &[index.to_owned()], &arguments)
            .await
    }
}

/// Ids of the entries of an index; a member other than an id is left out.
pub(crate) fn ids<T: From<Uuid>>(page: &[IndexEntry]) -> Vec<T> {
    let ids = page.iter().map(|(member, _)| Uuid::from_slice(member));
    ids.filter_map(Result::ok).map(Into::into).collect()
}

/// Parses the part of a script's reply for a key that may have the wrong type.
fn typed<T: FromRedisValue>(reply: Value) -> Result<Result<T, WrongType>, StoreError> {
    if matches!(&reply, Value::BulkString(text) if text == display::OTHER_TYPE.as_bytes()) {
        return Ok(Err(WrongType));
    }
    let read = T::from_redis_value(reply);
    read.map(Ok)
        .map_err(|error| StoreError::Unexpected(error.to_string()))
}

fn stored_aggregate(reply: Value) -> Result<StoredAggregate, StoreError> {
    let fields: Result<[Option<Vec<u8>>; 8], _> = typed(reply)?;
    Ok(StoredAggregate(fields.map(|fields| {
        fields.map(|field| field.as_deref().map(lossy))
    })))
}

/// Parses a session. A session is valid only when its numbers are spelled as a record spells them: the
/// scripts may parse another spelling differently.
fn stored_session(reply: Value) -> Result<StoredSession, StoreError> {
    let fields: Result<[Option<Vec<u8>>; 5], _> = typed(reply)?;
    let Ok(fields) = fields else {
        return Ok(StoredSession::Unreadable(display::OTHER_TYPE.into()));
    };
    let fields = fields.map(|field| field.as_deref().map(lossy));
    Ok(match codec::session(fields.clone()) {
        Ok(None) => StoredSession::Absent,
        Ok(Some(session)) if canonical_fields(&session) == fields => StoredSession::Valid(session),
        _ => StoredSession::Unreadable(display::fields(
            codec::SESSION_FIELDS.into_iter().zip(fields),
        )),
    })
}

/// Fields of a session as a record stores them.
fn canonical_fields(session: &Session) -> [Option<String>; 5] {
    let [m, s, t] = codec::texts(&session.stats).into_array();
    let at = session.occurred_at;
    [m, s, t, at.millis.to_string(), at.local_day.to_string()].map(Some)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into()
}
