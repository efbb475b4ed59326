//! The peers without HTTP: the data, the Lua and the bytes of study-stats, and nothing else. No error
//! bodies, request ids, metrics, limits, retries or failovers: a peer makes the three calls as fast as
//! its author can.

mod answers;
mod body;
#[path = "../../../../src/store/bucket.rs"]
mod bucket;
/// The project's domain: exact arithmetic, ids and ranges.
#[path = "../../../../src/domain/mod.rs"]
pub mod domain;
mod ids;
mod keys;
mod store;

pub use ids::Id;
pub use store::Store;

use std::env;
use std::net::SocketAddr;

use domain::{CourseId, Enrolment, LearnerId, OccurredAt, Outcome, Record, SessionId, Stats};

/// Error of a request to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// An id, a number or the body is wrong.
    Invalid,
    /// Nothing is stored.
    Missing,
    /// The learner was erased.
    Erased,
    /// A sum would pass its limit.
    Limit,
    /// Redis returned no reply in time, or an unexpected reply.
    Unavailable,
}

impl Error {
    /// HTTP status of the response, which has no body.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Missing => 404,
            Self::Erased => 410,
            Self::Limit => 422,
            Self::Unavailable => 503,
        }
    }
}

/// Maximum size of the body of a record, in bytes.
pub const MAX_BODY: usize = 64 << 10;

/// Records a session; returns status and body of the response.
///
/// # Errors
///
/// The body is wrong, or the record is refused.
pub async fn record(
    store: &Store,
    learner: LearnerId,
    course: CourseId,
    body: &[u8],
) -> Result<(u16, &'static str), Error> {
    let (session, stats, occurred_at) = body::read(body)?;
    let record = Record::new(Enrolment::new(learner, course), session, stats, occurred_at);
    match store.record(&record).await? {
        Outcome::Created | Outcome::Replaced => Ok((201, r#"{"message":"OK"}"#)),
        Outcome::Superseded => Ok((200, r#"{"message":"superseded"}"#)),
        Outcome::Erased => Err(Error::Erased),
        Outcome::LimitExceeded(_) => Err(Error::Limit),
    }
}

/// The JSON of a learner's totals in a course.
///
/// # Errors
///
/// No totals are stored, or Redis returns no reply.
pub async fn totals(store: &Store, learner: LearnerId, course: CourseId) -> Result<Vec<u8>, Error> {
    Ok(answers::totals(&store.totals(learner, course).await?))
}

/// The JSON of one session.
///
/// # Errors
///
/// No session is stored, or Redis returns no reply.
pub async fn session(
    store: &Store,
    learner: LearnerId,
    course: CourseId,
    session: SessionId,
) -> Result<Vec<u8>, Error> {
    let stats = store.session(learner, course, session).await?;
    Ok(answers::session(session, &stats))
}

/// Fields of the body of a record.
type Body = (SessionId, Stats, Option<OccurredAt>);

/// The address to listen on and the URL of Redis: a peer's two arguments.
///
/// # Panics
///
/// An argument is missing or wrong.
#[must_use]
pub fn arguments() -> (SocketAddr, String) {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().and_then(|text| text.parse().ok());
    match (address, arguments.next()) {
        (Some(address), Some(redis)) => (address, redis),
        _ => panic!("arguments: an address such as 127.0.0.1:8080, and redis://host:port"),
    }
}
