//! What the scripts of upkeep see, each at one moment.

use redis::{FromRedisValue, Value};

use super::aggregate::Stored;
use super::display;
use super::query::OtherType;
use crate::domain::{Enrolment, Session, SessionId};
use crate::store::StoreError;
use crate::store::redis::scripts::{AGGREGATES, PAGE, SNAPSHOT};
use crate::store::redis::{RedisStore, codec};

/// An entry of an index: what it is of, and its score, as they are.
pub(crate) type IndexEntry = (Vec<u8>, String);

/// What is stored of a course, and of some of its sessions.
pub(crate) struct Look {
    pub(crate) kept: Kept,
    pub(crate) sessions: Vec<Seen>,
}

/// What is kept beside the sessions of a course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) totals: Stored,
    /// How many entries the timeline has.
    pub(crate) entries: Result<usize, OtherType>,
    /// The course's score among the learner's courses.
    pub(crate) latest: Result<Option<String>, OtherType>,
}

/// A session, and its entry in the timeline.
pub(crate) struct Seen {
    pub(crate) id: SessionId,
    /// The entry's score.
    pub(crate) score: Option<String>,
    pub(crate) session: Hash,
}

/// What there is where a session should be.
pub(crate) enum Hash {
    Nothing,
    Session(Session),
    /// Something that no record has made, as it is shown.
    Unreadable(String),
}

impl RedisStore {
    /// Looks at a course and at these of its sessions.
    pub(crate) async fn look(
        &self,
        enrolment: Enrolment,
        ids: &[SessionId],
    ) -> Result<Look, StoreError> {
        let mut keys = vec![
            self.keys.totals(enrolment),
            self.keys.timeline(enrolment),
            self.keys.courses(enrolment.learner),
        ];
        keys.extend(ids.iter().map(|&id| self.keys.session(enrolment, id)));
        let mut arguments = vec![enrolment.course.as_bytes().to_vec()];
        arguments.extend(ids.iter().map(|id| id.as_bytes().to_vec()));
        let (totals, entries, latest, sessions): (Value, Value, Value, Vec<(Value, Value)>) =
            self.ask_script(&SNAPSHOT, &keys, &arguments).await?;
        let kept = Kept {
            totals: stored(totals)?,
            entries: typed(entries)?,
            latest: typed(latest)?.map(|score: Option<Vec<u8>>| score.as_deref().map(lossy)),
        };
        let sessions = ids.iter().zip(sessions).map(|(&id, (score, hash))| {
            // An entry cannot be in what is no timeline.
            let score: Option<Vec<u8>> = typed(score)?.unwrap_or_default();
            Ok(Seen {
                id,
                score: score.as_deref().map(lossy),
                session: session(hash)?,
            })
        });
        Ok(Look {
            kept,
            sessions: sessions.collect::<Result<_, StoreError>>()?,
        })
    }

    /// The fields of aggregates in one bucket.
    pub(crate) async fn aggregates(&self, keys: &[String]) -> Result<Vec<Stored>, StoreError> {
        let replies: Vec<Value> = self.ask_script(&AGGREGATES, keys, &[]).await?;
        replies.into_iter().map(stored).collect()
    }

    /// A page of an index, ascending: the last of those entries that come before one.
    pub(crate) async fn page(
        &self,
        index: &str,
        before: Option<&IndexEntry>,
    ) -> Result<Result<Vec<IndexEntry>, OtherType>, StoreError> {
        let (member, score) = before.cloned().unwrap_or_default();
        let arguments = [
            b"-inf".to_vec(),
            b"+inf".to_vec(),
            score.into_bytes(),
            member,
            self.bounds.page.to_string().into_bytes(),
        ];
        self.ask_typed(&PAGE, &[index.to_owned()], &arguments).await
    }
}

/// What a script gives of a key that may be of another type.
fn typed<T: FromRedisValue>(reply: Value) -> Result<Result<T, OtherType>, StoreError> {
    if matches!(&reply, Value::BulkString(text) if text == display::OTHER_TYPE.as_bytes()) {
        return Ok(Err(OtherType));
    }
    let read = T::from_redis_value(reply);
    read.map(Ok)
        .map_err(|error| StoreError::Unexpected(error.to_string()))
}

fn stored(reply: Value) -> Result<Stored, StoreError> {
    let fields: Result<[Option<Vec<u8>>; 8], _> = typed(reply)?;
    Ok(Stored(fields.map(|fields| {
        fields.map(|field| field.as_deref().map(lossy))
    })))
}

/// A session is readable where its numbers are spelled as a record spells them: the scripts may read
/// others differently.
fn session(reply: Value) -> Result<Hash, StoreError> {
    let fields: Result<[Option<Vec<u8>>; 5], _> = typed(reply)?;
    let Ok(fields) = fields else {
        return Ok(Hash::Unreadable(display::OTHER_TYPE.into()));
    };
    let fields = fields.map(|field| field.as_deref().map(lossy));
    Ok(match codec::session(fields.clone()) {
        Ok(None) => Hash::Nothing,
        Ok(Some(session)) if spelled(&session) == fields => Hash::Session(session),
        _ => Hash::Unreadable(display::fields(
            codec::SESSION_FIELDS.into_iter().zip(fields),
        )),
    })
}

fn spelled(session: &Session) -> [Option<String>; 5] {
    let [m, s, t] = codec::texts(&session.stats).into_array();
    let at = session.occurred_at;
    [m, s, t, at.millis.to_string(), at.local_day.to_string()].map(Some)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into()
}
