//! JSON of a batch: validation, and schema in the document.

use std::fmt;

use poem_openapi::Object;
use poem_openapi::types::Example;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use uuid::{Uuid, uuid};

use super::json_place;
use super::raw_object::{InvalidObject, RawObject};
use super::record::{self, RecordFields, RecordSchema, id, is_empty};
use super::validation::{ApiId, Checked, Problem, both};
use crate::domain::{CourseId, Limit, Record, SessionId};

/// Maximum number of records of a batch.
const MAX_RECORDS: usize = 1_000;
/// Field with the records. Also the field of a problem of a record as a whole.
const SESSIONS: &str = "sessions";

/// Study sessions as they are recorded.
#[derive(Object)]
#[oai(rename = "Batch", example)]
pub(crate) struct BatchSchema {
    /// The records, in the order in which they are stored.
    #[oai(validator(min_items = 1, max_items = 1000))]
    sessions: Vec<BatchRecordSchema>,
}

/// A study session of any learner in any course.
#[derive(Object)]
#[oai(rename = "BatchRecord", rename_all = "camelCase")]
struct BatchRecordSchema {
    /// Names the learner.
    user_id: Uuid,
    /// Names the course.
    course_id: Uuid,
    #[oai(flatten)]
    record: RecordSchema,
}

impl Example for BatchSchema {
    fn example() -> Self {
        let record = BatchRecordSchema {
            user_id: uuid!("0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e01"),
            course_id: uuid!("5f2b8a52-6d0e-4c8e-9a57-3c1d2e4f5a6b"),
            record: RecordSchema::example(),
        };
        Self {
            sessions: vec![record],
        }
    }
}

/// Validation error of a batch as a whole.
pub(crate) enum BatchError {
    /// The body is no JSON object, or has a field twice; the problem has the place.
    InvalidObject(Problem),
    /// The field `sessions` is missing or wrong.
    Sessions(Problem),
}

/// Parses a batch: records, each valid or with the problems.
///
/// The JSON is scanned twice: once for the elements of the array, and once per element for the fields.
///
/// # Errors
///
/// The body is no JSON object, or `sessions` is no array of 1 to 1,000 elements.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Checked<Record>>, BatchError> {
    match serde_json::from_slice(bytes) {
        Ok(RawBatch {
            sessions: Some(Elements(elements)),
        }) if is_object(bytes) && !elements.is_empty() => {
            Ok(elements.into_iter().map(element).collect())
        }
        _ => Err(error(bytes)),
    }
}

/// Returns whether a text can only be a JSON object. serde would accept an array as a struct.
fn is_object(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().first() == Some(&b'{')
}

/// Error of a body other than a [`RawBatch`]: a wrong field `sessions`, or else an invalid body.
fn error(bytes: &[u8]) -> BatchError {
    let object = match RawObject::parse(bytes, &[SESSIONS]) {
        Ok(object) => object,
        Err(InvalidObject(error)) => {
            let record = json_place::record_of_error(bytes, SESSIONS);
            return BatchError::InvalidObject(json_place::problem(&error, record));
        }
    };
    let is_empty_array = |raw: &RawValue| serde_json::from_str::<[(); 0]>(raw.get()).is_ok();
    let sessions = object.get(SESSIONS);
    let is_missing = sessions.is_none_or(|raw| is_empty(raw) || is_empty_array(raw));
    BatchError::Sessions(no_records(is_missing))
}

/// Problem of a body with the field `sessions` missing or wrong.
pub(crate) fn no_records(missing: bool) -> Problem {
    wrong(missing, "an array of 1 to 1000 records")
}

/// Problem of a valid record that would pass a limit.
pub(crate) fn limit_exceeded(limit: Limit) -> Problem {
    let (field, expected) = match limit {
        Limit::Sum => {
            let expected = "such that no sum of a learner's sessions in a course passes 9e15";
            (SESSIONS, expected.into())
        }
        Limit::Sessions(maximum) => {
            let room = format!("a learner has at most {maximum} sessions in a course");
            (
                SessionId::FIELD,
                format!("that of a stored session, as {room}"),
            )
        }
        Limit::Courses(maximum) => {
            let room = format!("a learner has at most {maximum}");
            (
                CourseId::FIELD,
                format!("one of the learner's courses, as {room}"),
            )
        }
    };
    Problem {
        field: field.into(),
        missing: false,
        expected: expected.into(),
    }
}

fn wrong(missing: bool, expected: &'static str) -> Problem {
    Problem {
        field: SESSIONS.into(),
        missing,
        expected: expected.into(),
    }
}

/// Record of an element of the array, or the problems.
fn element(raw: &RawValue) -> Checked<Record> {
    match RawObject::parse(raw.get().as_bytes(), &FIELDS) {
        Ok(object) => checked(&object),
        Err(InvalidObject(_)) => {
            let expected = "made of JSON objects in which no field stands twice";
            Err(vec![wrong(false, expected)])
        }
    }
}

/// Fields of a record of a batch in JSON.
pub(super) const FIELDS: [&str; 8] = {
    let [session, modules, score, time, occurred_at, updated_at] = record::FIELDS;
    [
        "userId",
        "courseId",
        session,
        modules,
        score,
        time,
        occurred_at,
        updated_at,
    ]
};

/// Validates the ids and the fields of a record. Unknown fields are problems: a misspelt `occurredAt` must not
/// become now.
pub(super) fn checked(object: &RawObject<'_>) -> Checked<Record> {
    let record = RecordFields::validate(object).record(id(object), id(object));
    both(record, object.without_others()).map(|(record, ())| record)
}

/// Batch with elements as raw JSON.
#[derive(Deserialize)]
struct RawBatch<'a> {
    #[serde(borrow)]
    sessions: Option<Elements<'a>>,
}

/// Elements of an array of at most [`MAX_RECORDS`]. Counted while parsing, as a list of half a million
/// numbers would take far more memory than the text.
struct Elements<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Elements<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ElementsVisitor)
    }
}

struct ElementsVisitor;

impl<'de> Visitor<'de> for ElementsVisitor {
    type Value = Elements<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of up to {MAX_RECORDS} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Elements<'de>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = array.next_element()? {
            if elements.len() == MAX_RECORDS {
                return Err(serde::de::Error::invalid_length(MAX_RECORDS + 1, &self));
            }
            elements.push(element);
        }
        Ok(Elements(elements))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Message of the error of a batch, or the number of elements.
    fn outcome(body: &[u8]) -> Result<usize, String> {
        parse(body)
            .map(|records| records.len())
            .map_err(|error| match error {
                BatchError::InvalidObject(_) => "invalid JSON".to_owned(),
                BatchError::Sessions(problem) => problem.summary(),
            })
    }

    #[test]
    fn an_invalid_object_is_reported_before_wrong_sessions() {
        let many = format!("[{}0]", "0,".repeat(MAX_RECORDS));
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        let missing = || Err("sessions required".to_owned());
        let wrong = || Err("invalid sessions".to_owned());
        for (sessions, expected) in [
            ("[0,{}]", Ok(2)),
            (&*format!("[{deep},{{\"x\":{deep}}}]"), Ok(2)),
            (&*many.replacen("0,", "", 1), Ok(MAX_RECORDS)),
            ("[]", missing()),
            ("null", missing()),
            (r#""""#, missing()),
            (&*many, wrong()),
            (&*deep, Ok(1)),
            ("{}", wrong()),
            ("1e999", wrong()),
            (r#""\ud800""#, wrong()),
        ] {
            let body = format!(r#" {{"x":{deep},"sessions":{sessions}}}"#);
            assert_eq!(outcome(body.as_bytes()), expected, "{sessions}");
            for invalid in [
                format!("[{body}]"),
                format!(r#"{{"sessions":{sessions},"sessions":[]}}"#),
                format!(r#"{{"sessions":{sessions},}}"#),
                format!(r#"{{"sessions":{sessions}}}}}"#),
            ] {
                let expected = Err("invalid JSON".to_owned());
                assert_eq!(outcome(invalid.as_bytes()), expected, "{sessions}");
            }
        }
        assert_eq!(outcome(b"{}"), missing());
        let latin_1 = b"{\"sessions\":[{\"x\":\"\xe9\"}]}";
        assert_eq!(outcome(latin_1), Err("invalid JSON".to_owned()));
    }
}
