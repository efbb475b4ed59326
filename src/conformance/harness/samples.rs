//! Sample ids, times, records, and the JSON that reads return for them.

use std::time::{Duration, SystemTime};

use hyper::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::request::Request;

/// A POST of a session in a course, without learner and body.
pub(crate) fn recording(course: &str) -> Request {
    Request::new(Method::POST, format!("/courses/{course}"))
}

pub(crate) fn session_path(course: &str, session: &str) -> String {
    format!("/courses/{course}/sessions/{session}")
}

pub(crate) fn new_id() -> String {
    Uuid::new_v4().to_string()
}

/// The body of a record, with a new session.
pub(crate) fn sample(
    modules: impl Into<Value>,
    score: impl Into<Value>,
    time: impl Into<Value>,
) -> Value {
    with(totals(modules, score, time), "sessionId", new_id())
}

/// The body of a record with a new session and `occurredAt`.
pub(crate) fn sample_at(
    occurred_at: &str,
    modules: impl Into<Value>,
    score: impl Into<Value>,
    time: impl Into<Value>,
) -> Value {
    with(sample(modules, score, time), "occurredAt", occurred_at)
}

/// Expected totals.
pub(crate) fn totals(
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

/// A record of a batch.
pub(crate) fn record_of(learner: &str, course: &str, body: Value) -> Value {
    with(with(body, "userId", learner), "courseId", course)
}

/// Records with the smallest score and the largest time that are valid.
pub(crate) fn limits_reached(learner: &str, course: &str, count: usize) -> Vec<Value> {
    const LARGEST: i64 = 1_000_000_000_000;
    let records = (0..count).map(|_| record_of(learner, course, sample(0, -LARGEST, LARGEST)));
    records.collect()
}

/// A JSON object with a member added or replaced.
pub(crate) fn with(mut value: Value, member: &str, other: impl Into<Value>) -> Value {
    value[member] = other.into();
    value
}

/// A JSON object without a member.
pub(crate) fn without(mut value: Value, member: &str) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.remove(member);
    }
    value
}

/// The session id of a record.
pub(crate) fn id_of(body: &Value) -> &str {
    text_of(body, "sessionId")
}

/// A member that is a string; empty where the member is none.
pub(crate) fn text_of<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

/// A member of each item of a list; empty if the response has no such list.
pub(crate) fn members(page: &Value, list: &str, member: &str) -> Vec<Value> {
    let items = page[list].as_array().into_iter().flatten();
    items.map(|item| item[member].clone()).collect()
}

/// The time 10:00 on 1 May 2024 in UTC plus some minutes.
pub(crate) fn minute(minute: u64) -> String {
    format!("2024-05-01T10:{minute:02}:00Z")
}

/// Bodies of records, a minute apart; the three numbers of each are its index.
pub(crate) fn minutes(count: u64) -> Vec<Value> {
    let bodies = (0..count).map(|number| sample_at(&minute(number), number, number, number));
    bodies.collect()
}

/// A course as `GET /courses` lists it.
pub(crate) fn course_listed(course: &str, sessions: u64, totals: Value, last: &str) -> Value {
    let listed = with(with(totals, "courseId", course), "sessions", sessions);
    with(listed, "lastOccurredAt", last)
}

/// The time some seconds after another, or before, in RFC 3339.
pub(crate) fn seconds_after(time: SystemTime, seconds: i64) -> String {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 { time - by } else { time + by };
    humantime::format_rfc3339_seconds(time).to_string()
}

/// The time some seconds after now, or before now, in RFC 3339.
pub(crate) fn from_now(seconds: i64) -> String {
    seconds_after(SystemTime::now(), seconds)
}

/// The calendar day in UTC some days ago.
pub(crate) fn days_ago(days: i64) -> String {
    from_now(-days * 86_400)[..10].to_owned()
}

/// JSON with spaces after it, to a length in bytes.
pub(crate) fn padded(body: &Value, length: usize) -> Vec<u8> {
    let mut text = body.to_string().into_bytes();
    text.resize(length, b' ');
    text
}
