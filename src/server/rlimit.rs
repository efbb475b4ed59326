//! The limit on open files: every connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files beside the clients' connections: the database, connections to Redis, the listener, the
/// log. Kept free, so that clients cannot take the service's way to its store.
const OWN_FILES: usize = 128;

/// Lets this process have as many files open as `wanted`, or as near to it as it may come. Gives
/// how many it may have.
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

/// How many connections the process can have: as many as are `configured`, or as there can be
/// files for; then the operator is told.
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
