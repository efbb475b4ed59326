//! The HTTP API: its resources, and the OpenAPI document that is generated from them.

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
use poem_openapi::{ExtraHeader, LicenseObject, OpenApi, OpenApiService, ServerObject, Tags};

pub use crate::api::state::BODY_BYTES;
pub use crate::api::state::State;

use activity::Activities;
use batch::Batches;
use courses::Courses;
use deletes::Deletes;
use docs::Documented;
use health::Health;
use middleware::request::Boundary;
use middleware::routes::Routes;
use sessions::Sessions;
use summary::Summaries;

/// Groups of operations in the document.
#[derive(Tags)]
enum Tag {
    /// Record study sessions and read them back.
    Sessions,
    /// What has been done in courses.
    Courses,
    /// For load balancers and operators.
    Health,
}

type Apis = (
    Courses,
    Sessions,
    Activities,
    Summaries,
    Deletes,
    Batches,
    Health,
);

/// All operations, and the routes that they are known by; without a context, only their description.
struct Operations(Option<(State, Arc<Routes>)>);

impl OpenApi for Operations {
    /// Those of several structs on one path stand together: the document has each path once.
    fn meta() -> Vec<MetaApi> {
        let mut paths: Vec<MetaPath> = Vec::new();
        for path in Apis::meta().into_iter().flat_map(|api| api.paths) {
            match paths.iter_mut().find(|known| known.path == path.path) {
                Some(known) => known.operations.extend(path.operations),
                None => paths.push(path),
            }
        }
        vec![MetaApi { paths }]
    }

    fn register(registry: &mut Registry) {
        Apis::register(registry);
    }

    fn add_routes(self, routes: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {
        let Some((state, known)) = self.0 else {
            return;
        };
        let apis: Apis = (
            Courses(state.clone()),
            Sessions(state.clone()),
            Activities(state.clone()),
            Summaries(state.clone()),
            Deletes(state.clone()),
            Batches(state.clone()),
            Health(state),
        );
        apis.add_routes(routes);
        known.learn(routes.keys());
    }
}

/// The whole API as one endpoint. A request, its body included, may take `timeout`.
#[must_use]
pub fn endpoint(state: &State, timeout: Duration) -> impl Endpoint<Output = Response> + use<> {
    let routes = Routes::new();
    let service = service(Operations(Some((state.clone(), Arc::clone(&routes)))));
    Boundary::new(Documented(service.into_endpoint()), timeout, routes)
}

/// The OpenAPI document, as JSON.
#[must_use]
pub fn document() -> String {
    service(Operations(None)).spec()
}

fn service(operations: Operations) -> OpenApiService<Operations, ()> {
    OpenApiService::new(operations, "study-stats", env!("CARGO_PKG_VERSION"))
        .description(include_str!("description.md"))
        .license(LicenseObject::new("MIT OR Apache-2.0").url("https://spdx.org/licenses/"))
        .server(ServerObject::new("/").description("This service"))
        .extra_response_header::<String, _>(
            ExtraHeader::new("X-Request-Id").description("Names the request in the service's log."),
        )
}
