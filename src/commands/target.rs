//! The target of a command: this process, or the process that has the store open.

use std::time::Duration;

use super::control::ControlClient;
use super::{CommandError, Ui, run};
use crate::config::{Config, StoreCommand, StoreConfig};
use crate::error::StartError;
use crate::retry::{Backoff, Retry, retry};
use crate::store::Store;

/// Time limit for another process to close the store or to open its control socket.
const RETRY_LIMIT: Duration = Duration::from_secs(2);
/// Wait between attempts to open the store.
const RETRY_WAIT: Duration = Duration::from_millis(50);

/// The process that runs a command.
pub enum Target {
    /// This process, with the store open.
    Local(Store),
    /// The service that has the embedded store open, by a connection to the control socket.
    Remote(ControlClient),
}

impl Target {
    /// Runs a command, and returns whether the result is free of problems.
    ///
    /// # Errors
    ///
    /// The store, the input, the output or the service failed.
    pub async fn run(self, command: &StoreCommand, ui: &mut dyn Ui) -> Result<bool, CommandError> {
        match self {
            Self::Local(store) => run(command, &store, ui).await,
            Self::Remote(client) => client.run(command, ui).await,
        }
    }
}

/// Opens the store, or connects to the service that has the embedded store open: an embedded store is
/// open in one process only. Only an import creates an embedded store.
///
/// # Errors
///
/// The [`StartError`] names the cause and a remedy.
pub async fn open(config: &Config, command: &StoreCommand) -> Result<Target, StartError> {
    let config = config.store_config()?;
    let retries = Retry::new(RETRY_LIMIT, Backoff::new(RETRY_WAIT, RETRY_WAIT));
    let is_in_use = |error: &StartError| matches!(error, StartError::InUse(_));
    // The other process may be about to start or to end.
    retry(retries, is_in_use, || open_or_connect(&config, command)).await
}

async fn open_or_connect(
    config: &StoreConfig<'_>,
    command: &StoreCommand,
) -> Result<Target, StartError> {
    let opened = match command {
        StoreCommand::Import { .. } => Store::open(config),
        StoreCommand::Upgrade | StoreCommand::Doctor => Store::open_any_version(config),
        _ => Store::open_existing(config),
    };
    let (in_use, directory) = match (opened, config) {
        (Err(StartError::InUse(reason)), StoreConfig::Embedded { directory, .. }) => {
            (reason, directory)
        }
        (opened, _) => return opened.map(Target::Local),
    };
    let client = ControlClient::connect(directory).await;
    client.map(Target::Remote).map_err(|error| {
        StartError::InUse(format!("{in_use} (it cannot be asked to do this: {error})"))
    })
}
