//! The operator's commands on a store.
//!
//! [`execute()`] is the process that an operator starts; [`run()`] runs a command in the process that has
//! the store open, and reports through a [`Ui`].

pub mod control;
mod doctor;
mod execute;
mod export;
mod import;
mod inspect;
mod lines;
mod output;
mod target;
mod upgrade;
mod verify;

use std::io;
use std::time::Duration;

pub use execute::execute;
pub use output::Ui;
pub use target::{Target, open};

use crate::config::StoreCommand;
use crate::domain::{CourseId, LearnerId, SessionId};
use crate::retry::{Backoff, Retry};
use crate::store::maintenance::InspectScope;
use crate::store::{Store, StoreError};

/// Time limit of retries of a call to the store.
const RETRY_LIMIT: Duration = Duration::from_secs(30);
/// Wait between attempts of a call to the store.
const RETRY_WAIT: Duration = Duration::from_millis(200);

/// The error of a command.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The input or the output of the command failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The service at the control socket reports an error, or has closed the connection.
    #[error("{0}")]
    Remote(String),
}

/// Runs a command on an open store, and returns whether the result is free of problems.
///
/// # Errors
///
/// The store, the input or the output failed.
pub async fn run(
    command: &StoreCommand,
    store: &Store,
    ui: &mut dyn Ui,
) -> Result<bool, CommandError> {
    match *command {
        StoreCommand::Verify { repair } => verify::verify(&*store.maintenance, repair, ui).await,
        StoreCommand::Export { user, .. } => {
            export::export(store, user.map(LearnerId::from), ui).await
        }
        StoreCommand::Import { user, skip, .. } => {
            import::import(store, user.map(LearnerId::from), skip, ui).await
        }
        StoreCommand::Doctor => doctor::diagnose(store, ui).await,
        StoreCommand::Upgrade => upgrade::upgrade(&*store.maintenance, ui).await,
        StoreCommand::Inspect {
            user,
            course,
            session,
        } => {
            let scope = InspectScope {
                learner: user.into(),
                course: course.map(CourseId::from),
                session: session.map(SessionId::from),
            };
            inspect::inspect(&*store.maintenance, scope, ui).await
        }
    }
}

/// Returns the retry of a call to the store, long enough for a failover.
const fn store_retry() -> Retry {
    Retry::new(RETRY_LIMIT, Backoff::new(RETRY_WAIT, RETRY_WAIT))
}

/// Returns the rate per second, for the operator to read.
#[allow(clippy::cast_precision_loss, reason = "rounded for output")]
fn rate(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds.max(0.001)
}
