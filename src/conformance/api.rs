//! The service as a check sees it, and what checks record.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use hyper::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{Answer, Verdict};
use super::client::{Call, Client};

/// How often the erasure of a learner is tried.
const ATTEMPTS: usize = 3;

/// The service, and the learners that a check has made up.
pub(super) struct Api {
    client: Client,
    learners: Mutex<Vec<String>>,
}

impl Api {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            learners: Mutex::default(),
        }
    }

    /// A new learner, who is erased when the check is over.
    pub(super) fn learner(&self) -> String {
        let learner = new_id();
        let mut learners = self.learners.lock().unwrap_or_else(PoisonError::into_inner);
        learners.push(learner.clone());
        learner
    }

    /// Erases all learners, as far as the service does so.
    pub(super) async fn erase(&self) {
        for learner in self.take_learners() {
            for _ in 0..ATTEMPTS {
                let erased = self.erase_learner(&learner).await;
                if erased.is_ok_and(|answer| answer.status == 204) {
                    break;
                }
            }
        }
    }

    fn take_learners(&self) -> Vec<String> {
        let mut learners = self.learners.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *learners)
    }

    pub(super) async fn send(&self, call: Call) -> Verdict<Answer> {
        self.client.send(call).await
    }

    /// Records a session.
    pub(super) async fn record(
        &self,
        learner: &str,
        course: &str,
        body: &Value,
    ) -> Verdict<Answer> {
        self.send(recording(course).of(learner).json(body)).await
    }

    /// Records sessions that must all be stored.
    pub(super) async fn store(&self, learner: &str, course: &str, bodies: &[Value]) -> Verdict {
        for body in bodies {
            self.record(learner, course, body).await?.has(201)?;
        }
        Ok(())
    }

    pub(super) async fn get(&self, learner: &str, path: &str) -> Verdict<Answer> {
        self.send(Call::get(path).of(learner)).await
    }

    pub(super) async fn totals(&self, learner: &str, course: &str) -> Verdict<Answer> {
        self.get(learner, &format!("/courses/{course}")).await
    }

    pub(super) async fn session(
        &self,
        learner: &str,
        course: &str,
        session: &str,
    ) -> Verdict<Answer> {
        self.get(learner, &session_path(course, session)).await
    }

    /// The learner's sessions in a course; `query` is empty or begins with a question mark.
    pub(super) async fn sessions(
        &self,
        learner: &str,
        course: &str,
        query: &str,
    ) -> Verdict<Answer> {
        let path = format!("/courses/{course}/sessions{query}");
        self.get(learner, &path).await
    }

    pub(super) async fn summary(&self, course: &str) -> Verdict<Answer> {
        self.send(Call::get(format!("/courses/{course}/summary")))
            .await
    }

    pub(super) async fn forget_session(
        &self,
        learner: &str,
        course: &str,
        session: &str,
    ) -> Verdict<Answer> {
        let path = session_path(course, session);
        self.send(Call::delete(path).of(learner)).await
    }

    pub(super) async fn forget_course(&self, learner: &str, course: &str) -> Verdict<Answer> {
        let path = format!("/courses/{course}");
        self.send(Call::delete(path).of(learner)).await
    }

    pub(super) async fn erase_learner(&self, learner: &str) -> Verdict<Answer> {
        self.send(Call::delete("/courses").of(learner)).await
    }

    pub(super) async fn batch(&self, records: &[Value]) -> Verdict<Answer> {
        let body = json!({"sessions": records});
        self.send(Call::post("/sessions").json(&body)).await
    }
}

/// The beginning of a record.
pub(super) fn recording(course: &str) -> Call {
    Call::new(Method::POST, format!("/courses/{course}"))
}

pub(super) fn session_path(course: &str, session: &str) -> String {
    format!("/courses/{course}/sessions/{session}")
}

pub(super) fn new_id() -> String {
    Uuid::new_v4().to_string()
}

/// The body of a record, with a new session.
pub(super) fn stats(
    modules: impl Into<Value>,
    score: impl Into<Value>,
    time: impl Into<Value>,
) -> Value {
    with(totals(modules, score, time), "sessionId", new_id())
}

/// The same, as of a time.
pub(super) fn stats_at(occurred_at: &str, modules: u64, score: u64, time: u64) -> Value {
    with(stats(modules, score, time), "occurredAt", occurred_at)
}

/// The totals that are expected.
pub(super) fn totals(
    modules: impl Into<Value>,
    score: impl Into<Value>,
    time: impl Into<Value>,
) -> Value {
    json!({
        "totalModulesStudied": modules.into(),
        "averageScore": score.into(),
        "timeStudied": time.into(),
    })
}

/// A value with a member more, or another one.
pub(super) fn with(mut value: Value, member: &str, other: impl Into<Value>) -> Value {
    value[member] = other.into();
    value
}

/// A value without one of its members.
pub(super) fn without(mut value: Value, member: &str) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.remove(member);
    }
    value
}

/// The id of a record's session.
pub(super) fn id_of(body: &Value) -> &str {
    text_of(body, "sessionId")
}

/// A member that is a text.
pub(super) fn text_of<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

/// The time that many seconds from now, or before now, in RFC 3339.
pub(super) fn from_now(seconds: i64) -> String {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let now = SystemTime::now();
    let time = if seconds < 0 { now - by } else { now + by };
    humantime::format_rfc3339_seconds(time).to_string()
}

/// The calendar day in UTC that many days ago.
pub(super) fn days_ago(days: i64) -> String {
    from_now(-days * 86_400)[..10].to_owned()
}

/// A body in JSON with spaces after it, as long as that.
pub(super) fn padded(body: &Value, length: usize) -> Vec<u8> {
    let mut text = body.to_string().into_bytes();
    text.resize(length, b' ');
    text
}
