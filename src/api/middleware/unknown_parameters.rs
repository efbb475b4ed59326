//! Refusal of unknown query parameters, where an operation has query parameters: a misspelt `from` must not
//! widen a list silently. Repeated parameters are refused by the extractor of the parameter.

use poem::Request;
use poem::http::Method;

use super::routes::Routes;
use crate::api::respond::error::ApiError;
use crate::wire::validation::Problem;

/// Maximum length of a parameter's name in a response, in characters.
const MAX_NAME: usize = 64;
/// Maximum number of unknown parameters in a response: a query has room for thousands.
const MAX_REPORTED: usize = 10;

/// Checks the names of a request's query parameters.
///
/// # Errors
///
/// The operation has query parameters, and the query has other parameters.
pub(super) fn check(request: &Request, routes: &Routes) -> Result<(), ApiError> {
    if request.uri().query().is_none() || request.method() != Method::GET {
        return Ok(());
    }
    let route = routes.by_path(request.uri().path());
    let Some(route) = route.and_then(|number| routes.get(number)) else {
        return Ok(());
    };
    if route.parameters.is_empty() {
        return Ok(());
    }
    let given: Vec<(String, String)> = request.params().map_err(ApiError::internal)?;
    let mut problems: Vec<Problem> = Vec::new();
    for (name, _) in given {
        if problems.len() == MAX_REPORTED {
            break;
        }
        let field: String = name.chars().take(MAX_NAME).collect();
        let is_reported = problems.iter().any(|problem| problem.field == field);
        if !is_reported && !route.parameters.contains(&name) {
            let known = route.parameters.join(", ");
            problems.push(Problem {
                field: field.into(),
                missing: false,
                expected: format!("a parameter of this operation: {known}").into(),
            });
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(ApiError::invalid(problems))
    }
}
