//! Declaration of operations.
//!
//! The declaration of an operation is the signature of the handler. The attribute has method, path, id and
//! tag, the doc comment has summary and description, and the return type has the response and the failures.
//! An argument [`Learner`] makes the header of the learner required; without the argument, the operation is
//! open to every client.

use std::marker::PhantomData;

use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaOperationParam, MetaResponses, Registry};
use poem_openapi::types::Type;

use super::extract::learner::Learner;
use super::respond::error::ApiError;
use super::respond::error_body::ErrorBody;
use super::respond::error_docs::ErrorDocs;
use super::respond::etag::IfNoneMatch;
use crate::domain::{CourseId, SessionId};
use crate::wire::validation::ApiId;

/// Result of an operation with the response `T` and the failures `D`, a tuple of [`ErrorDoc`]s.
///
/// [`ErrorDoc`]: super::respond::error_docs::ErrorDoc
pub(crate) type OperationResult<T, D> = Result<T, OperationError<D>>;

/// Error of an operation with the failures `D`. A failure of the service itself, 500, belongs to every
/// operation.
pub(crate) struct OperationError<D>(ApiError, PhantomData<fn() -> D>);

impl<D, E: Into<ApiError>> From<E> for OperationError<D> {
    fn from(error: E) -> Self {
        Self(error.into(), PhantomData)
    }
}

impl<D> From<OperationError<D>> for poem::Error {
    fn from(error: OperationError<D>) -> Self {
        error.0.into()
    }
}

impl<D: ErrorDocs> ApiResponse for OperationError<D> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: D::responses(),
        }
    }

    fn register(registry: &mut Registry) {
        ErrorBody::register(registry);
    }
}

/// Sets name and description of a parameter that several operations have.
///
/// poem-openapi takes both from the handler, not from the extractor: here the parameter has the name of the
/// handler's argument.
pub(super) fn name_parameter(parameter: &mut MetaOperationParam) {
    let (name, description) = match &*parameter.name {
        "learner" => (
            Learner::HEADER,
            "Id of the learner on whose behalf the request is.",
        ),
        "course" => (CourseId::FIELD, "Id of the course."),
        "session" => (SessionId::FIELD, "Id of the session."),
        "condition" => (
            IfNoneMatch::HEADER,
            "ETags of responses that the client has: if the present one is among them, the response is 304.",
        ),
        _ => return,
    };
    parameter.name = name.into();
    parameter.description = Some(description.into());
}
