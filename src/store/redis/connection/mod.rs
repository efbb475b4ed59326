//! Connection to Redis: to a single server, or to the nodes of a Cluster.

pub(crate) mod auto_pipeline;
pub(crate) mod check;
pub(crate) mod cluster_slots;
pub(crate) mod error;
pub(crate) mod lanes;
pub(crate) mod manager;
pub(crate) mod scatter;
mod sentinels;
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
use redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, RedisResult, ServerErrorKind, Value, cmd};

use auto_pipeline::{AutoPipeline, RecordCall};
use check::{ask_any, result, unexpected};
use cluster_slots::{Grouping, SlotMap};
use server_clock::ServerClock;

/// Handle of a connection. Clones share the connection; commands of several clones share a pipeline.
#[derive(Clone)]
pub(crate) struct Connection {
    servers: Servers,
    /// Clock of the servers, from the last check.
    pub(crate) clock: ServerClock,
    /// Slots of a Cluster's masters, from the last check; empty for a single server.
    slots: SlotMap,
    /// Whether a script call may use keys of several buckets: on a single server that is no node of a Cluster.
    pub(crate) mixes_buckets: bool,
}

#[derive(Clone)]
enum Servers {
    /// Single server, the master.
    Single(AutoPipeline),
    /// Nodes of a Cluster. The driver follows `MOVED` and `ASK`, refreshes the slots, and reconnects to
    /// lost nodes.
    Cluster(ClusterConnection),
}

impl Connection {
    /// Connection to a single server.
    ///
    /// # Errors
    ///
    /// The [`check`](Self::check) fails.
    pub(crate) async fn single(mut connection: MultiplexedConnection) -> RedisResult<Self> {
        let (clock, is_node) = check::master(&mut connection).await?;
        Ok(Self {
            clock,
            slots: SlotMap::default(),
            mixes_buckets: !is_node,
            servers: Servers::Single(AutoPipeline::start(connection)),
        })
    }

    /// Connection to the nodes of a Cluster.
    ///
    /// # Errors
    ///
    /// The [`check`](Self::check) fails.
    pub(crate) async fn cluster(mut connection: ClusterConnection) -> RedisResult<Self> {
        let (clock, slots) = check::cluster(&mut connection).await?;
        Ok(Self {
            clock,
            slots,
            mixes_buckets: false,
            servers: Servers::Cluster(connection),
        })
    }

    /// Checks that the connection is alive and leads to a master; updates the clock and the slots.
    pub(crate) async fn check(&mut self) -> RedisResult<()> {
        match &mut self.servers {
            Servers::Single(server) => (self.clock, _) = check::master(server.connection()).await?,
            Servers::Cluster(connection) => {
                (self.clock, self.slots) = check::cluster(connection).await?;
            }
        }
        Ok(())
    }

    /// Copies the clock and the slots of a handle of the same connection that was checked later.
    pub(crate) fn take_over(&mut self, checked: &Self) {
        self.clock = checked.clock;
        self.slots = checked.slots.clone();
    }

    /// Groups items by destination; a single group for a single server. Items of one bucket are in one
    /// group, in their order.
    pub(crate) fn group<T>(
        &self,
        grouping: Grouping,
        items: impl IntoIterator<Item = (u16, T)>,
    ) -> Vec<Vec<T>> {
        match &self.servers {
            Servers::Single(_) => vec![items.into_iter().map(|(_, item)| item).collect()],
            Servers::Cluster(_) => self.slots.group(grouping, items),
        }
    }

    /// Returns the address of the master of a bucket, in the form of [`ask_masters`](Self::ask_masters);
    /// `None` for a single server and for a bucket without a known master.
    pub(crate) fn master_of(&self, bucket: u16) -> Option<&str> {
        self.slots.master_of(bucket)
    }

    /// Sends a command to the server of the command's keys, and returns the reply.
    pub(crate) async fn send(&mut self, command: Cmd) -> RedisResult<Value> {
        match &mut self.servers {
            Servers::Single(server) => server.send(command).await,
            Servers::Cluster(connection) => {
                let reply = connection.req_packed_command(&command).await?;
                reply.extract_error()
            }
        }
    }

    /// Sends a call of a script that takes several records, in one call with others that are ready, and returns the
    /// reply. Only where [`mixes_buckets`](Self::mixes_buckets).
    pub(crate) async fn send_record(
        &mut self,
        call: &impl RecordCall,
        deadline: i64,
    ) -> RedisResult<Value> {
        match &mut self.servers {
            Servers::Single(server) => server.send_record(call, deadline).await,
            Servers::Cluster(_) => self.send(call.alone(deadline)).await,
        }
    }

    /// Sends commands in one pipeline to the server of a bucket, and returns the reply or error of each.
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
                // By a key with the hash tag of the bucket.
                let master = Route::with_key(format!("{{{bucket}}}"), SlotAddr::Master);
                let master = SingleNodeRoutingInfo::SpecificNode(master);
                connection
                    .route_pipeline(pipeline, 0, count, master)
                    .await?
            }
        };
        Ok(replies.into_iter().map(result).collect())
    }

    /// Checks that Redis serves requests.
    pub(crate) async fn ping(&mut self) -> RedisResult<()> {
        match &mut self.servers {
            Servers::Single(server) => {
                let ping = cmd("PING").query_async(server.connection()).await;
                check::answered(ping)
            }
            Servers::Cluster(connection) => {
                // Each node knows whether the Cluster is complete.
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

    /// Sends a command to each master, and returns the replies by address. The address of a single server
    /// is empty.
    pub(crate) async fn ask_masters<T: FromRedisValue>(
        &mut self,
        command: Cmd,
    ) -> RedisResult<HashMap<String, T>> {
        match &mut self.servers {
            Servers::Single(server) => {
                let reply = command.query_async(server.connection()).await?;
                Ok(HashMap::from([(String::new(), reply)]))
            }
            Servers::Cluster(connection) => {
                let masters = MultipleNodeRoutingInfo::AllMasters;
                let each = RoutingInfo::MultiNode((masters, Some(ResponsePolicy::Special)));
                let replies = connection.route_command(command, each).await?;
                Ok(FromRedisValue::from_redis_value(replies)?)
            }
        }
    }

    /// Sends a command to the master with an address in the form of [`ask_masters`](Self::ask_masters).
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

    /// Returns true where the connection reaches all masters with slots.
    ///
    /// A connection to a Cluster opens as soon as any node replies. While another node hangs, the driver
    /// retries the connect to the hanging node, and all requests wait meanwhile.
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
        let reached = self.ask_masters::<Value>(cmd("TIME")).await;
        reached.is_ok_and(|reached| Some(reached.len()) >= size)
    }

    /// Returns true for a connection to the nodes of a Cluster, where the driver itself replaces a broken
    /// connection to a node.
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self.servers, Servers::Cluster(_))
    }
}
