//! The OpenAPI document: the committed file equals the output of the binary, and every operation is
//! complete.

use serde_json::{Value, json};

use crate::support::processes::service;

fn document() -> Value {
    let printed = service::output(service::command().arg("openapi"));
    assert!(printed.status.success());
    serde_json::from_slice(&printed.stdout).unwrap()
}

/// Operations: method, path and description.
fn operations(document: &Value) -> Vec<(String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, methods): (&String, &Value)| {
        let methods = methods.as_object().unwrap().clone();
        methods
            .into_iter()
            .map(|(method, operation)| (format!("{method} {path}"), resolved(document, operation)))
            .collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

/// Replaces references to parameters, headers and responses by their targets; schemas stay references.
fn resolved(document: &Value, value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let reference = object.get("$ref").and_then(Value::as_str);
            if let Some(reference) = reference.filter(|reference| !reference.contains("/schemas/"))
            {
                let target = document.pointer(reference.trim_start_matches('#')).unwrap();
                return resolved(document, target.clone());
            }
            let members = object.into_iter();
            members
                .map(|(name, value)| (name, resolved(document, value)))
                .collect()
        }
        Value::Array(array) => array
            .into_iter()
            .map(|value| resolved(document, value))
            .collect(),
        value => value,
    }
}

#[test]
fn the_committed_document_equals_the_output_of_the_binary() {
    let printed = service::output(service::command().arg("openapi"));
    let committed =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json")).unwrap();
    assert!(
        printed.stdout == committed,
        "openapi/openapi.json is not up to date: run `make openapi`"
    );
}

#[test]
fn every_operation_is_documented_with_every_status() {
    let statuses: Vec<_> = operations(&document())
        .into_iter()
        .map(|(name, operation)| {
            let mut statuses: Vec<_> = operation["responses"]
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect();
            statuses.sort();
            format!("{name}: {}", statuses.join(" "))
        })
        .collect();
    assert_eq!(
        statuses,
        [
            "get /activity: 200 304 400 500 503",
            "get /courses: 200 304 400 500 503",
            "delete /courses/{courseId}: 204 400 404 500 503",
            "get /courses/{courseId}: 200 304 400 404 500 503",
            "post /courses/{courseId}: 200 201 400 410 413 415 422 500 503",
            "get /courses/{courseId}/activity: 200 304 400 500 503",
            "get /courses/{courseId}/learners: 200 304 400 500 503",
            "get /courses/{courseId}/sessions: 200 304 400 500 503",
            "delete /courses/{courseId}/sessions/{sessionId}: 204 400 404 500 503",
            "get /courses/{courseId}/sessions/{sessionId}: 200 304 400 404 500 503",
            "get /courses/{courseId}/summary: 200 304 400 404 500 503",
            "get /health/live: 200 500 503",
            "get /health/ready: 200 500 503",
            "delete /learner: 204 400 500 503",
            "post /sessions: 200 400 413 415 500 503",
        ]
    );
}

#[test]
fn every_operation_is_described() {
    for (name, operation) in operations(&document()) {
        for member in ["summary", "description", "operationId"] {
            assert!(
                operation[member]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{name}: {member}"
            );
        }
        assert_eq!(
            operation["tags"].as_array().map(Vec::len),
            Some(1),
            "{name}"
        );
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].is_string(), "{name}: {parameter}");
        }
    }
}

#[test]
fn every_status_has_a_description_a_schema_and_an_example() {
    let document = document();
    for (name, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(
                response["description"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{name}: {status}"
            );
            // The response has no body.
            if status == "304" {
                assert!(response["content"].is_null(), "{name}");
                continue;
            }
            let media = &response["content"]["application/json"];
            let is_example = media["example"].is_object() || media["examples"].is_object();
            assert_eq!(
                !is_example && example(&document, &media["schema"]).is_null(),
                status == "204",
                "{name}: {status}: {media}"
            );
            let are_several = ["400", "503"].contains(&status.as_str());
            let examples = media["examples"]
                .as_object()
                .map_or(0, |examples| examples.len());
            let is_probe = name == "get /health/live";
            let is_of_course = name.ends_with("/summary");
            assert!(
                examples > 1 || !are_several || is_probe || is_of_course,
                "{name}: {status}"
            );
            assert_eq!(
                response["headers"]["Retry-After"].is_null(),
                status != "503",
                "{name}: {status}"
            );
        }
        if let Some(body) = operation.get("requestBody") {
            let schema = &body["content"]["application/json"]["schema"];
            assert!(!example(&document, schema).is_null(), "{name}");
        }
    }
}

/// Example of a schema, or of the referenced schema.
fn example<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => &document.pointer(reference.trim_start_matches('#')).unwrap()["example"],
        None => &schema["example"],
    }
}

#[test]
fn only_reads_of_stats_are_conditional() {
    for (name, operation) in operations(&document()) {
        let is_read = name.starts_with("get /courses") || name == "get /activity";
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let mut names = parameters.map(|parameter| &parameter["name"]);
        assert_eq!(names.any(|name| name == "If-None-Match"), is_read, "{name}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            let has_tag = is_read && ["200", "304"].contains(&status.as_str());
            let tag = &response["headers"]["ETag"];
            assert_eq!(tag["required"] == true, has_tag, "{name}: {status}");
        }
    }
}

#[test]
fn every_parameter_states_the_accepted_values() {
    for (name, operation) in operations(&document()) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let is_day = name.ends_with("/activity");
            let (required, schema) = match parameter["name"].as_str().unwrap() {
                "from" | "to" if is_day => (false, json!({"type": "string", "format": "date"})),
                "from" | "to" => (false, json!({"type": "string", "format": "date-time"})),
                "limit" => {
                    let bounds = json!({"type": "integer", "format": "int32", "default": 50, "minimum": 1, "maximum": 500});
                    (false, bounds)
                }
                "cursor" => (false, json!({"type": "string", "format": "cursor"})),
                "If-None-Match" => (false, json!({"type": "string"})),
                "X-User-Id" => {
                    let pattern = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$";
                    (true, json!({"type": "string", "pattern": pattern}))
                }
                _id => (true, json!({"type": "string", "format": "uuid"})),
            };
            assert_eq!(
                parameter["required"] == true,
                required,
                "{name}: {parameter}"
            );
            let mut described = parameter["schema"].clone();
            let example = described.as_object_mut().unwrap().remove("example");
            // Swagger UI fills the fields with the examples.
            assert_eq!(example.is_some(), required, "{name}: {parameter}");
            assert_eq!(described, schema, "{name}: {parameter}");
        }
    }
}

#[test]
fn ids_are_uuids_and_numbers_and_lists_have_bounds() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    for (schema, property) in [("Batch", "sessions"), ("BatchResults", "results")] {
        let list = &schemas[schema]["properties"][property];
        assert_eq!(
            (&list["minItems"], &list["maxItems"]),
            (&json!(1), &json!(1_000))
        );
    }
    for (name, schema) in schemas.as_object().unwrap() {
        for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
            assert!(
                schema["description"].is_string() || schema["$ref"].is_string(),
                "{name}.{property}"
            );
            if schema["type"] == "number" || schema["type"] == "integer" {
                assert!(
                    schema["minimum"].is_number() && schema["maximum"].is_number(),
                    "{name}.{property}"
                );
            }
            if property == "timeStudied" {
                assert!(
                    schema["description"]
                        .as_str()
                        .unwrap()
                        .contains("milliseconds"),
                    "{name}"
                );
            }
            if schema["type"] == "array" && name.ends_with("Page") {
                assert_eq!(schema["maxItems"], 500, "{name}.{property}");
            }
            if ["sessionId", "courseId", "userId"].contains(&property.as_str()) {
                assert_eq!(schema["format"], "uuid", "{name}");
            }
        }
    }
}
