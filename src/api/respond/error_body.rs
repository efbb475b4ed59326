//! JSON of an error response.

use poem_openapi::Object;

use crate::wire::validation::Problem;

/// Body of every error.
#[derive(Object)]
#[oai(rename = "ApiError", rename_all = "camelCase", read_only_all)]
pub(crate) struct ErrorBody {
    /// The error in short and stable words, for people.
    pub(super) message: String,
    /// The error for programs, from the table of the description. Further codes may come: treat an unknown code by
    /// its status.
    pub(super) code: String,
    /// All fields that are missing or wrong, in the order of the checks. With `limit_exceeded`, the
    /// limit.
    pub(super) errors: Vec<FieldError>,
    /// Names the request in the service's log; equals the header X-Request-Id.
    pub(super) request_id: String,
}

/// Missing or wrong field of a request.
#[derive(Object)]
#[oai(read_only_all)]
pub(crate) struct FieldError {
    /// Name of the field.
    field: String,
    /// Sentence that says which value would be right.
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
