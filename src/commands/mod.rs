//! The commands for operators: what they do, whatever they run in.

mod console;
mod door;
mod place;

use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use console::Console;
pub use door::{Door, Visitor};
pub use place::{Place, open};

use crate::store::StoreError;
use crate::store::upkeep::Upkeep;

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
    _task: &Task,
    _store: &Arc<dyn Upkeep>,
    _console: &mut dyn Console,
) -> Result<bool, Failure> {
    Ok(true)
}
