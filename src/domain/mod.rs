//! Terms of the service as pure types: no async, no serialisation, no HTTP, no store.
//!
//! - An [`Enrolment`] is a learner in a course. A session belongs to an enrolment, and has a [`SessionId`]
//!   that is unique in the enrolment.
//! - A client's request to store a session is a [`Record`]: validated [`Stats`], and the time of the
//!   session and the version where the client knows them. The store answers with an [`Outcome`].
//! - [`Totals`] aggregate the sessions of an enrolment, a [`Summary`] the sessions of a course, and
//!   [`Activity`] the sessions of each day. Sums are [`Decimal`]s, and equal a recount of the sessions to
//!   the last digit. An [`AggregateDelta`] is the signed difference between two aggregates.
//! - Lists are read in [`Page`]s. A [`Position`] says where the next page starts.
//!
//! The domain imports nothing of the crate; stores, wire formats and the API import the domain.

mod activity;
mod aggregate_delta;
mod decimal;
mod enrolment;
mod erasure;
mod ids;
mod measures;
mod page;
mod session;
mod time;
mod totals;

pub use self::time::{OccurredAt, Span, rfc_3339};
pub use activity::{Activity, Today};
pub use aggregate_delta::AggregateDelta;
pub use decimal::{Decimal, InvalidDecimal};
pub use enrolment::Enrolment;
pub use erasure::Erasure;
pub use ids::{CourseId, InvalidId, LearnerId, SessionId};
pub use measures::Measures;
pub use page::{ListedCourse, ListedLearner, ListedSession, Page, Position, Roster, Slice};
pub use session::{
    Amount, DeleteOutcome, Limit, Limits, MAX_MAGNITUDE, OutOfRange, Outcome, Record, Score,
    Session, Source, Stats,
};
pub use totals::{Summary, Totals};
