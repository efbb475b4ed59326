//! The body of a batch, as it arrives and as the document describes it.

use std::fmt;

use poem_openapi::Object;
use poem_openapi::types::Example;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use uuid::{Uuid, uuid};

use super::record::{NoObject, RecordFields, RecordSchema, id, object};
use super::validation::{Checked, Problem};
use crate::domain::Record;

/// Most records in a batch.
const MAX_RECORDS: usize = 1_000;
/// The field that has them, and names what is wrong with one of them as a whole.
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

/// Why the records of a batch cannot be read.
pub(crate) enum BatchError {
    /// The body is no JSON object, or a field is in it twice.
    NoObject,
    /// The field `sessions` is missing or wrong.
    Sessions(Problem),
}

impl From<NoObject> for BatchError {
    fn from(_: NoObject) -> Self {
        Self::NoObject
    }
}

/// The records of a batch, each valid or with its problems.
///
/// # Errors
///
/// The body is no JSON object, or `sessions` is no array of 1 to 1,000 elements.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Checked<Record>>, BatchError> {
    let RawBatch { sessions } = object(bytes)?;
    let sessions = sessions
        .map(RawValue::get)
        .filter(|raw| *raw != r#""""#)
        .ok_or(BatchError::Sessions(no_records(true)))?;
    let Elements(elements) =
        serde_json::from_str(sessions).map_err(|_| BatchError::Sessions(no_records(false)))?;
    if elements.is_empty() {
        return Err(BatchError::Sessions(no_records(true)));
    }
    Ok(elements.into_iter().map(element).collect())
}

/// The problem of a body whose `sessions` are `missing`, or else wrong.
pub(crate) fn no_records(missing: bool) -> Problem {
    wrong(missing, "an array of 1 to 1000 records")
}

/// The problem of a record that is right by itself, but whose sums would not be.
pub(crate) fn limit_exceeded() -> Problem {
    wrong(false, "such that no sum passes 9e15")
}

fn wrong(missing: bool, expected: &'static str) -> Problem {
    Problem {
        field: SESSIONS,
        missing,
        expected,
    }
}

fn element(raw: &RawValue) -> Checked<Record> {
    record(raw.get().as_bytes()).unwrap_or_else(|NoObject| {
        let expected = "made of JSON objects in which no field stands twice";
        Err(vec![wrong(false, expected)])
    })
}

/// The record of a JSON object, or all that is wrong with it.
pub(crate) fn record(bytes: &[u8]) -> Result<Checked<Record>, NoObject> {
    let ids: RawIds<'_> = object(bytes)?;
    let fields = RecordFields::parse(bytes)?;
    Ok(fields.record(id(ids.user_id), id(ids.course_id)))
}

#[derive(Deserialize)]
struct RawBatch<'a> {
    #[serde(borrow)]
    sessions: Option<&'a RawValue>,
}

/// What a record in a batch has beside the fields of [`RecordFields`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawIds<'a> {
    #[serde(borrow)]
    user_id: Option<&'a RawValue>,
    #[serde(borrow)]
    course_id: Option<&'a RawValue>,
}

/// The elements of an array that has no more than [`MAX_RECORDS`]. They are counted while they are
/// read, as a list of half a million numbers would take far more memory than its text.
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
