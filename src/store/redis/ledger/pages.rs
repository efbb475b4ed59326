//! Reads of the ledger. A page of entries and the values of the entries need two calls, as a call gets all its
//! keys from the caller: equal states in both replies show that no write came in between.

use redis::{FromRedisValue, ParsingError, Value};

use crate::domain::{CourseId, Enrolment, LearnerId, SessionId};
use crate::store::maintenance::display::OTHER_TYPE;
use crate::store::maintenance::ledger::{
    CoursesPage, EnrolmentPage, EnrolmentState, EntryPosition, InvalidEntry, Location, OtherType,
    SessionSnapshot, StoredAggregate, StoredSession, SummaryPage,
};
use crate::store::redis::scripts::{ENROLMENT, PAGE, SUMMARY};
use crate::store::redis::{RedisStore, codec, reads};
use crate::store::{StoreError, bucket};

/// Text, or the type of the key is another.
struct Typed(Result<Option<Vec<u8>>, OtherType>);

impl FromRedisValue for Typed {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let bytes = Option::<Vec<u8>>::from_redis_value(value)?;
        let is_other = bytes.as_deref() == Some(OTHER_TYPE.as_bytes());
        Ok(Self(if is_other { Err(OtherType) } else { Ok(bytes) }))
    }
}

impl Typed {
    fn text(self) -> Result<Option<String>, OtherType> {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(self.0?.map(text))
    }
}

/// Members and scores in turns.
type Entries = Vec<(Vec<u8>, String)>;
/// Score of a session in the session index, and the fields of the session.
type SessionReply = (Typed, Value);
/// Reply of the enrolment script.
type EnrolmentReply = (Typed, Typed, Typed, Typed, Entries, Vec<SessionReply>);
/// Reply of the summary script.
type SummaryReply = (Typed, Vec<Vec<u8>>, Vec<(Typed, Typed)>);

/// Reads a page of an enrolment.
pub(super) async fn enrolment(
    store: &RedisStore,
    enrolment: Enrolment,
    after: Option<&EntryPosition>,
    unindexed: &[SessionId],
) -> Result<EnrolmentPage, StoreError> {
    let page = store.bounds.page;
    let (before, mut entries, _) = call(store, enrolment, after, page, &[]).await?;
    let next = entries.first().filter(|_| entries.len() == page);
    let next = next.map(|(member, score)| EntryPosition {
        member: member.clone(),
        score: score.clone(),
    });
    let invalid = entries.extract_if(.., |(member, _)| codec::id(member).is_err());
    let invalid = invalid.map(|(member, score)| InvalidEntry {
        index: Location::SessionIndex(enrolment),
        member,
        score,
    });
    let invalid = invalid.collect();
    let mut ids = Vec::with_capacity(entries.len() + unindexed.len());
    for (member, _) in &entries {
        ids.push(codec::id(member)?.into());
    }
    ids.extend(unindexed);
    let (state, _, values) = call(store, enrolment, None, 0, &ids).await?;
    let mut is_settled = before == state;
    let mut sessions = Vec::with_capacity(ids.len());
    for (number, (id, (entry, fields))) in ids.into_iter().zip(values).enumerate() {
        let entry = entry.text().unwrap_or_default();
        if number < entries.len() {
            is_settled &= entry.is_some();
        } else if entry.is_some() {
            // A write has indexed the session meanwhile: the session is on a page.
            continue;
        }
        let session = session(fields);
        let counts = true;
        sessions.push(SessionSnapshot {
            id,
            entry,
            session,
            counts,
        });
    }
    Ok(EnrolmentPage {
        state,
        is_settled,
        sessions,
        invalid,
        next,
    })
}

/// Calls the enrolment script.
async fn call(
    store: &RedisStore,
    enrolment: Enrolment,
    after: Option<&EntryPosition>,
    page: usize,
    sessions: &[SessionId],
) -> Result<(EnrolmentState, Entries, Vec<SessionReply>), StoreError> {
    let Enrolment { learner, course } = enrolment;
    let mut keys = vec![
        store.keys.totals(enrolment),
        store.keys.timeline(enrolment),
        store.keys.courses(learner),
        store.keys.roster_in(bucket::of(learner), course),
    ];
    keys.extend(sessions.iter().map(|&id| store.keys.session(enrolment, id)));
    let (score, member) = position(after);
    let mut arguments = vec![
        course.as_bytes().to_vec(),
        learner.as_bytes().to_vec(),
        score,
        member,
        page.to_string().into_bytes(),
    ];
    arguments.extend(sessions.iter().map(|id| id.as_bytes().to_vec()));
    let reply = store.query_script_retried(&ENROLMENT, &keys, &arguments);
    let (totals, members, latest, roster, entries, values): EnrolmentReply = reply.await?;
    let state = EnrolmentState {
        totals: StoredAggregate(totals.0),
        session_index: members.0.map(|_| ()),
        course_entries: latest.text().map(|latest| latest.into_iter().collect()),
        // A learner with another score is not where requests read the roster.
        is_in_roster: roster.text().map(|score| score.as_deref() == Some("0")),
    };
    Ok((state, entries, values))
}

/// Parses the fields of a session.
fn session(fields: Value) -> StoredSession {
    let Ok(fields) = <[Option<Vec<u8>>; 6]>::from_redis_value(fields) else {
        return StoredSession::Unreadable(OTHER_TYPE.into());
    };
    let fields = fields.map(|field| field.map(|bytes| bytes.escape_ascii().to_string()));
    match codec::session(fields.clone()) {
        Ok(None) => StoredSession::Absent,
        Ok(Some(session)) if codec::fields(&session) == fields => StoredSession::Valid(session),
        // Lua reads no other spelling of a number.
        Ok(Some(_)) | Err(_) => {
            let fields = codec::SESSION_FIELDS.iter().zip(fields);
            let fields = fields.filter_map(|(name, text)| Some(format!("{name}={}", text?)));
            StoredSession::Unreadable(fields.collect::<Vec<_>>().join(" "))
        }
    }
}

/// Reads a summary, and the totals of a page of its roster.
pub(super) async fn summary(
    store: &RedisStore,
    bucket: u16,
    course: CourseId,
    after: Option<LearnerId>,
) -> Result<SummaryPage, StoreError> {
    let page = store.bounds.page;
    let mut keys = vec![
        store.keys.summary_in(bucket, course),
        store.keys.roster_in(bucket, course),
    ];
    let start = match after {
        Some(after) => [b"(".as_slice(), after.as_bytes()].concat(),
        None => b"-".to_vec(),
    };
    let mut arguments = vec![start, page.to_string().into_bytes()];
    let reply = store.query_script_retried(&SUMMARY, &keys, &arguments);
    let (before, members, _): SummaryReply = reply.await?;
    let ids = members.iter().filter_map(|member| codec::id(member).ok());
    let ids: Vec<LearnerId> = ids.map(LearnerId::from).collect();
    let next = ids.last().filter(|_| members.len() == page).copied();
    // A member of another bucket is a difference of its own.
    let ids = ids.into_iter().filter(|id| bucket::of(*id) == bucket);
    let ids: Vec<LearnerId> = ids.collect();
    let totals = ids.iter().map(|&id| Enrolment::new(id, course));
    keys.extend(totals.map(|enrolment| store.keys.totals(enrolment)));
    arguments[1] = b"0".to_vec();
    arguments.extend(ids.iter().map(|id| id.as_bytes().to_vec()));
    let reply = store.query_script_retried(&SUMMARY, &keys, &arguments);
    let (summary, _, values): SummaryReply = reply.await?;
    let mut is_settled = before.0 == summary.0;
    let mut learners = Vec::with_capacity(ids.len());
    for (id, (score, totals)) in ids.into_iter().zip(values) {
        is_settled &= score.0.is_ok_and(|score| score.is_some());
        learners.push((id, StoredAggregate(totals.0)));
    }
    Ok(SummaryPage {
        summary: StoredAggregate(summary.0),
        is_settled,
        learners,
        next,
    })
}

/// Reads a page of a learner's courses, latest first.
pub(super) async fn courses(
    store: &RedisStore,
    learner: LearnerId,
    after: Option<&EntryPosition>,
) -> Result<CoursesPage, StoreError> {
    let page = store.bounds.page;
    let (score, member) = position(after);
    let (low, high) = (b"-inf".to_vec(), b"+inf".to_vec());
    let arguments = [low, high, score, member, page.to_string().into_bytes()];
    let keys = [store.keys.courses(learner)];
    let reply = store.query_typed_script_retried::<Entries>(&PAGE, &keys, &arguments);
    let entries = reply.await?.unwrap_or_default();
    let next = entries.first().filter(|_| entries.len() == page);
    let next = next.map(|(member, score)| EntryPosition {
        member: member.clone(),
        score: score.clone(),
    });
    let (mut courses, mut invalid) = (Vec::new(), Vec::new());
    for (member, score) in entries.into_iter().rev() {
        match codec::id(&member) {
            Ok(id) => courses.push((id.into(), score)),
            Err(_) => invalid.push(InvalidEntry {
                index: Location::CourseIndex(learner),
                member,
                score,
            }),
        }
    }
    Ok(CoursesPage {
        courses,
        invalid,
        next,
    })
}

/// Reads the time of a learner's erasure.
pub(super) async fn erasure(
    store: &RedisStore,
    learner: LearnerId,
) -> Result<Option<String>, StoreError> {
    let key = store.keys.erased(learner);
    let command = vec![(bucket::of(learner), reads::text(&key))];
    let replies = store.query_typed_retried::<Option<Vec<u8>>>(command).await?;
    let text = |bytes: Vec<u8>| bytes.escape_ascii().to_string();
    Ok(match replies.into_iter().next() {
        Some(Ok(bytes)) => bytes.map(text),
        Some(Err(_)) => Some(OTHER_TYPE.into()),
        None => None,
    })
}

/// Score and member of a position, as the scripts take them.
fn position(after: Option<&EntryPosition>) -> (Vec<u8>, Vec<u8>) {
    let after = after.map(|after| (after.score.clone().into_bytes(), after.member.clone()));
    after.unwrap_or_default()
}
