//! JSON of an error response.

use poem_openapi::Object;

use crate::wire::validation::Problem;

/// An error.
#[derive(Object)]
#[oai(rename = "Error", rename_all = "camelCase", read_only_all)]
pub(crate) struct ErrorBody {
    /// What happened, in short and stable words.
    pub(super) message: String,
    /// The same for programs.
    pub(super) code: String,
    /// All fields that are missing or wrong, in the order of the checks. With `limit_exceeded`, the
    /// limit.
    pub(super) errors: Vec<FieldError>,
    /// Names the request in the service's log; equals the header X-Request-Id.
    pub(super) request_id: String,
}

/// What is wrong with one field.
#[derive(Object)]
#[oai(read_only_all)]
pub(crate) struct FieldError {
    /// The field's name.
    field: String,
    /// What would be right.
    message: String,
}

impl From<&Problem> for FieldError {
    fn from(problem: &Problem) -> Self {
        Self {
            field: problem.field.clone().into_owned(),
            message: problem.advice(),
        }
    }
}
