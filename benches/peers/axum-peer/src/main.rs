//! The three calls on axum.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, State};
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use common::domain::{CourseId, LearnerId, SessionId};
use common::{Error, Id, Store};
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (address, redis) = common::arguments();
    let app = Router::new()
        .route("/courses/{course}", get(totals).post(record))
        .route("/courses/{course}/sessions/{session}", get(session))
        .layer(DefaultBodyLimit::max(common::MAX_BODY))
        .with_state(Store::connect(&redis).await?);
    let listener = TcpListener::bind(address).await?.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    println!("listening on {address}");
    Ok(axum::serve(listener, app).await?)
}

async fn record(
    State(store): State<Store>,
    Learner(learner): Learner,
    Path(Id(course)): Path<Id<CourseId>>,
    body: Bytes,
) -> Result<Response, Failure> {
    let (status, answer) = common::record(&store, learner, course, &body).await?;
    let status = StatusCode::from_u16(status).unwrap_or_default();
    Ok((status, [JSON], answer).into_response())
}

async fn totals(
    State(store): State<Store>,
    Learner(learner): Learner,
    Path(Id(course)): Path<Id<CourseId>>,
) -> Result<Response, Failure> {
    let answer = common::totals(&store, learner, course).await?;
    Ok(([JSON], answer).into_response())
}

async fn session(
    State(store): State<Store>,
    Learner(learner): Learner,
    Path((Id(course), Id(session))): Path<(Id<CourseId>, Id<SessionId>)>,
) -> Result<Response, Failure> {
    let answer = common::session(&store, learner, course, session).await?;
    Ok(([JSON], answer).into_response())
}

const JSON: (HeaderName, HeaderValue) =
    (CONTENT_TYPE, HeaderValue::from_static("application/json"));

/// The learner of `X-User-Id`, read without a copy of the headers.
struct Learner(LearnerId);

impl<S: Sync> FromRequestParts<S> for Learner {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        const NAME: HeaderName = HeaderName::from_static("x-user-id");
        let learner = parts.headers.get(NAME);
        let learner = learner.and_then(|value| Id::from_bytes(value.as_bytes()));
        Ok(Self(learner.ok_or(Error::Invalid)?))
    }
}

struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status());
        status.unwrap_or_default().into_response()
    }
}
