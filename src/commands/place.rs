//! Where a task is carried out: here, or in the process that has the store open.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Console, Failure, Task, Visitor, run};
use crate::config::{Config, StartError};
use crate::store;
use crate::store::embedded::EmbeddedStore;
use crate::store::upkeep::Upkeep;

/// How long a process that has the store open is given to end, or to open its door.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is looked at meanwhile.
const INTERVAL: Duration = Duration::from_millis(50);

/// Where a task is carried out.
pub enum Place {
    /// In this process, which has the store open.
    Here(Arc<dyn Upkeep>),
    /// In another, which has.
    There(Visitor),
}

impl Place {
    /// Carries out a task, and answers whether all is well.
    ///
    /// # Errors
    ///
    /// The store, an end of the console, or the other process failed.
    pub async fn run(self, task: &Task, console: &mut dyn Console) -> Result<bool, Failure> {
        match self {
            Self::Here(store) => run(task, &store, console).await,
            Self::There(visitor) => visitor.run(task, console).await,
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
pub async fn open(config: &Config, task: &Task) -> Result<Place, StartError> {
    let Some(directory) = config.embedded_directory() else {
        return Ok(Place::Here(store::open(config)?));
    };
    let start = Instant::now();
    loop {
        let in_use = match open_embedded(directory, config.store_timeout, task) {
            Ok(store) => return Ok(Place::Here(Arc::new(store))),
            Err(StartError::InUse(told)) => told,
            Err(error) => return Err(error),
        };
        // It may just be starting or ending.
        match Visitor::connect(directory).await {
            Ok(visitor) => return Ok(Place::There(visitor)),
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
