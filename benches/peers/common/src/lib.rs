//! What the peers do beside HTTP: the same data, the same Lua and the same bytes as study-stats, with
//! nothing around it. No error bodies, request ids, metrics, limits, retries or failovers: a peer
//! only does the three calls, as fast as its author can make it.

mod answers;
mod body;
#[path = "../../../../src/store/bucket.rs"]
mod bucket;
/// The project's own: the exact arithmetic, and what an id and a number may be.
#[path = "../../../../src/domain/mod.rs"]
pub mod domain;
mod ids;
mod keys;
mod store;

pub use ids::Id;
pub use store::Store;

use std::env;
use std::net::SocketAddr;

use domain::{CourseId, LearnerId, OccurredAt, Outcome, Record, SessionId, Stats};

/// What a peer answers when it does not do as it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// An id, a number or the body is wrong.
    Invalid,
    /// There is nothing of that kind.
    Missing,
    /// The learner was erased.
    Erased,
    /// A sum would pass its limit.
    Limit,
    /// Redis did not answer, or not as it should.
    Unavailable,
}

impl Error {
    /// The status of its answer, which has no body.
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

/// Most bytes that the body of a record may have.
pub const MAX_BODY: usize = 64 << 10;

/// Records a session; gives the answer's status and its body.
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
    let record = Record {
        learner,
        course,
        session,
        stats,
        occurred_at,
    };
    match store.record(&record).await? {
        Outcome::Created | Outcome::Replaced => Ok((201, r#"{"message":"OK"}"#)),
        Outcome::Superseded => Ok((200, r#"{"message":"superseded"}"#)),
        Outcome::Erased => Err(Error::Erased),
        Outcome::LimitExceeded => Err(Error::Limit),
    }
}

/// The JSON of a learner's totals in a course.
///
/// # Errors
///
/// There are none, or Redis does not answer.
pub async fn totals(store: &Store, learner: LearnerId, course: CourseId) -> Result<Vec<u8>, Error> {
    Ok(answers::totals(&store.totals(learner, course).await?))
}

/// The JSON of one session.
///
/// # Errors
///
/// There is none, or Redis does not answer.
pub async fn session(
    store: &Store,
    learner: LearnerId,
    course: CourseId,
    session: SessionId,
) -> Result<Vec<u8>, Error> {
    let stats = store.session(learner, course, session).await?;
    Ok(answers::session(session, &stats))
}

/// What a record's body says.
type Body = (SessionId, Stats, Option<OccurredAt>);

/// The address to listen on and the URL of Redis: a peer's two arguments.
///
/// # Panics
///
/// They are not there or not right.
#[must_use]
pub fn arguments() -> (SocketAddr, String) {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().and_then(|text| text.parse().ok());
    match (address, arguments.next()) {
        (Some(address), Some(redis)) => (address, redis),
        _ => panic!("arguments: an address such as 127.0.0.1:8080, and redis://host:port"),
    }
}
