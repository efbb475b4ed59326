//! The service as a check sees it, and what checks record.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use hyper::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{Answer, Verdict};
use super::client::{Call, Client};

/// How often the erasure of a learner is tried.
const ATTEMPTS: usize = 3;

/// A request that is sent when it is awaited. In a box, as a copy of it in every check would be most of
/// the binary.
pub(super) type Sent<'a> = BoxFuture<'a, Verdict<Answer>>;

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

    pub(super) fn send(&self, call: Call) -> Sent<'_> {
        Box::pin(self.client.send(call))
    }

    /// Records a session.
    pub(super) fn record(&self, learner: &str, course: &str, body: &Value) -> Sent<'_> {
        self.send(recording(course).of(learner).json(body))
    }

    /// Records sessions that must all be stored.
    pub(super) fn store<'a>(
        &'a self,
        learner: &'a str,
        course: &'a str,
        bodies: &'a [Value],
    ) -> BoxFuture<'a, Verdict> {
        Box::pin(async move {
            for body in bodies {
                self.record(learner, course, body).await?.has(201)?;
            }
            Ok(())
        })
    }

    pub(super) fn get(&self, learner: &str, path: &str) -> Sent<'_> {
        self.send(Call::get(path).of(learner))
    }

    pub(super) fn totals(&self, learner: &str, course: &str) -> Sent<'_> {
        self.get(learner, &format!("/courses/{course}"))
    }

    pub(super) fn session(&self, learner: &str, course: &str, session: &str) -> Sent<'_> {
        self.get(learner, &session_path(course, session))
    }

    /// The learner's sessions in a course; `query` is empty or begins with a question mark.
    pub(super) fn sessions(&self, learner: &str, course: &str, query: &str) -> Sent<'_> {
        self.get(learner, &format!("/courses/{course}/sessions{query}"))
    }

    pub(super) fn summary(&self, course: &str) -> Sent<'_> {
        self.send(Call::get(format!("/courses/{course}/summary")))
    }

    pub(super) fn forget_session(&self, learner: &str, course: &str, session: &str) -> Sent<'_> {
        self.send(Call::delete(session_path(course, session)).of(learner))
    }

    pub(super) fn forget_course(&self, learner: &str, course: &str) -> Sent<'_> {
        self.send(Call::delete(format!("/courses/{course}")).of(learner))
    }

    pub(super) fn erase_learner(&self, learner: &str) -> Sent<'_> {
        self.send(Call::delete("/courses").of(learner))
    }

    pub(super) fn batch(&self, records: &[Value]) -> Sent<'_> {
        let body = json!({"sessions": records});
        self.send(Call::post("/sessions").json(&body))
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
