//! Last steps of the OpenAPI document, on the JSON of poem-openapi.
//!
//! Each step serves generators of clients, which have been seen to fail or to mistype without it, or makes the
//! document smaller and easier to read.

use serde_json::{Number, Value};

use super::json::{Json, Object};
use crate::api::respond::error_docs;

/// Order of the groups of operations.
const TAGS: [&str; 4] = ["Sessions", "Courses", "Learner", "Health"];
/// Schemas that allow no other fields; poem-openapi has no attribute for them.
const CLOSED: [&str; 1] = ["BatchRecord"];
/// Names of headers as they are written; poem-openapi has capitals.
const HEADERS: [&str; 1] = ["X-Request-Id"];
/// Members that say nothing: defaults, and `readOnly` in schemas that no request has, which makes generators leave
/// the fields out.
const USELESS: [(&str, bool); 4] = [
    ("deprecated", false),
    ("explode", true),
    ("readOnly", true),
    ("required", false),
];

/// Finishes the document `spec`, in JSON. `server` is the URL of the service.
///
/// # Errors
///
/// `spec` is no JSON.
pub(super) fn finish(spec: &str, server: &str) -> serde_json::Result<Json> {
    let mut document: Json = serde_json::from_str(spec)?;
    document.for_each_object(&simplify);
    order_tags(&mut document);
    close_schemas(&mut document);
    exemplify(&mut document);
    share(&mut document);
    if let Json::Object(members) = &mut document {
        let server = Json::object("url", server);
        members.insert("servers".into(), Json::Array(vec![server]));
        // No operation asks for credentials.
        members.insert("security".into(), Json::Array(Vec::new()));
    }
    Ok(document)
}

/// Simplifies an object of any kind in the document.
fn simplify(object: &mut Object) {
    object.retain(|name, value| {
        let useless = USELESS.iter().find(|(useless, _)| useless == name);
        useless.is_none_or(|(_, useless)| *value != (*useless).into())
    });
    refer(object);
    type_integers(object);
    name_media_type(object);
    name_headers(object);
}

/// Replaces a list of a reference and its description by the reference: generators drop the list, or make a
/// type of its own of it. Examples move beside the schema.
fn refer(object: &mut Object) {
    let Some(Json::Array(schemas)) = object.get("allOf") else {
        if let Some(examples) = object.get_mut("schema").and_then(take_examples) {
            object.insert("examples".into(), examples);
        }
        return;
    };
    if let Some(reference) = schemas
        .first()
        .filter(|schema| schema.get("$ref").is_some())
    {
        let reference = reference.clone();
        let example = object.shift_remove("example");
        object.clear();
        if let Json::Object(reference) = reference {
            object.extend(reference);
        }
        object.extend(example.map(|example| ("examples".to_owned(), example)));
    }
}

/// Takes the examples of a reference.
fn take_examples(schema: &mut Json) -> Option<Json> {
    match schema {
        Json::Object(schema) if schema.contains_key("$ref") => schema.shift_remove("examples"),
        _ => None,
    }
}

/// Gives integers a signed format and whole bounds: without `int64`, Java, Kotlin and Go take 32 bits, and a
/// bound of `500.0` is no integer for Rust.
fn type_integers(object: &mut Object) {
    if object.get("type").map(Json::text) != Some("integer") {
        return;
    }
    let format = match object.get("format").map(Json::text) {
        Some("uint64") => "int64",
        _ => "int32",
    };
    object.insert("format".into(), format.into());
    for bound in ["minimum", "maximum"] {
        if let Some(Json::Scalar(value)) = object.get_mut(bound) {
            *value = whole(value);
        }
    }
}

/// Number without a fraction of zero.
fn whole(value: &Value) -> Value {
    let text = value.to_string();
    let digits = text.strip_suffix(".0").unwrap_or(&text);
    let number = digits.parse::<i64>().map(Number::from);
    number.map_or_else(|_| value.clone(), Value::Number)
}

/// Names JSON without a charset: generators take the media type for another one than JSON otherwise.
fn name_media_type(object: &mut Object) {
    if let Some(media) = object.shift_remove("application/json; charset=utf-8") {
        object.insert("application/json".into(), media);
    }
}

/// Names headers as they are written.
fn name_headers(object: &mut Object) {
    if let Some(Json::Object(headers)) = object.get_mut("headers") {
        let named = headers.drain(..).map(|(name, header)| {
            let written = HEADERS
                .iter()
                .find(|known| known.eq_ignore_ascii_case(&name));
            (written.map_or(name.clone(), ToString::to_string), header)
        });
        *headers = named.collect();
    }
}

fn order_tags(document: &mut Json) {
    if let Json::Object(members) = document
        && let Some(Json::Array(tags)) = members.get_mut("tags")
    {
        tags.sort_by_key(|tag| {
            let name = tag.get("name").map(Json::text);
            TAGS.iter().position(|known| Some(*known) == name)
        });
    }
}

fn close_schemas(document: &mut Json) {
    for name in CLOSED {
        let schema = document.at_mut(&["components", "schemas", name]);
        if let Some(Json::Object(schema)) = schema {
            schema.insert("additionalProperties".into(), false.into());
        }
    }
}

/// Adds the example of a superseded record, whose response has the schema of a stored record.
fn exemplify(document: &mut Json) {
    let content = ["responses", "200", "content", "application/json"];
    let path = [&["paths", "/courses/{courseId}", "post"], &content[..]].concat();
    if let Some(Json::Object(media)) = document.at_mut(&path) {
        media.insert("example".into(), Json::object("message", "superseded"));
    }
}

/// Moves parameters, headers and responses to the components, and refers to them.
fn share(document: &mut Json) {
    let mut shared = Json::Object(Object::new());
    let paths = document.object_mut("paths");
    let operations = paths.into_iter().flat_map(Object::values_mut);
    for operation in operations.flat_map(Json::children_mut) {
        let Json::Object(operation) = operation else {
            continue;
        };
        for parameter in operation
            .get_mut("parameters")
            .into_iter()
            .flat_map(Json::children_mut)
        {
            let name = parameter_name(parameter);
            refer_to(&mut shared, "parameters", &name, parameter);
        }
        for response in operation
            .get_mut("responses")
            .into_iter()
            .flat_map(Json::children_mut)
        {
            if let Some(headers) = response.object_mut("headers") {
                for (name, header) in headers {
                    refer_to(&mut shared, "headers", &name.clone(), header);
                }
            }
            let description = response.get("description").map(Json::text);
            if let Some(name) = error_docs::name(description.unwrap_or_default()) {
                refer_to(&mut shared, "responses", name, response);
            }
        }
    }
    if let (Some(components), Json::Object(shared)) = (document.object_mut("components"), shared) {
        components.extend(shared);
    }
}

/// Name of a shared parameter: parameters of one name differ by format.
fn parameter_name(parameter: &Json) -> String {
    let name = parameter.get("name").map(Json::text).unwrap_or_default();
    let format = parameter
        .get("schema")
        .and_then(|schema| schema.get("format"));
    let unit = match format.map(Json::text) {
        Some("date") => "Day",
        Some("date-time") => "Time",
        _ => "",
    };
    [name, unit].concat()
}

/// Replaces a part of the document by a reference to the component, unless another part has the name.
fn refer_to(shared: &mut Json, kind: &str, name: &str, part: &mut Json) {
    let Some(components) = shared.object_mut(kind) else {
        return;
    };
    let component = components
        .entry(name.to_owned())
        .or_insert_with(|| part.clone());
    if component == part {
        *part = Json::object("$ref", format!("#/components/{kind}/{name}"));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn document() -> Value {
        serde_json::from_str(&crate::api::document().unwrap()).unwrap()
    }

    /// Calls `check` for every object of the document.
    fn for_each(value: &Value, check: &mut impl FnMut(&serde_json::Map<String, Value>)) {
        match value {
            Value::Object(object) => {
                check(object);
                object.values().for_each(|value| for_each(value, check));
            }
            Value::Array(array) => array.iter().for_each(|value| for_each(value, check)),
            _ => {}
        }
    }

    #[test]
    fn a_record_of_a_batch_has_no_other_fields() {
        let schemas = &document()["components"]["schemas"];
        assert_eq!(schemas["BatchRecord"]["additionalProperties"], false);
        let record = &schemas["SessionRecord"];
        assert!(record.get("additionalProperties").is_none());
    }

    #[test]
    fn integers_are_signed_and_have_whole_bounds() {
        let mut integers = 0;
        for_each(&document(), &mut |object| {
            if object.get("type").is_some_and(|kind| kind == "integer") {
                integers += 1;
                assert!(
                    ["int32", "int64"]
                        .map(Value::from)
                        .contains(&object["format"])
                );
                for bound in ["minimum", "maximum"]
                    .iter()
                    .filter_map(|bound| object.get(*bound))
                {
                    assert!(bound.is_i64() || bound.is_u64(), "{object:?}");
                }
            }
        });
        assert!(integers > 5);
    }

    #[test]
    fn references_have_no_siblings_and_lead_somewhere() {
        let document = document();
        for_each(&document, &mut |object| {
            assert!(!object.contains_key("allOf"), "{object:?}");
            assert!(!object.contains_key("readOnly"), "{object:?}");
            if let Some(reference) = object.get("$ref") {
                assert_eq!(object.len(), 1, "{object:?}");
                let pointer = reference.as_str().unwrap().trim_start_matches('#');
                assert!(document.pointer(pointer).is_some(), "{reference}");
            }
        });
    }

    #[test]
    fn errors_have_examples_with_the_status_of_their_response() {
        let document = document();
        let responses = document["components"]["responses"].as_object().unwrap();
        let mut codes = BTreeSet::new();
        for (name, response) in responses {
            let content = &response["content"]["application/json"];
            assert_eq!(
                content["schema"]["$ref"], "#/components/schemas/ApiError",
                "{name}"
            );
            let examples = content["examples"].as_object().unwrap();
            assert!(!examples.is_empty(), "{name}");
            codes.extend(
                examples
                    .values()
                    .map(|example| example["value"]["code"].to_string()),
            );
        }
        assert!(codes.contains("\"overloaded\"") && codes.contains("\"request_timeout\""));
    }

    #[test]
    fn every_code_of_an_error_stands_in_the_description() {
        let description = document()["info"]["description"].to_string();
        let sources = [
            include_str!("../respond/error.rs"),
            include_str!("../respond/protocol_error.rs"),
        ];
        let mut codes = 0;
        for source in sources {
            for call in source.split("Self::new(").skip(1) {
                let code = call.split('"').nth(1).unwrap();
                assert!(description.contains(&format!("`{code}`")), "{code}");
                codes += 1;
            }
        }
        assert!(codes > 15, "{codes}");
    }

    #[test]
    fn the_document_is_small() {
        assert!(crate::api::document().unwrap().len() < 90_000);
    }
}
