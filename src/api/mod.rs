//! The HTTP API: its resources, and the OpenAPI document that is generated from them.

mod body;
mod boundary;
mod context;
mod courses;
mod docs;
mod error;
mod failure;
mod fields;
mod health;
mod identity;
pub(crate) mod lines;
mod numbers;
mod occurred_at;
mod sessions;

use std::collections::HashMap;
use std::time::Duration;

use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem::{Endpoint, Response};
use poem_openapi::registry::{MetaApi, Registry};
use poem_openapi::{ExtraHeader, LicenseObject, OpenApi, OpenApiService, ServerObject, Tags};

pub use context::Context;

use boundary::{Boundary, Methods, shape};
use courses::Courses;
use docs::Documented;
use health::Health;
use sessions::Sessions;

/// Groups of operations in the document.
#[derive(Tags)]
enum Tag {
    /// Record study sessions and read them back.
    Sessions,
    /// What a learner has done in a course.
    Courses,
    /// For load balancers and operators.
    Health,
}

type Apis = (Courses, Sessions, Health);

/// The whole API as one endpoint. A request, its body included, may take `timeout`.
#[must_use]
pub fn endpoint(context: &Context, timeout: Duration) -> impl Endpoint<Output = Response> + use<> {
    let service = service((
        Courses(context.clone()),
        Sessions(context.clone()),
        Health(context.clone()),
    ));
    Boundary::new(Documented::new(service), timeout, methods())
}

/// The OpenAPI document, as JSON.
#[must_use]
pub fn document() -> String {
    /// The same operations, without a store to run them on.
    struct Described;

    impl OpenApi for Described {
        fn meta() -> Vec<MetaApi> {
            Apis::meta()
        }

        fn register(registry: &mut Registry) {
            Apis::register(registry);
        }

        fn add_routes(self, _: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
    }

    service(Described).spec()
}

fn service<T: OpenApi>(api: T) -> OpenApiService<T, ()> {
    OpenApiService::new(api, "study-stats", env!("CARGO_PKG_VERSION"))
        .description(include_str!("description.md"))
        .license(LicenseObject::new("MIT OR Apache-2.0").url("https://spdx.org/licenses/"))
        .server(ServerObject::new("/").description("This service"))
        .extra_response_header::<String, _>(
            ExtraHeader::new("X-Request-Id").description("Names the request in the service's log."),
        )
}

/// What each route allows. HEAD goes where GET does.
fn methods() -> Methods {
    let operations = Apis::meta()
        .into_iter()
        .flat_map(|api| api.paths)
        .map(|path| {
            let methods = path
                .operations
                .iter()
                .map(|operation| operation.method.clone());
            (shape(&path.path), methods.collect::<Vec<_>>())
        });
    let pages = docs::PATHS.map(|path| (path.to_owned(), vec![Method::GET]));
    let listed = operations.chain(pages).map(|(shape, mut methods)| {
        if methods.contains(&Method::GET) {
            methods.push(Method::HEAD);
        }
        let mut names: Vec<_> = methods.iter().map(Method::as_str).collect();
        names.sort_unstable();
        (shape, names.join(", "))
    });
    listed.collect()
}
