//! Checks of a connection: role and readiness of the server, its clock, and the slots of a Cluster.

use std::collections::HashMap;

use redis::aio::MultiplexedConnection;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, ResponsePolicy, RoutingInfo};
use redis::{
    Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, ServerErrorKind, Value, cmd, pipe,
};

use super::cluster_slots::SlotMap;
use super::error::is_disk_error;
use super::server_clock::ServerClock;

/// Checks that a server is a master with loaded data (`PING` fails while loading), and reads the clock and
/// whether the server is a node of a Cluster.
///
/// A demoted master still replies to reads, with data that may be stale, so the role matters to reads
/// too. Every user may read the role by `HELLO`; a server that refuses `HELLO` (a proxy) counts as a
/// master.
pub(super) async fn master(
    connection: &mut MultiplexedConnection,
) -> RedisResult<(ServerClock, bool)> {
    let mut commands = pipe();
    commands
        .cmd("HELLO")
        .cmd("PING")
        .cmd("TIME")
        .ignore_errors();
    let replies: Vec<RedisResult<Value>> = commands.query_async(connection).await?;
    let [hello, ping, time] = <[_; 3]>::try_from(replies).map_err(|_| unexpected())?;
    let hello = hello.map(HashMap::<String, Value>::from_redis_value);
    let mut hello = hello.ok().and_then(Result::ok).unwrap_or_default();
    let mut property = |name: &str| {
        let value = hello.remove(name).map(String::from_redis_value);
        value.and_then(Result::ok)
    };
    if let Some(role) = property("role").filter(|role| role != "master") {
        let read_only = ErrorKind::Server(ServerErrorKind::ReadOnly);
        return Err((read_only, "the server is not the master but a", role).into());
    }
    answered(ping)?;
    let is_node = property("mode").is_some_and(|mode| mode == "cluster");
    Ok((clock(time?)?, is_node))
}

/// Returns the error of a server that serves no request, from the reply to `PING`. A server that cannot write
/// to its disk refuses `PING` as well as writes (`MISCONF`), and serves reads.
pub(super) fn answered(ping: RedisResult<Value>) -> RedisResult<()> {
    match ping {
        Err(error) if !is_disk_error(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Reads the clock and the slots of a Cluster.
pub(super) async fn cluster(
    connection: &mut ClusterConnection,
) -> RedisResult<(ServerClock, SlotMap)> {
    let clock = clock(ask_any(connection, cmd("TIME")).await?)?;
    let mut slots = cmd("CLUSTER");
    slots.arg("SLOTS");
    let slots = SlotMap::read(ask_any(connection, slots).await?)?;
    Ok((clock, slots))
}

/// Returns the first reply of any master: an unreachable master is no error of the others.
pub(super) async fn ask_any(
    connection: &mut ClusterConnection,
    command: Cmd,
) -> RedisResult<Value> {
    let masters = MultipleNodeRoutingInfo::AllMasters;
    let any = RoutingInfo::MultiNode((masters, Some(ResponsePolicy::OneSucceeded)));
    let reply = connection.route_command(command, any).await?;
    reply.extract_error()
}

/// Parses the reply of `TIME`: seconds and microseconds.
fn clock(time: Value) -> RedisResult<ServerClock> {
    let (seconds, micros): (i64, i64) = FromRedisValue::from_redis_value(time)?;
    Ok(ServerClock::read(seconds * 1_000 + micros / 1_000))
}

/// Returns the reply of a command, or the error. An error within the reply of a script, which is of one record, stays
/// within the reply.
pub(crate) fn result(reply: Value) -> RedisResult<Value> {
    match reply {
        Value::ServerError(error) => Err(error.into()),
        reply => Ok(reply),
    }
}

/// Returns the errors of a reply: of the command, or of the records within the reply of a script.
pub(crate) fn errors(reply: &RedisResult<Value>) -> Vec<RedisError> {
    let of_record = |reply: &Value| match reply {
        Value::ServerError(error) => Some(error.clone().into()),
        _ => None,
    };
    match reply {
        Ok(Value::Array(replies)) => replies.iter().filter_map(of_record).collect(),
        Ok(_) => Vec::new(),
        Err(error) => vec![error.clone()],
    }
}

/// Error of a reply of another form than the command has.
pub(crate) fn unexpected() -> RedisError {
    let kind = ErrorKind::UnexpectedReturnType;
    (kind, "the server did not answer each question").into()
}
