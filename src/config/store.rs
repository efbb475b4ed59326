//! The selection of the store.

use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;

use super::{Config, RedisSettings, Secret};
use crate::domain::Limits;
use crate::error::StartError;

impl Config {
    /// Returns the selected store with its settings.
    ///
    /// # Errors
    ///
    /// The configuration selects Redis without a URL.
    pub fn store_config(&self) -> Result<StoreConfig<'_>, StartError> {
        let url = self.redis_url.as_ref().or(self.redis_url_file.as_ref());
        let url = url.map(Secret::reveal).filter(|url| !url.is_empty());
        match (self.store, url) {
            (StoreChoice::Embedded, _) | (StoreChoice::Auto, None) => {
                Ok(StoreConfig::Embedded {
                    directory: &self.data_dir,
                    timeout: self.store_timeout,
                    limits: self.limits(),
                })
            }
            (StoreChoice::Auto | StoreChoice::Redis, Some(url)) => Ok(StoreConfig::Redis {
                url,
                settings: Box::new(self.redis_settings()),
            }),
            (StoreChoice::Redis, None) => Err(StartError::Configuration(
                "STORE is redis, but REDIS_URL is not set: give it an address such as redis://localhost:6379".into(),
            )),
        }
    }
}

/// The selected store, with the settings of the store.
#[derive(Clone)]
pub enum StoreConfig<'a> {
    /// The embedded store.
    Embedded {
        /// The data directory.
        directory: &'a Path,
        /// Timeout of a call to the store.
        timeout: Duration,
        /// Maximum numbers of sessions and courses.
        limits: Limits,
    },
    /// Redis.
    Redis {
        /// The configured URL, which may have a password.
        url: &'a str,
        /// The other settings.
        settings: Box<RedisSettings>,
    },
}

impl StoreConfig<'_> {
    /// Returns the name of the store.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Embedded { .. } => "embedded",
            Self::Redis { .. } => "redis",
        }
    }
}

/// Which store to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StoreChoice {
    /// Redis where a URL is given, else the embedded store.
    Auto,
    /// The embedded store, also where a Redis URL is given.
    Embedded,
    /// Redis; without a URL an error, so that a typo cannot give each replica a store of its own.
    Redis,
}
