//! Reads of the ledger: one script call each, so a page is of one moment.

use redis::{FromRedisValue, ParsingError, Value};

use crate::domain::{CourseId, Enrolment, LearnerId, SessionId};
use crate::store::maintenance::display::OTHER_TYPE;
use crate::store::maintenance::ledger::{
    CoursesPage, EnrolmentPage, EnrolmentState, EntryPosition, InvalidEntry, Location, OtherType,
    SessionSnapshot, StoredAggregate, StoredSession, SummaryPage,
};
use crate::store::redis::scripts::{ENROLMENT, PAGE, SUMMARY};
use crate::store::redis::{RedisStore, codec, reads, roster};
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
/// Id of a session, the score in the session index, and the fields.
type SessionReply = (Vec<u8>, Option<String>, Value);
/// Reply of the enrolment script.
type EnrolmentReply = (Typed, Typed, Typed, Typed, usize, Vec<SessionReply>);
/// Reply of the summary script.
type SummaryReply = (Typed, Vec<(Vec<u8>, Typed)>);

/// Reads a page of an enrolment.
pub(super) async fn enrolment(
    store: &RedisStore,
    enrolment: Enrolment,
    after: Option<&EntryPosition>,
    unindexed: &[SessionId],
) -> Result<EnrolmentPage, StoreError> {
    let page = store.bounds.page;
    let reply = enrolment_reply(store, enrolment, after, unindexed).await?;
    let (totals, index, latest, roster, count, found) = reply;
    let state = EnrolmentState {
        totals: StoredAggregate(totals.0),
        session_index: index.0.map(|_| ()),
        course_entries: latest.text().map(|latest| latest.into_iter().collect()),
        // A learner with another score is not where requests read the roster.
        is_in_roster: roster.text().map(|score| score.as_deref() == Some("0")),
    };
    let (mut sessions, mut invalid, mut next) = (Vec::with_capacity(found.len()), Vec::new(), None);
    for (number, (member, score, fields)) in found.into_iter().enumerate() {
        if number == 0 && count == page {
            let score = score.clone().unwrap_or_default();
            let member = member.clone();
            next = Some(EntryPosition { member, score });
        }
        match codec::id(&member) {
            // A session indexed meanwhile is on a page.
            Ok(_) if number >= count && score.is_some() => {}
            Ok(id) => sessions.push(SessionSnapshot {
                id: id.into(),
                entry: score,
                session: session(fields),
                counts: true,
            }),
            Err(_) => invalid.push(InvalidEntry {
                index: Location::SessionIndex(enrolment),
                member,
                score: score.unwrap_or_default(),
            }),
        }
    }
    Ok(EnrolmentPage {
        state,
        sessions,
        invalid,
        next,
    })
}

/// Calls the enrolment script.
async fn enrolment_reply(
    store: &RedisStore,
    enrolment: Enrolment,
    after: Option<&EntryPosition>,
    unindexed: &[SessionId],
) -> Result<EnrolmentReply, StoreError> {
    let Enrolment { learner, course } = enrolment;
    let keys = [
        store.keys.totals(enrolment),
        store.keys.timeline(enrolment),
        store.keys.courses(learner),
        store.keys.roster_in(bucket::of(learner), course),
    ];
    let (score, member) = position(after);
    let mut arguments = vec![
        course.as_bytes().to_vec(),
        learner.as_bytes().to_vec(),
        store.keys.session_prefix(enrolment).into_bytes(),
        score,
        member,
        store.bounds.page.to_string().into_bytes(),
    ];
    arguments.extend(unindexed.iter().map(|id| id.as_bytes().to_vec()));
    store
        .query_script_retried(&ENROLMENT, &keys, &arguments)
        .await
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
    let keys = [
        store.keys.summary_in(bucket, course),
        store.keys.roster_in(bucket, course),
    ];
    let (totals, course) = store.keys.totals_prefix(bucket, course);
    let page_text = page.to_string().into_bytes();
    let arguments = [
        roster::start(after),
        page_text,
        totals.into_bytes(),
        course.into_bytes(),
    ];
    let reply = store.query_script_retried(&SUMMARY, &keys, &arguments);
    let (summary, members): SummaryReply = reply.await?;
    let (is_last, mut next) = (members.len() < page, None);
    let mut learners = Vec::with_capacity(members.len());
    for (member, totals) in members {
        let Ok(id) = codec::id(&member).map(LearnerId::from) else {
            continue;
        };
        next = Some(id);
        // A member of another bucket is a difference of its own.
        if bucket::of(id) == bucket {
            learners.push((id, StoredAggregate(totals.0)));
        }
    }
    Ok(SummaryPage {
        summary: StoredAggregate(summary.0),
        learners,
        next: next.filter(|_| !is_last),
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
    let replies = store
        .query_typed_retried::<Option<Vec<u8>>>(command)
        .await?;
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
