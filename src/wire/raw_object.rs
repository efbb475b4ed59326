//! A JSON object with fields as raw JSON: each field is validated for itself, as a response reports all
//! problems.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::json_place;
use super::validation::{Checked, Problem};

/// Maximum length of an unknown field's name in a response, in characters.
const MAX_NAME: usize = 64;
/// Maximum number of unknown fields in a response: a record has room for thousands.
const MAX_UNKNOWN: usize = 10;

/// Parse error: text without a JSON object, or with a known field twice.
pub(crate) struct InvalidObject(pub(super) serde_json::Error);

impl InvalidObject {
    /// Problem of the body, with the place of the error.
    pub(crate) fn problem(&self) -> Problem {
        json_place::problem(&self.0, None)
    }
}

/// Fields of a JSON object: the known fields, and the names of some others.
pub(super) struct RawObject<'a> {
    fields: Vec<(&'static str, &'a RawValue)>,
    /// At most [`MAX_UNKNOWN`] names: the object takes no more memory than its text.
    unknown: Vec<String>,
    known: &'static [&'static str],
}

impl<'a> RawObject<'a> {
    /// Parses a JSON object. A known field given twice is an error, as JSON parsers disagree on the value
    /// that counts.
    pub(super) fn parse(
        bytes: &'a [u8],
        known: &'static [&'static str],
    ) -> Result<Self, InvalidObject> {
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let object = json.deserialize_map(ObjectVisitor { known });
        let object = object.map_err(InvalidObject)?;
        json.end().map_err(InvalidObject)?;
        Ok(object)
    }

    /// Returns the value of a field; `None` for a missing field and for null.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let field = self.fields.iter().find(|(known, _)| *known == name);
        field
            .map(|(_, value)| *value)
            .filter(|value| value.get() != "null")
    }

    /// Returns whether a field is null.
    pub(super) fn is_null(&self, name: &str) -> bool {
        let mut fields = self.fields.iter();
        fields.any(|(known, value)| *known == name && value.get() == "null")
    }

    /// Returns whether a field that is not known is among the first such fields.
    pub(super) fn has_other(&self, name: &str) -> bool {
        self.unknown.iter().any(|unknown| unknown == name)
    }

    /// Checks that every field of the object is known.
    pub(super) fn without_others(&self) -> Checked<()> {
        if self.unknown.is_empty() {
            return Ok(());
        }
        let problems = self.unknown.iter().map(|name| Problem {
            field: name.clone().into(),
            missing: false,
            expected: format!("a known field: {}", self.known.join(", ")).into(),
        });
        Err(problems.collect())
    }
}

struct ObjectVisitor {
    known: &'static [&'static str],
}

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = RawObject<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawObject<'de>, A::Error> {
        /// Name of a field, borrowed where the JSON has no escapes.
        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

        let known = self.known;
        let (mut fields, mut unknown) = (Vec::with_capacity(known.len()), Vec::new());
        while let Some((Name(name), value)) = map.next_entry()? {
            match known.iter().find(|known| **known == name) {
                Some(&known) if fields.iter().any(|(other, _)| *other == known) => {
                    return Err(Error::duplicate_field(known));
                }
                Some(&known) => fields.push((known, value)),
                None if unknown.len() < MAX_UNKNOWN => {
                    unknown.push(name.chars().take(MAX_NAME).collect());
                }
                None => {}
            }
        }
        Ok(RawObject {
            fields,
            unknown,
            known,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 2] = ["a", "b"];

    fn parse(text: &str) -> Option<RawObject<'_>> {
        RawObject::parse(text.as_bytes(), &KNOWN).ok()
    }

    #[test]
    fn fields_are_found_by_name_and_null_is_missing() {
        let object = parse(r#" {"\u0061": [1, 2], "c": {}, "b": null, "c": 1} "#).unwrap();
        assert_eq!(object.get("a").map(RawValue::get), Some("[1, 2]"));
        assert!(object.get("b").is_none() && object.get("d").is_none());
        assert!(object.is_null("b") && !object.is_null("a") && !object.is_null("d"));
    }

    #[test]
    fn another_value_than_an_object_and_a_repeated_known_field_are_invalid() {
        for text in [
            "",
            "[]",
            "{",
            "1",
            "null",
            r#"{"a":1,"a":1}"#,
            r#"{"b":null,"b":1}"#,
            "{}{}",
            r#"{"a":1,}"#,
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn unknown_fields_are_problems_of_bounded_number_and_length() {
        let object = parse(r#"{"a":1,"B":1,"":2}"#).unwrap();
        let unknown = |object: RawObject<'_>| object.without_others().unwrap_err();
        let fields = unknown(object).into_iter().map(|problem| problem.field);
        assert_eq!(fields.collect::<Vec<_>>(), ["B", ""]);
        let long = format!(r#"{{"{}":1}}"#, "é".repeat(1_000));
        let problems = unknown(parse(&long).unwrap());
        assert_eq!(problems[0].field, "é".repeat(MAX_NAME));
        let many: Vec<_> = (0..1_000)
            .map(|number| format!(r#""{number}":1"#))
            .collect();
        let many = format!("{{{}}}", many.join(","));
        assert_eq!(unknown(parse(&many).unwrap()).len(), MAX_UNKNOWN);
        assert_eq!(parse(r#"{"a":1}"#).unwrap().without_others(), Ok(()));
    }
}
