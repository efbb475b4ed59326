//! Task that stores the version of the data where Redis has none: scans all masters for data, which are of the
//! first version then.

use std::sync::Arc;

use redis::cmd;

use super::{FIRST_VERSION, Schema, VERSION};
use crate::config::RedisSettings;
use crate::store::StoreError;
use crate::store::redis::RedisStore;

/// Stores missing versions, forever. `url` and `settings` are of a store without a check.
pub(crate) async fn watch(schema: Arc<Schema>, url: String, settings: RedisSettings) {
    loop {
        schema.missing.notified().await;
        match mark(&schema.key, &url, &settings).await {
            Ok(()) => schema.stored.notify_waiters(),
            Err(error) => tracing::warn!(
                error,
                "cannot find out the version of the data in Redis; trying on"
            ),
        }
    }
}

/// Stores the version of the data: the first version where there are data, else the present version.
async fn mark(key: &str, url: &str, settings: &RedisSettings) -> Result<(), String> {
    let store = RedisStore::without_schema(url, settings).map_err(|error| error.to_string())?;
    let version = if has_data(&store).await.map_err(|error| error.to_string())? {
        FIRST_VERSION
    } else {
        VERSION
    };
    let mut set = cmd("SET");
    set.arg(key).arg(version).arg("NX");
    let set = store.query::<Option<String>>(&set).await;
    set.map(|_| ()).map_err(|error| error.to_string())
}

/// Returns whether a master has a key with a bucket.
async fn has_data(store: &RedisStore) -> Result<bool, StoreError> {
    let mut scan = store.scan(store.keys.pattern(None)).await?;
    while let Some(keys) = scan.next().await? {
        if !keys.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}
