//! The commands for operators: what they do, whatever they run in.
//!
//! [`execute()`] is the process that an operator starts; [`run()`] carries out a task wherever the store
//! is open, and speaks to the operator through a [`Ui`].

pub mod control;
mod doctor;
mod execute;
mod export;
mod import;
mod inspect;
mod lines;
mod output;
mod target;
mod verify;

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use execute::execute;
pub use output::Ui;
pub use target::{Target, open};

use crate::domain::{CourseId, LearnerId, SessionId};
use crate::retry::{Backoff, Retry};
use crate::store::maintenance::Subject;
use crate::store::{Store, StoreError};

/// What is to be done with a store; also what one process asks of another that has the store open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// Hold all aggregates to the sessions.
    Verify {
        /// Whether to mend what differs.
        repair: bool,
    },
    /// Put out all sessions, or one learner's, a line each.
    Export {
        /// Whose sessions; without one, everybody's.
        learner: Option<Uuid>,
    },
    /// Take in the lines of an export.
    Import {
        /// Whose sessions to take; without one, everybody's.
        learner: Option<Uuid>,
        /// Lines to pass over, which an earlier import has taken in.
        skip: u64,
    },
    /// Look at all that could keep the store from doing its work.
    Doctor,
    /// Print what is stored of a learner, in a course, of a session.
    Inspect {
        /// The learner.
        learner: Uuid,
        /// The course.
        course: Option<Uuid>,
        /// The session.
        session: Option<Uuid>,
    },
}

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// What it reads or writes failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The process that was asked to carry it out says that it could not.
    #[error("{0}")]
    Remote(String),
}

/// Carries out a task on an open store, and answers whether all is well.
///
/// # Errors
///
/// The store, or an end of the console, failed.
pub async fn run(task: &Task, store: &Store, ui: &mut dyn Ui) -> Result<bool, CommandError> {
    match *task {
        Task::Verify { repair } => verify::verify(&*store.maintenance, repair, ui).await,
        Task::Export { learner } => export::export(store, learner.map(LearnerId::from), ui).await,
        Task::Import { learner, skip } => {
            let learner = learner.map(LearnerId::from);
            import::import(&*store.requests, learner, skip, ui).await
        }
        Task::Doctor => doctor::diagnose(store, ui).await,
        Task::Inspect {
            learner,
            course,
            session,
        } => {
            let subject = Subject {
                learner: learner.into(),
                course: course.map(CourseId::from),
                session: session.map(SessionId::from),
            };
            inspect::inspect(&*store.maintenance, subject, ui).await
        }
    }
}

/// Time limit of retries of a call to the store.
const RETRY_LIMIT: Duration = Duration::from_secs(30);
/// Wait between attempts of a call to the store.
const RETRY_WAIT: Duration = Duration::from_millis(200);

/// Returns the retry of a call to the store, long enough for a failover.
const fn store_retry() -> Retry {
    Retry::new(RETRY_LIMIT, Backoff::new(RETRY_WAIT, RETRY_WAIT))
}

/// How many there were in a second.
#[allow(clippy::cast_precision_loss, reason = "for people to read")]
fn rate(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds.max(0.001)
}
