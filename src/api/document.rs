//! OpenAPI document, with the statements that poem-openapi has no attributes for.

use poem_openapi::{OpenApi, OpenApiService};

/// Start of a schema in the document.
const BATCH_RECORD: &str = "      \"BatchRecord\": {\n";
/// A record of a batch has no other fields.
const NO_OTHERS: &str = "        \"additionalProperties\": false,\n";

/// Returns the document of a service, as JSON.
pub(super) fn text<T: OpenApi>(service: &OpenApiService<T, ()>) -> String {
    let schema = [BATCH_RECORD, NO_OTHERS].concat();
    service.spec().replacen(BATCH_RECORD, &schema, 1)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    #[test]
    fn a_record_of_a_batch_has_no_other_fields() {
        let document: Value = serde_json::from_str(&crate::api::document()).unwrap();
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["BatchRecord"]["additionalProperties"], false);
        assert!(
            schemas["SessionRecord"]
                .get("additionalProperties")
                .is_none()
        );
    }
}
