//! Where a task is carried out: here, or in the process that has the store open.

use std::path::Path;
use std::time::Duration;

use super::control::ControlClient;
use super::{CommandError, Task, Ui, run};
use crate::config::{Config, StoreConfig};
use crate::error::StartError;
use crate::retry::{Backoff, Retry, retry};
use crate::store::Store;
use crate::store::embedded::EmbeddedStore;

/// Time limit for another process to close the store or to open its control socket.
const RETRY_LIMIT: Duration = Duration::from_secs(2);
/// Wait between attempts to open the store.
const RETRY_WAIT: Duration = Duration::from_millis(50);

/// Where a task is carried out.
pub enum Target {
    /// In this process, which has the store open.
    Local(Store),
    /// In another, which has.
    Remote(ControlClient),
}

impl Target {
    /// Carries out a task, and answers whether all is well.
    ///
    /// # Errors
    ///
    /// The store, an end of the console, or the other process failed.
    pub async fn run(self, task: &Task, ui: &mut dyn Ui) -> Result<bool, CommandError> {
        match self {
            Self::Local(store) => run(task, &store, ui).await,
            Self::Remote(visitor) => visitor.run(task, ui).await,
        }
    }
}

/// Finds the place to carry out a task in.
///
/// A process has an embedded store to itself, so that where another one serves it, that one is asked.
/// Only what brings data creates a store.
///
/// # Errors
///
/// The [`StartError`] says what is wrong and what would be right.
pub async fn open(config: &Config, task: &Task) -> Result<Target, StartError> {
    let (directory, timeout) = match config.store_config()? {
        StoreConfig::Embedded { directory, timeout } => (directory, timeout),
        redis => return Ok(Target::Local(Store::open(&redis)?)),
    };
    let retries = Retry::new(RETRY_LIMIT, Backoff::new(RETRY_WAIT, RETRY_WAIT));
    let is_in_use = |error: &StartError| matches!(error, StartError::InUse(_));
    // The other process may be about to start or to end.
    retry(retries, is_in_use, || {
        open_or_connect(directory, timeout, task)
    })
    .await
}

/// Opens the embedded store, or connects to the process that has the store open.
async fn open_or_connect(
    directory: &Path,
    timeout: Duration,
    task: &Task,
) -> Result<Target, StartError> {
    let in_use = match open_embedded(directory, timeout, task) {
        Ok(store) => return Ok(Target::Local(Store::new(store))),
        Err(StartError::InUse(reason)) => reason,
        Err(error) => return Err(error),
    };
    let client = ControlClient::connect(directory).await;
    client.map(Target::Remote).map_err(|error| {
        StartError::InUse(format!("{in_use} (it cannot be asked to do this: {error})"))
    })
}

fn open_embedded(
    directory: &Path,
    timeout: Duration,
    task: &Task,
) -> Result<EmbeddedStore, StartError> {
    match task {
        Task::Import { .. } => EmbeddedStore::open(directory, timeout),
        _ => EmbeddedStore::open_existing(directory, timeout),
    }
}
