//! Classification of Redis errors: transient, fatal for the connection, or an error of the request.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::store::StoreError;

/// Error of a request without an open connection.
pub(crate) fn no_lane() -> RedisError {
    (ErrorKind::Io, "no connection to Redis").into()
}

/// Error of a write that reached fewer replicas than configured. The master may have stored the write,
/// so the connection stays; a retry changes nothing and waits for the replicas again.
pub(crate) fn too_few_replicas(reached: usize, wanted: usize) -> RedisError {
    let detail = format!("{reached} of {wanted}");
    (
        ErrorKind::Extension,
        "the write has not reached enough replicas in time",
        detail,
    )
        .into()
}

/// Returns true where the server does not have the script of an `EVALSHA`.
pub(crate) fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Returns true where the Redis user lacks a permission. The error of a script does not have the code
/// `NOPERM`, only the text.
pub(crate) fn is_denied(error: &RedisError) -> bool {
    let by_script = || error.to_string().contains("can't run this command");
    error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) || by_script()
}

/// Returns true where a key has a type that the command does not accept.
pub(crate) fn is_other_type(error: &RedisError) -> bool {
    error.code() == Some("WRONGTYPE")
}

/// Returns true where a retry can succeed: for all errors except errors of the request or of the stored
/// data.
pub(crate) fn is_transient(error: &RedisError) -> bool {
    let is_permanent = matches!(
        error.kind(),
        ErrorKind::UnexpectedReturnType
            | ErrorKind::Parse
            | ErrorKind::Client
            | ErrorKind::Server(ServerErrorKind::ResponseError | ServerErrorKind::CrossSlot)
    );
    !is_permanent && !is_other_type(error)
}

/// Returns true where an error concerns the connection or the server, not a single request.
///
/// The driver reconnects only in a Cluster, and keeps even there the connection to a server that hangs.
pub(crate) fn breaks_lane(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Io
            | ErrorKind::Parse
            | ErrorKind::AuthenticationFailed
            | ErrorKind::ClusterConnectionNotFound
            | ErrorKind::Server(
                ServerErrorKind::ReadOnly
                    | ServerErrorKind::BusyLoading
                    | ServerErrorKind::MasterDown
            )
    )
}

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        if is_transient(&error) {
            Self::Unavailable(error.to_string())
        } else {
            Self::Unexpected(error.to_string())
        }
    }
}
