//! The HTTP API: its resources, and the OpenAPI document that is generated from them.

mod activity;
mod batch;
mod batch_body;
mod body;
mod boundary;
mod budget;
mod conditional;
mod context;
mod courses;
mod cursor;
mod deletes;
mod docs;
mod error;
mod failure;
mod fields;
mod health;
mod identity;
pub(crate) mod lines;
mod numbers;
mod observation;
mod occurred_at;
mod query;
mod reader;
mod routes;
mod sessions;
mod summary;
mod times;
mod totals;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem::{Endpoint, IntoEndpoint, Response};
use poem_openapi::registry::{MetaApi, MetaPath, Registry};
use poem_openapi::{ExtraHeader, LicenseObject, OpenApi, OpenApiService, ServerObject, Tags};

pub use context::{BODY_BYTES, Context};

use activity::Activities;
use batch::Batches;
use boundary::Boundary;
use courses::Courses;
use deletes::Deletes;
use docs::Documented;
use health::Health;
use routes::Routes;
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
struct Operations(Option<(Context, Arc<Routes>)>);

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
        let Some((context, known)) = self.0 else {
            return;
        };
        let apis: Apis = (
            Courses(context.clone()),
            Sessions(context.clone()),
            Activities(context.clone()),
            Summaries(context.clone()),
            Deletes(context.clone()),
            Batches(context.clone()),
            Health(context),
        );
        apis.add_routes(routes);
        known.learn(routes.keys());
    }
}

/// The whole API as one endpoint. A request, its body included, may take `timeout`.
#[must_use]
pub fn endpoint(context: &Context, timeout: Duration) -> impl Endpoint<Output = Response> + use<> {
    let routes = Routes::new();
    let service = service(Operations(Some((context.clone(), Arc::clone(&routes)))));
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
