//! Opening of the store that the configuration selects.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::StatsStore;
use super::embedded::EmbeddedStore;
use super::maintenance::Maintenance;
use super::redis::RedisStore;
use crate::config::StoreConfig;
use crate::error::StartError;

/// An open store, with a handle for requests and a handle for operators. Clones share the store.
#[derive(Clone)]
pub struct Store {
    /// Operations for requests.
    pub requests: Arc<dyn StatsStore>,
    /// Operations for operators.
    pub maintenance: Arc<dyn Maintenance>,
}

impl Store {
    /// Returns both handles to a store.
    #[must_use]
    pub fn new(store: impl StatsStore + Maintenance + 'static) -> Self {
        let store = Arc::new(store);
        Self {
            requests: Arc::clone(&store) as _,
            maintenance: store,
        }
    }

    /// Opens the store that the configuration selects. Returns without a connection to Redis: a background
    /// task connects, also after an outage.
    ///
    /// # Errors
    ///
    /// Returns an error where the configuration is invalid or the embedded database cannot be opened.
    pub fn open(config: &StoreConfig<'_>) -> Result<Self, StartError> {
        Ok(match config {
            StoreConfig::Embedded {
                directory,
                timeout,
                limits,
            } => Self::new(EmbeddedStore::open(directory, *timeout)?.with_limits(*limits)),
            StoreConfig::Redis { url, settings } => Self::new(RedisStore::open(url, settings)?),
        })
    }

    /// Opens the store that the configuration selects, without creating an embedded database.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); or the data directory has no database.
    pub fn open_existing(config: &StoreConfig<'_>) -> Result<Self, StartError> {
        match config {
            StoreConfig::Embedded {
                directory,
                timeout,
                limits,
            } => {
                let store = EmbeddedStore::open_existing(directory, *timeout)?;
                Ok(Self::new(store.with_limits(*limits)))
            }
            redis => Self::open(redis),
        }
    }

    /// Opens the store that the configuration selects, whatever the version of data in Redis. The embedded
    /// store upgrades its data whenever it is opened.
    ///
    /// # Errors
    ///
    /// As [`open_existing`](Self::open_existing).
    pub fn open_any_version(config: &StoreConfig<'_>) -> Result<Self, StartError> {
        match config {
            StoreConfig::Redis { url, settings } => {
                Ok(Self::new(RedisStore::without_schema(url, settings)?))
            }
            embedded => Self::open_existing(embedded),
        }
    }

    /// Opens a store for each runtime. On Redis a store has connections of its own, on its runtime; where there
    /// are fewer connections than runtimes, several runtimes share a store. The embedded store is opened once
    /// and shared.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_for_each(
        runtimes: &[Handle],
        config: &StoreConfig<'_>,
    ) -> Result<Vec<Self>, StartError> {
        let StoreConfig::Redis { url, settings } = config else {
            return Ok(vec![Self::open(config)?; runtimes.len()]);
        };
        let settings = settings.divided(runtimes.len());
        let stores = settings.iter().zip(runtimes).enumerate();
        let stores = stores.map(|(number, (settings, runtime))| {
            let _entered = runtime.enter();
            // The process has a single config watch, in the first store.
            let store = if number == 0 {
                RedisStore::open(url, settings)?
            } else {
                RedisStore::beside(url, settings)?
            };
            Ok(Self::new(store))
        });
        let stores = stores.collect::<Result<Vec<_>, StartError>>()?;
        Ok(stores
            .iter()
            .cycle()
            .take(runtimes.len())
            .cloned()
            .collect())
    }
}
