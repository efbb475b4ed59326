//! Place of an error in JSON: line, column and, in a batch, the number of the record.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::validation::Problem;

/// Field of the problem of a body as a whole.
const BODY: &str = "body";

/// Returns the problem of a body that is no JSON object, or has a field twice. `record` is the number of the
/// record of the error in a batch, from 1. Without the text of the error, which may repeat the body.
pub(super) fn problem(error: &serde_json::Error, record: Option<usize>) -> Problem {
    let (line, column) = (error.line(), error.column());
    let record = record.map_or(String::new(), |number| format!(", in record {number}"));
    let expected = format!(
        "a JSON object in which no field stands twice; it cannot be read at line {line}, column {column}{record}"
    );
    Problem {
        field: BODY.into(),
        missing: false,
        expected: expected.into(),
    }
}

/// Returns the number of the record, from 1, in which JSON cannot be read; `None` for an error outside of the
/// array `field`.
pub(super) fn record_of_error(bytes: &[u8], field: &'static str) -> Option<usize> {
    let records = Records {
        field,
        number: Cell::new(None),
    };
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = json.deserialize_map(&records);
    records.number.get().filter(|_| read.is_err())
}

/// Reader of an object that counts the elements of an array.
struct Records {
    field: &'static str,
    /// Number of the element that is read; `None` outside of the array.
    number: Cell<Option<usize>>,
}

impl<'de> Visitor<'de> for &Records {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object with an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if name == self.field {
                map.next_value_seed(self)?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        for number in 1.. {
            self.number.set(Some(number));
            if array.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
        }
        self.number.set(None);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for &Records {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_seq(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_the_number_of_its_record() {
        for (body, record) in [
            (r#"{"sessions":[{},{"x":NaN},{}]}"#, Some(2)),
            (r#"{"x":[1,2],"sessions":[{}"#, Some(2)),
            (r#"{"sessions":[{}],"x":NaN}"#, None),
            (r#"{"sessions":[{}]}"#, None),
            ("NaN", None),
        ] {
            assert_eq!(
                record_of_error(body.as_bytes(), "sessions"),
                record,
                "{body}"
            );
        }
    }

    #[test]
    fn a_problem_has_line_and_column() {
        let error = serde_json::from_str::<IgnoredAny>("{\n  \"x\": NaN}").unwrap_err();
        let advice = problem(&error, Some(7)).advice();
        assert!(
            advice.ends_with("at line 2, column 8, in record 7."),
            "{advice}"
        );
    }
}
