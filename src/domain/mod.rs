//! What the service is about, as pure types: no async, no serialisation, no HTTP, no store.
//!
//! A [`Record`] says what a learner did in one session of a course; [`Totals`] is the exact
//! aggregate of such sessions; all arithmetic is [`Decimal`]'s.

mod decimal;
mod ids;
mod session;
mod totals;

pub use decimal::Decimal;
pub use ids::{CourseId, InvalidId, LearnerId, SessionId};
pub use session::{
    Amount, MAX_MAGNITUDE, OccurredAt, OutOfRange, Outcome, Record, Score, Session, Stats,
};
pub use totals::Totals;
