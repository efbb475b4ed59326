//! Cost of a request in the service, without a socket and with fixed results of the store: routing,
//! middleware, validation and JSON.

use std::sync::Arc;
use std::time::Duration;

use divan::{Bencher, black_box};
use poem::http::{Method, StatusCode};
use poem::{Endpoint, Request};
use study_stats::api::{self, BODY_BYTES, State};
use tokio::runtime;

use crate::fixed_store::FixedStore;

const COURSE: &str = "/courses/5f2b8a52-6d0e-4c8e-9a57-3c1d2e4f5a6b";
const SESSION: &str =
    "/courses/5f2b8a52-6d0e-4c8e-9a57-3c1d2e4f5a6b/sessions/9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d";
const RECORD: &str = r#"{"sessionId":"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d","totalModulesStudied":5,"averageScore":82.5,"timeStudied":120000}"#;
const DATED: &str = r#"{"sessionId":"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d","totalModulesStudied":5,"averageScore":82.5,"timeStudied":120000,"occurredAt":"2026-01-15T09:30:00+01:00"}"#;

#[divan::bench]
fn post(bencher: Bencher<'_, '_>) {
    measure(bencher, Method::POST, COURSE, RECORD, StatusCode::CREATED);
}

#[divan::bench]
fn post_with_a_time(bencher: Bencher<'_, '_>) {
    measure(bencher, Method::POST, COURSE, DATED, StatusCode::CREATED);
}

#[divan::bench]
fn post_that_is_refused(bencher: Bencher<'_, '_>) {
    measure(bencher, Method::POST, COURSE, "{}", StatusCode::BAD_REQUEST);
}

#[divan::bench]
fn get_totals(bencher: Bencher<'_, '_>) {
    measure(bencher, Method::GET, COURSE, "", StatusCode::OK);
}

#[divan::bench]
fn get_session(bencher: Bencher<'_, '_>) {
    measure(bencher, Method::GET, SESSION, "", StatusCode::OK);
}

#[divan::bench]
fn get_of_no_route(bencher: Bencher<'_, '_>) {
    measure(bencher, Method::GET, "/nowhere", "", StatusCode::NOT_FOUND);
}

/// Measures a request until the body of the response is complete, and asserts the status.
#[allow(clippy::expect_used, reason = "a benchmark panics where it fails")]
fn measure(
    bencher: Bencher<'_, '_>,
    method: Method,
    path: &'static str,
    body: &'static str,
    status: StatusCode,
) {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let endpoint = runtime.block_on(async {
        let state = State::new(
            Arc::new(FixedStore),
            1_024,
            BODY_BYTES,
            Duration::from_secs(3),
        );
        api::endpoint(&state, Duration::from_secs(5))
    });
    let request = || {
        Request::builder()
            .method(method.clone())
            .uri_str(path)
            .header("X-User-Id", "0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f")
            .content_type("application/json")
            .body(body)
    };
    bencher.with_inputs(request).bench_values(|request| {
        runtime.block_on(async {
            let response = endpoint.call(black_box(request)).await;
            let response = response.expect("a response for every error");
            assert_eq!(response.status(), status);
            let body = response.into_body().into_bytes().await;
            body.expect("a body")
        })
    });
}
