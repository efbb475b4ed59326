//! Where a task is carried out: here, or in the process that has the store open.

use std::path::Path;
use std::time::{Duration, Instant};

use super::control::ControlClient;
use super::{CommandError, Task, Ui, run};
use crate::config::{Config, StoreConfig};
use crate::error::StartError;
use crate::store::Store;
use crate::store::embedded::EmbeddedStore;

/// How long a process that has the store open is given to end, or to open its door.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is looked at meanwhile.
const INTERVAL: Duration = Duration::from_millis(50);

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
    let start = Instant::now();
    loop {
        let in_use = match open_embedded(directory, timeout, task) {
            Ok(store) => return Ok(Target::Local(Store::new(store))),
            Err(StartError::InUse(told)) => told,
            Err(error) => return Err(error),
        };
        // It may just be starting or ending.
        match ControlClient::connect(directory).await {
            Ok(visitor) => return Ok(Target::Remote(visitor)),
            Err(_) if start.elapsed() < PATIENCE => tokio::time::sleep(INTERVAL).await,
            Err(error) => {
                return Err(StartError::InUse(format!(
                    "{in_use} (it cannot be asked to do this: {error})"
                )));
            }
        }
    }
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
