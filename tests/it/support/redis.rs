//! A Redis of a test's own, which it may kill and bring back.
//!
//! A `redis-server` process where there is one (`REDIS_SERVER`, else on the PATH), else a container.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::redis::{self, Client};
use tempfile::TempDir;
use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};

use super::eventually;

/// Keeps what was acknowledged over a `kill -9`.
pub(crate) const DURABLE: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];
/// Keeps nothing.
pub(crate) const IN_MEMORY: &[&str] = &["--appendonly", "no"];

/// A running Redis; it ends with this value.
pub(crate) struct Redis {
    port: u16,
    options: Vec<String>,
    server: Server,
}

enum Server {
    Process {
        child: Option<Child>,
        directory: TempDir,
    },
    Container(Box<ContainerAsync<GenericImage>>),
}

impl Redis {
    /// Starts a Redis with further command-line options, and waits until it answers.
    pub(crate) async fn start(options: &[&str]) -> Self {
        let options: Vec<String> = ["--save", ""]
            .iter()
            .chain(options)
            .map(ToString::to_string)
            .collect();
        let port = free_port();
        let server = if has_redis_server() {
            let directory = tempfile::tempdir().unwrap();
            Server::Process {
                child: Some(spawn(port, &options, &directory)),
                directory,
            }
        } else {
            Server::Container(Box::new(run_container(port, &options).await))
        };
        let redis = Self {
            port,
            options,
            server,
        };
        redis.until_it_answers().await;
        redis
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A connection of the test's own.
    pub(crate) async fn connection(&self) -> MultiplexedConnection {
        Client::open(self.url())
            .unwrap()
            .get_multiplexed_async_connection()
            .await
            .unwrap()
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(&mut self) {
        match &mut self.server {
            Server::Process { child, .. } => end(child),
            Server::Container(container) => container.stop_with_timeout(Some(0)).await.unwrap(),
        }
    }

    /// Brings it back on the same port, with the same files.
    pub(crate) async fn restart(&mut self) {
        match &mut self.server {
            Server::Process { child, directory } => {
                *child = Some(spawn(self.port, &self.options, directory))
            }
            Server::Container(container) => container.start().await.unwrap(),
        }
        self.until_it_answers().await;
    }

    /// Stops it as a machine that hangs would: connections stay open, nothing is answered.
    pub(crate) async fn freeze(&self) {
        match &self.server {
            Server::Process { child, .. } => signal(child, "STOP"),
            Server::Container(container) => container.pause().await.unwrap(),
        }
    }

    pub(crate) async fn thaw(&self) {
        match &self.server {
            Server::Process { child, .. } => signal(child, "CONT"),
            Server::Container(container) => container.unpause().await.unwrap(),
        }
    }

    async fn until_it_answers(&self) {
        let client = Client::open(self.url()).unwrap();
        eventually("Redis answers", || async {
            let mut connection = client.get_multiplexed_async_connection().await.ok()?;
            redis::cmd("PING").exec_async(&mut connection).await.ok()
        })
        .await;
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // A container ends with its handle.
        if let Server::Process { child, .. } = &mut self.server {
            end(child);
        }
    }
}

fn redis_server() -> String {
    std::env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".into())
}

fn has_redis_server() -> bool {
    let version = Command::new(redis_server())
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    version.is_ok_and(|status| status.success())
}

fn spawn(port: u16, options: &[String], directory: &TempDir) -> Child {
    Command::new(redis_server())
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"])
        .arg(directory.path())
        .args(options)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server can be started")
}

async fn run_container(port: u16, options: &[String]) -> ContainerAsync<GenericImage> {
    GenericImage::new("redis", "7-bookworm")
        .with_wait_for(WaitFor::message_on_stdout("Ready to accept connections"))
        .with_mapped_port(port, 6379.tcp())
        .with_cmd(std::iter::once("redis-server").chain(options.iter().map(String::as_str)))
        .start()
        .await
        .expect("there is neither a redis-server on the PATH nor a Docker engine to run one: `make test` gets one")
}

fn end(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn signal(child: &Option<Child>, signal: &str) {
    let pid = child.as_ref().expect("it runs").id();
    super::service::send_signal(pid, signal);
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
