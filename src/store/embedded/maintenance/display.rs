//! Rows as text for an operator.

use std::fmt::{self, Display};

use crate::domain::{Enrolment, LearnerId, Measures, Summary, Totals};
use crate::store::embedded::schema::{CourseKey, SessionKey, SessionRow, SummaryKey, TimelineKey};

/// Table and key of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKey {
    Session(SessionKey),
    Totals(Enrolment),
    Timeline(TimelineKey),
    Course(CourseKey),
    Summary(SummaryKey),
    Erased(LearnerId),
}

impl RowKey {
    /// Returns the enrolment of a row of totals or of an index.
    pub(super) fn enrolment(self) -> Option<Enrolment> {
        match self {
            Self::Totals(enrolment) => Some(enrolment),
            Self::Timeline(key) => Some(key.enrolment),
            Self::Course(key) => Some(key.enrolment()),
            Self::Session(_) | Self::Summary(_) | Self::Erased(_) => None,
        }
    }
}

impl Display for RowKey {
    /// Writes the table, and the key in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(SessionKey { enrolment, session }) => {
                let Enrolment { learner, course } = enrolment;
                write!(f, "sessions[{learner}, {course}, {session}]")
            }
            Self::Totals(Enrolment { learner, course }) => {
                write!(f, "totals[{learner}, {course}]")
            }
            Self::Timeline(TimelineKey {
                enrolment: Enrolment { learner, course },
                millis,
                session,
            }) => write!(f, "timeline[{learner}, {course}, {millis}, {session}]"),
            Self::Course(CourseKey {
                learner,
                latest,
                course,
            }) => write!(f, "courses[{learner}, {latest}, {course}]"),
            Self::Summary(SummaryKey { course, bucket }) => {
                write!(f, "summary[{course}, {bucket}]")
            }
            Self::Erased(learner) => write!(f, "erased[{learner}]"),
        }
    }
}

/// Text of an entry in an index, which has a key only.
pub(super) const ENTRY: &str = "an entry";
/// Text of a missing row.
pub(super) const NOTHING: &str = "nothing";

pub(super) fn session_text(row: SessionRow) -> String {
    let (at, day) = (row.occurred_at.millis, row.occurred_at.local_day);
    format!("{}, o {at}, d {day}", measures_text(row.measures))
}

pub(super) fn totals_text(totals: Totals) -> String {
    let sums = measures_text(totals.sums);
    format!("sessions {}, {sums}", totals.sessions)
}

pub(super) fn summary_text(summary: Summary) -> String {
    let totals = totals_text(summary.totals);
    format!("learners {}, {totals}", summary.learners)
}

fn measures_text<T: Display>(measures: Measures<T>) -> String {
    let Measures {
        modules,
        score,
        time,
    } = measures;
    format!("modules {modules}, score {score}, time {time}")
}

/// Returns the text of a row, or of a missing row.
pub(super) fn text_or_nothing<T>(row: Option<T>, text: impl Fn(T) -> String) -> String {
    row.map_or_else(|| NOTHING.into(), text)
}
