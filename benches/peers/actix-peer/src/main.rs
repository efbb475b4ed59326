//! The three calls on actix-web.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, HeaderName};
use actix_web::web::{
    Bytes, Data, Path, PathConfig, PayloadConfig, ServiceConfig, get, post, resource,
};
use actix_web::{App, FromRequest, HttpRequest, HttpResponse, HttpServer, ResponseError};
use common::domain::{CourseId, LearnerId, SessionId};
use common::{Error, Id, Store};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (address, redis) = common::arguments();
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(move || {
            let redis = redis.clone();
            // Each worker has a connection of its own, which its own thread drives.
            let connect = move || {
                let redis = redis.clone();
                async move { Store::connect(&redis).await }
            };
            App::new()
                .data_factory(connect)
                .app_data(PayloadConfig::new(common::MAX_BODY))
                // Else it would be a 404.
                .app_data(
                    PathConfig::default().error_handler(|_, _| Failure(Error::Invalid).into()),
                )
                .configure(routes)
        });
        let server = server.tcp_nodelay(true).bind(address)?;
        println!("listening on {address}");
        Ok(server.run().await?)
    })
}

fn routes(app: &mut ServiceConfig) {
    let course = resource("/courses/{course}")
        .route(get().to(totals))
        .route(post().to(record));
    let session = resource("/courses/{course}/sessions/{session}").route(get().to(session));
    app.service(course).service(session);
}

async fn record(
    store: Data<Store>,
    learner: Learner,
    course: Path<Id<CourseId>>,
    body: Bytes,
) -> Result<HttpResponse, Failure> {
    let (status, answer) = common::record(&store, learner.0, course.0, &body).await?;
    let status = StatusCode::from_u16(status).unwrap_or_default();
    let mut response = HttpResponse::build(status);
    Ok(response.content_type(ContentType::json()).body(answer))
}

async fn totals(
    store: Data<Store>,
    learner: Learner,
    course: Path<Id<CourseId>>,
) -> Result<HttpResponse, Failure> {
    Ok(json(common::totals(&store, learner.0, course.0).await?))
}

async fn session(
    store: Data<Store>,
    learner: Learner,
    path: Path<(Id<CourseId>, Id<SessionId>)>,
) -> Result<HttpResponse, Failure> {
    let (Id(course), Id(session)) = *path;
    Ok(json(
        common::session(&store, learner.0, course, session).await?,
    ))
}

fn json(answer: Vec<u8>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.content_type(ContentType::json()).body(answer)
}

/// The learner of `X-User-Id`.
struct Learner(LearnerId);

impl FromRequest for Learner {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        const NAME: HeaderName = HeaderName::from_static("x-user-id");
        let learner = request.headers().get(NAME);
        let learner = learner.and_then(|value| Id::from_bytes(value.as_bytes()));
        ready(learner.map(Self).ok_or(Failure(Error::Invalid)))
    }
}

#[derive(Debug)]
struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status()).unwrap_or_default()
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}
