//! `redis-server` of a test, as a Redis, a Sentinel or a node of a Cluster. Tests kill, freeze and
//! restart the server.
//!
//! A process of the program (`REDIS_SERVER`, by default `redis-server` on the PATH), else a container
//! in the network of the host, so that ports and files are the same.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;
use testcontainers::core::Mount;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};

/// Running server. Drop ends the process or container.
pub(crate) struct Server {
    port: u16,
    arguments: Vec<String>,
    /// Library that the server preloads.
    preload: Option<PathBuf>,
    running: Running,
    directory: TempDir,
}

enum Running {
    Process(Option<Child>),
    Container(Box<ContainerAsync<GenericImage>>),
}

impl Server {
    /// Starts a server on a free port. `configure` returns the arguments for the port and the directory
    /// of the server. The server may not accept connections yet.
    pub(crate) async fn start(configure: impl FnOnce(u16, &Path) -> Vec<String>) -> Self {
        Self::start_preloading(None, configure).await
    }

    /// Starts a server that preloads a library.
    pub(crate) async fn start_preloading(
        preload: Option<PathBuf>,
        configure: impl FnOnce(u16, &Path) -> Vec<String>,
    ) -> Self {
        let port = free_port();
        let directory = tempfile::tempdir().unwrap();
        // In a container the server has another user id.
        std::fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).unwrap();
        let arguments = configure(port, directory.path());
        let mut server = Self {
            port,
            arguments,
            preload,
            running: Running::Process(None),
            directory,
        };
        server.running = if has_redis_server() {
            Running::Process(Some(server.spawn(&server.arguments)))
        } else {
            Running::Container(Box::new(server.run_container(&server.arguments).await))
        };
        server
    }

    /// Puts a directory in the place of a file of the server, or removes the directory: the server cannot write
    /// the file, also as root.
    pub(crate) fn block_file(&self, name: &str, is_blocked: bool) {
        let path = self.directory.path().join(name);
        if is_blocked {
            let _ = std::fs::remove_file(&path);
            std::fs::create_dir(&path).unwrap();
            std::fs::write(path.join("file"), "").unwrap();
        } else {
            std::fs::remove_dir_all(&path).unwrap();
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Kills the server.
    pub(crate) async fn kill(&mut self) {
        match &mut self.running {
            Running::Process(child) => end(child),
            Running::Container(container) => container.stop_with_timeout(Some(0)).await.unwrap(),
        }
    }

    /// Restarts the server on the same port, with the same files. The server may not accept connections
    /// yet.
    pub(crate) async fn restart(&mut self) {
        self.restart_with(&[]).await;
    }

    /// Restarts the server with further arguments.
    pub(crate) async fn restart_with(&mut self, further: &[&str]) {
        let further = further.iter().map(ToString::to_string);
        let arguments: Vec<_> = self.arguments.iter().cloned().chain(further).collect();
        self.running = match self.running {
            Running::Process(_) => Running::Process(Some(self.spawn(&arguments))),
            Running::Container(_) => {
                Running::Container(Box::new(self.run_container(&arguments).await))
            }
        };
    }

    fn spawn(&self, arguments: &[String]) -> Child {
        let mut command = Command::new(redis_server());
        if let Some(library) = &self.preload {
            command.env("LD_PRELOAD", library);
        }
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server can be started")
    }

    async fn run_container(&self, arguments: &[String]) -> ContainerAsync<GenericImage> {
        // All files of the arguments, and the library, are in this directory.
        let files = std::env::temp_dir().display().to_string();
        let mut image = GenericImage::new("redis", "7-bookworm")
            .with_network("host")
            .with_mount(Mount::bind_mount(&files, &files))
            .with_cmd(std::iter::once("redis-server").chain(arguments.iter().map(String::as_str)));
        if let Some(library) = &self.preload {
            image = image.with_env_var("LD_PRELOAD", library.display().to_string());
        }
        image
            .start()
            .await
            .expect("there is neither a redis-server on the PATH nor a Docker engine to run one: `make test` gets one")
    }

    /// Stops the process, like a hanging machine: connections stay open, no request gets a response.
    pub(crate) async fn freeze(&self) {
        match &self.running {
            Running::Process(child) => signal(child, "STOP"),
            Running::Container(container) => container.pause().await.unwrap(),
        }
    }

    pub(crate) async fn thaw(&self) {
        match &self.running {
            Running::Process(child) => signal(child, "CONT"),
            Running::Container(container) => container.unpause().await.unwrap(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Drop of the handle ends the container.
        if let Running::Process(child) = &mut self.running {
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

fn end(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn signal(child: &Option<Child>, signal: &str) {
    let pid = child.as_ref().expect("it runs").id();
    crate::support::processes::service::send_signal(pid, signal);
}

/// Port that is free at the moment of the call.
///
/// Outside of the range of ephemeral ports, which the connection of any client may take before the
/// server listens. Two calls never return the same port, and other processes start at another port.
pub(crate) fn free_port() -> u16 {
    const PORTS: std::ops::Range<u32> = 15_000..32_000;
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let count = PORTS.end - PORTS.start;
    let start = std::process::id().wrapping_mul(1_009);
    loop {
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + start.wrapping_add(call) % count;
        let port = u16::try_from(port).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
