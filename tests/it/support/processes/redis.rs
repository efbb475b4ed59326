//! Redis server of a test.

use std::fmt::Display;
use std::path::PathBuf;

use futures_util::StreamExt;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue};

use crate::support::faults::clock::Clock;
use crate::support::processes::server::Server;
use crate::support::{TIMEOUT, eventually};

/// Options by which acknowledged writes survive a `kill -9`.
pub(crate) const DURABLE: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];
/// Options without persistence.
pub(crate) const IN_MEMORY: &[&str] = &["--appendonly", "no"];

/// Running Redis server. Drop ends the process.
pub(crate) struct Redis {
    pub(crate) server: Server,
}

impl Redis {
    /// Starts a Redis server with further command-line options, and waits for the first response.
    pub(crate) async fn start(options: &[impl Display]) -> Self {
        Self::start_preloading(None, options).await
    }

    /// Starts a Redis server with a clock of the test.
    pub(crate) async fn start_with_clock(options: &[impl Display], clock: &Clock) -> Self {
        Self::start_preloading(Some(clock.library()), options).await
    }

    async fn start_preloading(library: Option<PathBuf>, options: &[impl Display]) -> Self {
        let server = Server::start_preloading(library, |port, directory| {
            let port = port.to_string();
            let directory = directory.to_str().unwrap();
            let own = ["--port", &port, "--bind", "127.0.0.1", "--dir", directory];
            let own = own.into_iter().chain(["--save", ""]).map(String::from);
            own.chain(options.iter().map(ToString::to_string)).collect()
        });
        let redis = Self {
            server: server.await,
        };
        redis.until_it_answers().await;
        redis
    }

    /// Starts a replica of `master`, and waits for the first synchronization.
    pub(crate) async fn replica_of(master: &Self, options: &[&str]) -> Self {
        let replica = Self::start(options).await;
        master.synchronize_at_once(true).await;
        replica.follow(master.server.port()).await;
        replica.until_it_follows().await;
        master.synchronize_at_once(false).await;
        replica
    }

    /// With `false`, as by default, Redis waits 5 s for more replicas before a full synchronization.
    pub(crate) async fn synchronize_at_once(&self, at_once: bool) {
        let delay = if at_once { 0 } else { 5 };
        let command = format!("CONFIG SET repl-diskless-sync-delay {delay}");
        self.ask::<()>(&command).await;
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.server.port())
    }

    /// Connection of the test.
    pub(crate) async fn connection(&self) -> MultiplexedConnection {
        connect(&self.url()).await
    }

    /// Sends a command, given as words.
    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &str) -> T {
        self.try_ask(command).await.unwrap()
    }

    /// Sends a command that may return an error.
    pub(crate) async fn try_ask<T: FromRedisValue>(&self, command: &str) -> redis::RedisResult<T> {
        let words: Vec<_> = command.split(' ').collect();
        let mut connection = self.connection().await;
        redis::cmd(words[0])
            .arg(&words[1..])
            .query_async(&mut connection)
            .await
    }

    /// Runs a future, and returns the commands that Redis got meanwhile, a line each: `time [database
    /// client] "COMMAND" "argument"…`.
    pub(crate) async fn monitored<T>(&self, doing: impl Future<Output = T>) -> (T, Vec<String>) {
        let client = Client::open(self.url()).unwrap();
        let monitor = client.get_async_monitor().await.unwrap();
        let done = doing.await;
        self.ask::<()>("PING that-was-all").await;
        let seen = monitor.into_on_message::<String>();
        let seen = seen.take_while(|line| std::future::ready(!line.contains("that-was-all")));
        (done, seen.collect().await)
    }

    /// Makes the server a replica of the Redis on the port.
    pub(crate) async fn follow(&self, port: u16) {
        self.ask::<()>(&format!("REPLICAOF 127.0.0.1 {port}")).await;
    }

    /// Waits until the replica is synchronized with the master.
    pub(crate) async fn until_it_follows(&self) {
        eventually("the replica follows", || async {
            let info: String = self.ask("INFO replication").await;
            info.contains("master_link_status:up").then_some(())
        })
        .await;
    }

    pub(crate) async fn kill(&mut self) {
        self.server.kill().await;
    }

    /// Restarts the server, and waits for the first response.
    pub(crate) async fn restart(&mut self) {
        self.server.restart().await;
        self.until_it_answers().await;
    }

    pub(crate) async fn until_it_answers(&self) {
        let client = Client::open(self.url()).unwrap();
        eventually("Redis answers", || async {
            let mut connection = client.get_multiplexed_async_connection().await.ok()?;
            redis::cmd("PING").exec_async(&mut connection).await.ok()
        })
        .await;
    }
}

/// Connection to the Redis at a URL, with the timeout of a test.
pub(crate) async fn connect(url: &str) -> MultiplexedConnection {
    let patient = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(TIMEOUT))
        .set_response_timeout(Some(TIMEOUT));
    Client::open(url)
        .unwrap()
        .get_multiplexed_async_connection_with_config(&patient)
        .await
        .unwrap()
}
