//! What the service is about, as pure types: no async, no serialisation, no HTTP, no store.
//!
//! A [`Record`] says what a learner did in one session of a course; [`Totals`] is the exact
//! aggregate of such sessions; all arithmetic is [`Decimal`]'s.

mod activity;
mod aggregate_delta;
mod decimal;
mod enrolment;
mod ids;
mod measures;
mod page;
mod session;
mod totals;

pub use activity::Activity;
pub use aggregate_delta::AggregateDelta;
pub use decimal::Decimal;
pub use enrolment::Enrolment;
pub use ids::{CourseId, InvalidId, LearnerId, SessionId};
pub use measures::Measures;
pub use page::{ListedCourse, ListedSession, Page, Position, Slice, Span};
pub use session::{
    Amount, DeleteOutcome, MAX_MAGNITUDE, OccurredAt, OutOfRange, Outcome, Record, Score, Session,
    Stats, rfc_3339,
};
pub use totals::{Summary, Totals};
