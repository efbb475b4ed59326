//! A connection to Redis, whether that is one server or a Cluster.

pub(crate) mod auto_pipeline;
pub(crate) mod cluster_slots;
pub(crate) mod error;
pub(crate) mod lanes;
pub(crate) mod manager;
pub(crate) mod scatter;
pub(crate) mod server_clock;
mod tls;
pub(crate) mod url;
pub(crate) mod wait_replicas;

use std::collections::HashMap;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{
    MultipleNodeRoutingInfo, ResponsePolicy, Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr,
};
use redis::{
    Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, ServerErrorKind, Value, cmd,
    pipe,
};

use auto_pipeline::AutoPipeline;
use cluster_slots::SlotMap;
use scatter::Grouping;
use server_clock::ServerClock;

/// A handle to a connection; its clones share it, and what they send at the same time travels
/// together.
#[derive(Clone)]
pub(crate) struct Connection {
    servers: Servers,
    /// The servers' clock, as of the last check.
    pub(crate) clock: ServerClock,
    /// Which of the servers has what, as of the last check; of the only one nothing.
    slots: SlotMap,
}

#[derive(Clone)]
enum Servers {
    /// One server, the master.
    Single(AutoPipeline),
    /// All nodes of a Cluster. The driver follows `MOVED` and `ASK`, asks anew where the slots are,
    /// and connects again to nodes that it lost.
    Cluster(ClusterConnection),
}

impl Connection {
    /// A connection to one server.
    ///
    /// # Errors
    ///
    /// It fails the [`check`](Self::check).
    pub(crate) async fn single(mut connection: MultiplexedConnection) -> RedisResult<Self> {
        Ok(Self {
            clock: check_master(&mut connection).await?,
            slots: SlotMap::default(),
            servers: Servers::Single(AutoPipeline::start(connection)),
        })
    }

    /// A connection to all nodes of a Cluster.
    ///
    /// # Errors
    ///
    /// It fails the [`check`](Self::check).
    pub(crate) async fn cluster(mut connection: ClusterConnection) -> RedisResult<Self> {
        let (clock, slots) = check_cluster(&mut connection).await?;
        Ok(Self {
            clock,
            slots,
            servers: Servers::Cluster(connection),
        })
    }

    /// Answers where the connection is alive and leads to a server that takes writes; reads the
    /// clock, and where the slots are.
    pub(crate) async fn check(&mut self) -> RedisResult<()> {
        match &mut self.servers {
            Servers::Single(server) => self.clock = check_master(server.connection()).await?,
            Servers::Cluster(connection) => {
                (self.clock, self.slots) = check_cluster(connection).await?;
            }
        }
        Ok(())
    }

    /// Takes over what a later check of another handle to the same connection found.
    pub(crate) fn take_over(&mut self, checked: &Self) {
        self.clock = checked.clock;
        self.slots = checked.slots.clone();
    }

    /// Groups what is to be sent by where it goes; all together, where there is one server. Those of
    /// one bucket are in one group, in their order.
    pub(crate) fn group<T>(
        &self,
        grouping: Grouping,
        items: impl IntoIterator<Item = (u16, T)>,
    ) -> Vec<Vec<T>> {
        match (&self.servers, grouping) {
            (Servers::Single(..), _) => vec![items.into_iter().map(|(_, item)| item).collect()],
            (Servers::Cluster(_), Grouping::ByServer) => self.slots.group(items),
            (Servers::Cluster(_), Grouping::ByBucket) => SlotMap::default().group(items),
        }
    }

    /// The address of the master that has a bucket, as [`ask_masters`](Self::ask_masters) tells it;
    /// `None` where there is one server, or none is known to have it.
    pub(crate) fn master_of(&self, bucket: u16) -> Option<&str> {
        self.slots.master_of(bucket)
    }

    /// Sends a command to the server that has its keys, and gives the reply.
    pub(crate) async fn send(&mut self, command: Cmd) -> RedisResult<Value> {
        match &mut self.servers {
            Servers::Single(server) => server.send(command).await,
            Servers::Cluster(connection) => {
                let reply = connection.req_packed_command(&command).await?;
                reply.extract_error()
            }
        }
    }

    /// Sends commands to the server that has a bucket, and gives what each of them came to.
    pub(crate) async fn send_to(
        &mut self,
        bucket: u16,
        pipeline: Pipeline,
    ) -> RedisResult<Vec<RedisResult<Value>>> {
        let count = pipeline.len();
        let replies = match &mut self.servers {
            Servers::Single(server) => {
                let server = server.connection();
                server.req_packed_commands(&pipeline, 0, count).await?
            }
            Servers::Cluster(connection) => {
                // The hash tag of its keys.
                let master = Route::with_key(format!("{{{bucket}}}"), SlotAddr::Master);
                let master = SingleNodeRoutingInfo::SpecificNode(master);
                connection
                    .route_pipeline(pipeline, 0, count, master)
                    .await?
            }
        };
        Ok(replies.into_iter().map(Value::extract_error).collect())
    }

    /// Answers where Redis serves.
    pub(crate) async fn ping(&mut self) -> RedisResult<()> {
        match &mut self.servers {
            Servers::Single(server) => cmd("PING").exec_async(server.connection()).await,
            Servers::Cluster(connection) => {
                // Each node knows whether enough of the others are there.
                let mut info = cmd("CLUSTER");
                info.arg("INFO");
                let info = String::from_redis_value(ask_any(connection, info).await?)?;
                if info.contains("cluster_state:ok") {
                    return Ok(());
                }
                let down = ErrorKind::Server(ServerErrorKind::ClusterDown);
                Err((down, "the Cluster says that it is down").into())
            }
        }
    }

    /// Asks each master, and gives the answers by the masters' addresses; that of the only one is
    /// not told.
    pub(crate) async fn ask_masters<T: FromRedisValue>(
        &mut self,
        command: Cmd,
    ) -> RedisResult<HashMap<String, T>> {
        match &mut self.servers {
            Servers::Single(server) => {
                let answer = command.query_async(server.connection()).await?;
                Ok(HashMap::from([(String::new(), answer)]))
            }
            Servers::Cluster(connection) => {
                let masters = MultipleNodeRoutingInfo::AllMasters;
                let each = RoutingInfo::MultiNode((masters, Some(ResponsePolicy::Special)));
                let answers = connection.route_command(command, each).await?;
                Ok(FromRedisValue::from_redis_value(answers)?)
            }
        }
    }

    /// Asks one of the masters, by its address as [`ask_masters`](Self::ask_masters) tells it.
    pub(crate) async fn ask_master(&mut self, address: &str, command: &Cmd) -> RedisResult<Value> {
        match &mut self.servers {
            Servers::Single(server) => server.connection().req_packed_command(command).await,
            Servers::Cluster(connection) => {
                let (host, port) = address.rsplit_once(':').ok_or_else(unexpected)?;
                let master = SingleNodeRoutingInfo::ByAddress {
                    host: host.to_owned(),
                    port: port.parse().map_err(|_| unexpected())?,
                };
                let master = RoutingInfo::SingleNode(master);
                connection.route_command(command.clone(), master).await
            }
        }
    }

    /// Whether it leads to all masters that have slots.
    ///
    /// One to a Cluster can be had as soon as any node answers. But where another one hangs, the
    /// driver tries to connect to that again and again, and all requests wait meanwhile.
    pub(crate) async fn is_whole(&mut self) -> bool {
        let Servers::Cluster(connection) = &mut self.servers else {
            return true;
        };
        let mut info = cmd("CLUSTER");
        info.arg("INFO");
        let Ok(info) = ask_any(connection, info)
            .await
            .map(String::from_redis_value)
        else {
            return false;
        };
        let info = info.unwrap_or_default();
        let size = info
            .lines()
            .find_map(|line| line.strip_prefix("cluster_size:"));
        let size = size.and_then(|size| size.parse::<usize>().ok());
        let reached = self.ask_masters::<String>(cmd("PING")).await;
        reached.is_ok_and(|reached| Some(reached.len()) >= size)
    }

    /// Whether it heals by itself what breaks on the way to one of its servers.
    pub(crate) fn heals_itself(&self) -> bool {
        matches!(self.servers, Servers::Cluster(_))
    }
}

/// Asks a server for its role, whether it has loaded its data (else it refuses a `PING`), and for its
/// time.
///
/// A demoted master goes on answering reads, from data that may be old, so the role is looked at
/// also where nothing is written. `HELLO` tells it to every user; a server that refuses it (a
/// proxy, say) may be a master all the same.
async fn check_master(connection: &mut MultiplexedConnection) -> RedisResult<ServerClock> {
    let mut questions = pipe();
    questions
        .cmd("HELLO")
        .cmd("PING")
        .cmd("TIME")
        .ignore_errors();
    let answers: Vec<RedisResult<Value>> = questions.query_async(connection).await?;
    let [hello, ping, time] = <[_; 3]>::try_from(answers).map_err(|_| unexpected())?;
    let hello = hello.map(HashMap::<String, Value>::from_redis_value);
    if let Ok(Ok(mut hello)) = hello
        && let Some(Ok(role)) = hello.remove("role").map(String::from_redis_value)
        && role != "master"
    {
        let read_only = ErrorKind::Server(ServerErrorKind::ReadOnly);
        return Err((read_only, "the server is not the master but a", role).into());
    }
    ping?;
    clock(time?)
}

async fn check_cluster(connection: &mut ClusterConnection) -> RedisResult<(ServerClock, SlotMap)> {
    let clock = clock(ask_any(connection, cmd("TIME")).await?)?;
    let mut slots = cmd("CLUSTER");
    slots.arg("SLOTS");
    let slots = SlotMap::read(ask_any(connection, slots).await?)?;
    Ok((clock, slots))
}

/// The first answer of any master: that another one is away is no reason to give up all of them.
async fn ask_any(connection: &mut ClusterConnection, command: Cmd) -> RedisResult<Value> {
    let masters = MultipleNodeRoutingInfo::AllMasters;
    let any = RoutingInfo::MultiNode((masters, Some(ResponsePolicy::OneSucceeded)));
    connection.route_command(command, any).await
}

/// The answer of `TIME`: seconds and microseconds.
fn clock(time: Value) -> RedisResult<ServerClock> {
    let (seconds, micros): (i64, i64) = FromRedisValue::from_redis_value(time)?;
    Ok(ServerClock::read(seconds * 1_000 + micros / 1_000))
}

fn unexpected() -> RedisError {
    let kind = ErrorKind::UnexpectedReturnType;
    (kind, "the server did not answer each question").into()
}
