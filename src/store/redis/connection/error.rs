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

/// Returns true where the server refuses writes as it cannot write to its disk.
pub(crate) fn is_disk_error(error: &RedisError) -> bool {
    error.code() == Some("MISCONF")
}

/// Returns true where the server asks for a password that the connection has not sent. Redis replies with the
/// second text, and closes the connection, to a request of more than ten arguments
/// (`processMultibulkBuffer` in `networking.c`).
fn is_unauthenticated(error: &RedisError) -> bool {
    error.code() == Some("NOAUTH") || error.to_string().contains("unauthenticated multibulk")
}

/// Returns true where the driver has no connection to any node of a Cluster. While a node hangs, the error is a
/// timeout, and other nodes may be healthy.
pub(crate) fn no_node_accepts(error: &RedisError) -> bool {
    let kinds = [
        ErrorKind::ClusterConnectionNotFound,
        ErrorKind::AuthenticationFailed,
    ];
    kinds.contains(&error.kind()) || is_unauthenticated(error)
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
    is_unauthenticated(error) || !is_permanent && !is_other_type(error)
}

/// Returns true where an error concerns the connection or the server, not a single request.
///
/// The driver reconnects only in a Cluster, and keeps even there the connection to a server that hangs.
pub(crate) fn breaks_lane(error: &RedisError) -> bool {
    let is_broken = matches!(
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
    );
    is_broken || is_unauthenticated(error)
}

/// Parts of texts of errors, each with the advice for an operator.
const ADVICE: [(&str, &str); 5] = [
    (
        "at the Sentinel - AuthenticationFailed",
        "the Sentinel refuses the user or the password: see REDIS_SENTINEL_USERNAME and REDIS_SENTINEL_PASSWORD",
    ),
    (
        "Password authentication failed",
        "the server refuses the user or the password: see REDIS_URL and REDIS_PASSWORD_FILE",
    ),
    (
        "NOAUTH",
        "the server asks for a password: give it in REDIS_URL or REDIS_PASSWORD_FILE",
    ),
    (
        "CaUsedAsEndEntity",
        "the certificate of the server is a certificate of an authority: give the server a certificate that the authority of REDIS_CA_FILE has signed",
    ),
    (
        "UnknownIssuer",
        "no trusted authority has signed the certificate of the server: name the file of its authority in REDIS_CA_FILE",
    ),
];

/// Text of an error with the advice for an operator, if there is any.
pub(crate) fn explained(error: &impl ToString) -> String {
    let text = error.to_string();
    let advice = ADVICE.iter().find(|(part, _)| text.contains(part));
    match advice {
        Some((_, advice)) => format!("{text}: {advice}"),
        None => text,
    }
}

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        if is_transient(&error) {
            Self::Unavailable(explained(&error))
        } else {
            Self::Unexpected(error.to_string())
        }
    }
}
