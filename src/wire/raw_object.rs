//! A JSON object with fields as raw JSON: each field is validated for itself, as a response reports all
//! problems.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::validation::Problem;

/// Maximum length of an unknown field's name in a response, in characters.
const MAX_NAME: usize = 64;
/// Maximum number of unknown fields in a response: a record has room for thousands.
const MAX_UNKNOWN: usize = 10;

/// Parse error: text without a JSON object, or with a known field twice.
pub(crate) struct InvalidObject;

/// Fields of a JSON object, in their order.
pub(super) struct RawObject<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> RawObject<'a> {
    /// Parses a JSON object. A known field given twice is an error, as JSON parsers disagree on the value
    /// that counts.
    pub(super) fn parse(bytes: &'a [u8], known: &[&str]) -> Result<Self, InvalidObject> {
        let object: Self = serde_json::from_slice(bytes).map_err(|_| InvalidObject)?;
        let is_repeated = |name: &&str| object.0.iter().filter(|(key, _)| key == name).count() > 1;
        if known.iter().any(is_repeated) {
            return Err(InvalidObject);
        }
        Ok(object)
    }

    /// Returns the value of a field; `None` for a missing field and for null.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let field = self.0.iter().find(|(key, _)| key == name);
        field
            .map(|(_, value)| *value)
            .filter(|value| value.get() != "null")
    }

    /// Returns the problems of the fields that are not known.
    pub(super) fn unknown(&self, known: &[&str]) -> Vec<Problem> {
        let names = self.0.iter().map(|(name, _)| name);
        let unknown = names.filter(|name| !known.contains(&&***name));
        let problems = unknown.take(MAX_UNKNOWN).map(|name| Problem {
            field: name.chars().take(MAX_NAME).collect::<String>().into(),
            missing: false,
            expected: format!("a known field: {}", known.join(", ")).into(),
        });
        problems.collect()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for RawObject<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = RawObject<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawObject<'de>, A::Error> {
        /// Name of a field, borrowed where the JSON has no escapes.
        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

        let mut fields = Vec::with_capacity(8);
        while let Some((Name(name), value)) = map.next_entry()? {
            fields.push((name, value));
        }
        Ok(RawObject(fields))
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
        let fields = object
            .unknown(&KNOWN)
            .into_iter()
            .map(|problem| problem.field);
        assert_eq!(fields.collect::<Vec<_>>(), ["B", ""]);
        let long = format!(r#"{{"{}":1}}"#, "é".repeat(1_000));
        let problems = parse(&long).unwrap().unknown(&KNOWN);
        assert_eq!(problems[0].field, "é".repeat(MAX_NAME));
        let many: Vec<_> = (0..1_000)
            .map(|number| format!(r#""{number}":1"#))
            .collect();
        let many = format!("{{{}}}", many.join(","));
        assert_eq!(parse(&many).unwrap().unknown(&KNOWN).len(), MAX_UNKNOWN);
    }
}
