//! A connection to Redis, whether that is one server or a Cluster.

use std::collections::HashMap;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{
    MultipleNodeRoutingInfo, ResponsePolicy, RoutingInfo, SingleNodeRoutingInfo,
};
use redis::{
    Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisFuture, RedisResult,
    ServerErrorKind, Value, cmd, pipe,
};

/// A handle to a connection; its clones share it, and what they send at the same time travels
/// together.
#[derive(Clone)]
pub(super) enum Connection {
    /// To one server, the master.
    Single(MultiplexedConnection),
    /// To all nodes of a Cluster. It follows `MOVED` and `ASK`, asks anew where the slots are, and
    /// connects again to nodes that it lost.
    Cluster(ClusterConnection),
}

impl Connection {
    /// Answers where the connection is alive and leads to a server that takes writes.
    pub(super) async fn check(&mut self) -> RedisResult<()> {
        match self {
            Self::Single(connection) => check_master(connection).await,
            // Any node: that one of them is away is no reason to give up the others.
            Self::Cluster(connection) => {
                let anywhere = RoutingInfo::SingleNode(SingleNodeRoutingInfo::Random);
                let answer = connection.route_command(cmd("PING"), anywhere).await?;
                answer.extract_error().map(drop)
            }
        }
    }

    /// Asks each master, and gives the answers by the masters' addresses; that of the only one is
    /// not told.
    pub(super) async fn ask_masters<T: FromRedisValue>(
        &mut self,
        command: Cmd,
    ) -> RedisResult<HashMap<String, T>> {
        match self {
            Self::Single(connection) => {
                let answer = command.query_async(connection).await?;
                Ok(HashMap::from([(String::new(), answer)]))
            }
            Self::Cluster(connection) => {
                let masters = MultipleNodeRoutingInfo::AllMasters;
                let each = RoutingInfo::MultiNode((masters, Some(ResponsePolicy::Special)));
                let answers = connection.route_command(command, each).await?;
                Ok(FromRedisValue::from_redis_value(answers)?)
            }
        }
    }

    /// Whether it heals by itself what breaks on the way to one of its servers.
    pub(super) fn heals_itself(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }
}

/// Asks a server for its role, and whether it has loaded its data.
///
/// A demoted master goes on answering reads, from data that may be old, so the role is looked at
/// also where nothing is written. `HELLO` tells it to every user; a server that refuses it (too
/// old, a proxy, not allowed) is alive all the same.
async fn check_master(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    let mut questions = pipe();
    questions.cmd("HELLO").cmd("PING").ignore_errors();
    let mut answers: Vec<RedisResult<Value>> = questions.query_async(connection).await?;
    let (ping, hello) = (answers.pop(), answers.pop());
    let hello =
        hello.and_then(|hello| HashMap::<String, Value>::from_redis_value(hello.ok()?).ok());
    let role = hello.and_then(|mut hello| String::from_redis_value(hello.remove("role")?).ok());
    match role {
        Some(role) if role != "master" => {
            let read_only = ErrorKind::Server(ServerErrorKind::ReadOnly);
            Err((read_only, "the server is not the master but a", role).into())
        }
        _ => match ping {
            Some(Err(error)) if !is_refusal(&error) => Err(error),
            _ => Ok(()),
        },
    }
}

/// Whether a server answers that it will not do what it was asked, as it would ask anybody.
fn is_refusal(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server(ServerErrorKind::NoPerm | ServerErrorKind::ResponseError)
    )
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Single(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}
