//! The three calls on axum.

use std::error::Error;
use std::net::SocketAddr;
use std::thread;

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
use common::{Id, Store};
use tokio::net::TcpSocket;
use tokio::runtime::Builder;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1_024;

fn main() -> Result<(), Box<dyn Error>> {
    let (address, redis) = common::arguments();
    // A runtime for each core, each with a listener and a connection of its own: measured beside one
    // runtime for all, which spends a fifth more on moving tasks between threads.
    let cores = thread::available_parallelism()?.get();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..cores)
            .map(|_| scope.spawn(|| serve(address, &redis).map_err(|error| error.to_string())))
            .collect();
        println!("listening on {address}");
        threads.into_iter().try_for_each(|thread| {
            let served = thread.join().map_err(|_| "a thread panicked")?;
            Ok(served?)
        })
    })
}

fn serve(address: SocketAddr, redis: &str) -> Result<(), Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let app = Router::new()
            .route("/courses/{course}", get(totals).post(record))
            .route("/courses/{course}/sessions/{session}", get(session))
            .layer(DefaultBodyLimit::max(common::MAX_BODY))
            .with_state(Store::connect(redis).await?);
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseport(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        Ok(axum::serve(listener, app).await?)
    })
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
        Ok(Self(learner.ok_or(common::Error::Invalid)?))
    }
}

struct Failure(common::Error);

impl From<common::Error> for Failure {
    fn from(error: common::Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status());
        status.unwrap_or_default().into_response()
    }
}
