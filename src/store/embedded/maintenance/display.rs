//! How rows are told to operators: where they are, and what they hold.

use std::fmt::{self, Display};

use uuid::Uuid;

use crate::domain::Decimal;
use crate::store::embedded::schema::{
    CoursesKey, SessionKey, SessionRow, SummaryKey, SummaryRow, TimelineKey, TotalsKey, TotalsRow,
};

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Session(SessionKey),
    Totals(TotalsKey),
    Timeline(TimelineKey),
    Courses(CoursesKey),
    Summary(SummaryKey),
    Erased(u128),
}

impl Place {
    /// The learner and the course of a row that is counted from their sessions.
    pub(super) fn course(self) -> Option<TotalsKey> {
        match self {
            Self::Totals(key) => Some(key),
            Self::Timeline((learner, course, _, _)) | Self::Courses((learner, _, course)) => {
                Some((learner, course))
            }
            Self::Session(_) | Self::Summary(_) | Self::Erased(_) => None,
        }
    }
}

impl Display for Place {
    /// Writes the table and the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = Uuid::from_u128;
        match *self {
            Self::Session((learner, course, session)) => write!(
                f,
                "sessions[{}, {}, {}]",
                id(learner),
                id(course),
                id(session)
            ),
            Self::Totals((learner, course)) => {
                write!(f, "totals[{}, {}]", id(learner), id(course))
            }
            Self::Timeline((learner, course, at, session)) => write!(
                f,
                "timeline[{}, {}, {at}, {}]",
                id(learner),
                id(course),
                id(session)
            ),
            Self::Courses((learner, latest, course)) => {
                write!(f, "courses[{}, {latest}, {}]", id(learner), id(course))
            }
            Self::Summary((course, bucket)) => write!(f, "summary[{}, {bucket}]", id(course)),
            Self::Erased(learner) => write!(f, "erased[{}]", id(learner)),
        }
    }
}

/// What a row of an index holds, beside its key.
pub(super) const ENTRY: &str = "an entry";
/// What there is where there is no row.
pub(super) const NOTHING: &str = "nothing";

pub(super) fn session_text((modules, score, time, at, day): SessionRow) -> String {
    format!("modules {modules}, score {score}, time {time}, o {at}, d {day}")
}

pub(super) fn totals_text((sessions, modules, score, time): TotalsRow) -> String {
    let [modules, score, time] = [modules, score, time].map(Decimal::from_scaled);
    format!("sessions {sessions}, modules {modules}, score {score}, time {time}")
}

pub(super) fn summary_text((learners, totals): SummaryRow) -> String {
    format!("learners {learners}, {}", totals_text(totals))
}

/// What a row holds, if it is there.
pub(super) fn text_or_nothing<T>(row: Option<T>, text: impl Fn(T) -> String) -> String {
    row.map_or_else(|| NOTHING.into(), text)
}
