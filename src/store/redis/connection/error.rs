//! What a failure of Redis means: for the request, for the connection that it came over, and for
//! whoever asked.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::store::StoreError;

/// The failure of a call for which there was no connection.
pub(crate) fn no_lane() -> RedisError {
    (ErrorKind::Io, "no connection to Redis").into()
}

/// The failure of a write that not enough replicas have. It may be stored all the same, so that
/// it is no failure of the connection; to send it again changes nothing and waits anew.
pub(crate) fn too_few_replicas(reached: usize, wanted: usize) -> RedisError {
    let detail = format!("{reached} of {wanted}");
    (
        ErrorKind::Extension,
        "the write has not reached enough replicas in time",
        detail,
    )
        .into()
}

pub(crate) fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Whether the user at Redis may not do what was asked for. A script's failure does not name the
/// command.
pub(crate) fn is_denied(error: &RedisError) -> bool {
    let by_script = || error.to_string().contains("can't run this command");
    error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) || by_script()
}

/// Whether a key is of another type than the command is for.
pub(crate) fn is_other_type(error: &RedisError) -> bool {
    error.code() == Some("WRONGTYPE")
}

/// Whether an error may pass by itself: all but those that say that the request or the stored data
/// is wrong.
pub(crate) fn is_transient(error: &RedisError) -> bool {
    let ours = matches!(
        error.kind(),
        ErrorKind::UnexpectedReturnType
            | ErrorKind::Parse
            | ErrorKind::Client
            | ErrorKind::Server(ServerErrorKind::ResponseError | ServerErrorKind::CrossSlot)
    );
    !ours && !is_other_type(error)
}

/// Whether an error is about the connection or the server behind it, not about one request.
///
/// The driver reconnects by itself only in a Cluster, and there too it does not leave a server
/// that is connected but no longer answers.
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
