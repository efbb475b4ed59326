//! The limit on open files (`RLIMIT_NOFILE`): a connection takes one file.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Number of files reserved for the database, connections to Redis, listeners and the log: clients'
/// connections must not exhaust the files that the store needs.
const OWN_FILES: usize = 128;

/// Raises the limit on open files to `wanted`, or to the hard limit, and returns the limit.
pub fn allow_open_files(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let count = |files: Option<u64>| {
        files.map_or(usize::MAX, |files| {
            usize::try_from(files).unwrap_or(usize::MAX)
        })
    };
    let (allowed, attainable) = (count(limit.current), wanted.min(count(limit.maximum)));
    let raised = Rlimit {
        current: u64::try_from(attainable).ok(),
        ..limit
    };
    if attainable > allowed && setrlimit(Resource::Nofile, raised).is_ok() {
        attainable
    } else {
        allowed
    }
}

/// Returns the maximum number of connections: as `configured`, or with a warning as many as the limit
/// on open files allows.
pub(super) fn connections(configured: usize) -> usize {
    let needed = configured.saturating_add(OWN_FILES);
    let allowed = allow_open_files(needed);
    if allowed >= needed {
        return configured;
    }
    let possible = allowed.saturating_sub(OWN_FILES).max(1);
    tracing::warn!(
        "only {possible} connections instead of {configured}: this process may have {allowed} \
         files open and needs {needed}; raise its limit (ulimit -n {needed}, docker run --ulimit \
         nofile={needed}, LimitNOFILE={needed}), or set MAX_CONNECTIONS={possible}"
    );
    possible
}
