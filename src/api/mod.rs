//! HTTP API: a file per resource, and the OpenAPI document generated from the resources.

mod activity;
mod batch;
mod courses;
mod deletes;
mod docs;
mod extract;
mod health;
mod middleware;
mod operation;
mod respond;
mod roster;
mod sessions;
mod state;
mod summary;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem::{Endpoint, IntoEndpoint, Response};
use poem_openapi::registry::{MetaApi, MetaPath, Registry};
use poem_openapi::{ExtraHeader, LicenseObject, OpenApi, OpenApiService, Tags};

pub use crate::api::middleware::framing::{HugeChunk, OnlyProbes};
pub use crate::api::respond::protocol_error::refusal;
pub use crate::api::state::BODY_BYTES;
pub use crate::api::state::State;

use activity::ActivityApi;
use batch::BatchApi;
use courses::CoursesApi;
use deletes::DeletesApi;
use docs::WithDocs;
use health::HealthApi;
use middleware::request::RequestMiddleware;
use middleware::routes::Routes;
use roster::RosterApi;
use sessions::SessionsApi;
use summary::SummaryApi;

/// Groups of operations in the document.
#[derive(Tags)]
enum Tag {
    /// Record study sessions and read them back.
    Sessions,
    /// What has been done in courses.
    Courses,
    /// A learner in all courses.
    Learner,
    /// For load balancers and operators.
    Health,
}

type Apis = (
    CoursesApi,
    SessionsApi,
    ActivityApi,
    SummaryApi,
    RosterApi,
    DeletesApi,
    BatchApi,
    HealthApi,
);

/// All operations of the API. Without a state, only the description for the document.
struct Operations(Option<(State, Arc<Routes>)>);

impl OpenApi for Operations {
    /// Merges the operations of several structs on a path, as the document has each path once, and names the
    /// shared parameters.
    fn meta() -> Vec<MetaApi> {
        let mut paths: Vec<MetaPath> = Vec::new();
        for path in Apis::meta().into_iter().flat_map(|api| api.paths) {
            match paths.iter_mut().find(|known| known.path == path.path) {
                Some(known) => known.operations.extend(path.operations),
                None => paths.push(path),
            }
        }
        let operations = paths.iter_mut().flat_map(|path| &mut path.operations);
        for parameter in operations.flat_map(|operation| &mut operation.params) {
            operation::name_parameter(parameter);
        }
        vec![MetaApi { paths }]
    }

    fn register(registry: &mut Registry) {
        Apis::register(registry);
    }

    fn add_routes(self, routes: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {
        let Some((state, known_routes)) = self.0 else {
            return;
        };
        let apis: Apis = (
            CoursesApi(state.clone()),
            SessionsApi(state.clone()),
            ActivityApi(state.clone()),
            SummaryApi(state.clone()),
            RosterApi(state.clone()),
            DeletesApi(state.clone()),
            BatchApi(state.clone()),
            HealthApi(state),
        );
        apis.add_routes(routes);
        known_routes.register(routes.keys());
    }
}

/// Endpoint of the whole API. `timeout` is the maximum time of a request, including the body.
#[must_use]
pub fn endpoint(state: &State, timeout: Duration) -> impl Endpoint<Output = Response> + use<> {
    let routes = Routes::new();
    let service = service(Operations(Some((state.clone(), Arc::clone(&routes)))));
    let endpoint = WithDocs(service.into_endpoint());
    RequestMiddleware::new(endpoint, timeout, routes, state.clone())
}

/// OpenAPI document to be printed, as JSON.
///
/// # Errors
///
/// poem-openapi's document is no JSON.
pub fn document() -> serde_json::Result<String> {
    docs::document()
}

fn service(operations: Operations) -> OpenApiService<Operations, ()> {
    OpenApiService::new(operations, "study-stats", env!("CARGO_PKG_VERSION"))
        .description(include_str!("description.md"))
        .license(LicenseObject::new("MIT OR Apache-2.0").url("https://spdx.org/licenses/"))
        .extra_response_header::<String, _>(
            ExtraHeader::new("X-Request-Id").description("Id of the request in the service's log."),
        )
}
