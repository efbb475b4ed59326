//! The commands for operators: what they do, whatever they run in.
//!
//! [`execute()`] is the process that an operator starts; [`run()`] carries out a task wherever the store
//! is open, and speaks to the operator through a [`Console`].

mod console;
mod doctor;
mod door;
mod execute;
mod export;
mod import;
mod inspect;
mod lines;
mod patience;
mod place;
mod terminal;
mod verify;

use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use console::Console;
pub use door::{Door, Visitor};
pub use execute::execute;
pub use place::{Place, open};

use crate::domain::{CourseId, LearnerId, SessionId};
use crate::store::StoreError;
use crate::store::upkeep::{Subject, Upkeep};

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
pub enum Failure {
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// What it reads or writes failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The process that was asked to carry it out says that it could not.
    #[error("{0}")]
    There(String),
}

/// Carries out a task on an open store, and answers whether all is well.
///
/// # Errors
///
/// The store, or an end of the console, failed.
pub async fn run(
    task: &Task,
    store: &Arc<dyn Upkeep>,
    console: &mut dyn Console,
) -> Result<bool, Failure> {
    match *task {
        Task::Verify { repair } => verify::verify(store.as_ref(), repair, console).await,
        Task::Export { learner } => {
            export::export(store, learner.map(LearnerId::from), console).await
        }
        Task::Import { learner, skip } => {
            let learner = learner.map(LearnerId::from);
            import::import(store.as_ref(), learner, skip, console).await
        }
        Task::Doctor => doctor::examine(store.as_ref(), console).await,
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
            inspect::inspect(store.as_ref(), subject, console).await
        }
    }
}

/// How many there were in a second.
#[allow(clippy::cast_precision_loss, reason = "for people to read")]
fn rate(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds.max(0.001)
}
