//! The service as a process.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use crate::support::api::Client;
use crate::support::eventually;

/// Mark of the log lines about the listener of the metrics.
const METRICS: &str = r#""name":"metrics""#;

/// The binary under test, with a cleared environment.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_study-stats"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
        .env("HOST", "127.0.0.1")
        .env("PORT", "0")
        .env("DRAIN_DELAY", "0s")
        .env("LOG_FORMAT", "json");
    command
}

/// Command for the embedded store in `directory`.
pub(crate) fn embedded(directory: &Path) -> Command {
    let mut command = command();
    command.env("DATA_DIR", directory);
    command
}

/// Command for the Redis store at `url`.
pub(crate) fn on_redis(url: &str) -> Command {
    let mut command = command();
    command.env("STORE", "redis").env("REDIS_URL", url);
    command
}

/// Runs a command to the end, and returns the output.
pub(crate) fn output(command: &mut Command) -> Output {
    command.output().expect("the binary can be started")
}

/// Running service. Drop kills the process, and prints the log where a test fails.
pub(crate) struct Service {
    child: Child,
    address: SocketAddr,
    log: Log,
    /// Thread that reads the log to the end.
    reader: Option<JoinHandle<()>>,
}

type Log = Arc<Mutex<String>>;

impl Service {
    /// Starts the service, and waits for the listener.
    pub(crate) fn start(command: &mut Command) -> Self {
        let (child, log, reader, listening) = spawn(command);
        let address = listening.recv_timeout(Duration::from_secs(60));
        let address = address
            .unwrap_or_else(|_| panic!("the service does not listen: {}", log.lock().unwrap()));
        Self {
            child,
            address,
            log,
            reader: Some(reader),
        }
    }

    /// Starts the service on a port, for a log without the address of the listener.
    pub(crate) async fn start_at(command: &mut Command, port: u16) -> Self {
        let (child, log, reader, _) = spawn(command.env("PORT", port.to_string()));
        let service = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            log,
            reader: Some(reader),
        };
        let client = service.client();
        eventually("it listens", || async { client.try_ready().await.ok() }).await;
        service
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Client of the metrics listener, after the log line with the address.
    pub(crate) async fn metrics(&self) -> Client {
        let address = eventually("metrics can be fetched", || async {
            let log = self.log();
            let mut lines = log.lines().filter(|line| line.contains(METRICS));
            lines.find_map(address_in)
        });
        Client::new(address.await)
    }

    /// Lines of the log with a text, as JSON.
    pub(crate) fn lines(&self, text: &str) -> Vec<Value> {
        let log = self.log();
        let lines = log.lines().filter(|line| line.contains(text));
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Log so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Kills the service.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM, SIGINT, ….
    pub(crate) fn signal(&self, signal: &str) {
        send_signal(self.child.id(), signal);
    }

    /// Waits for the end of the process and of the log.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let status = eventually("the service ends", || {
            std::future::ready(child.try_wait().unwrap())
        })
        .await;
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        status
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("log of the service:\n{}", self.log());
        }
    }
}

/// Starts the service. Returns the process, the log, the thread that reads the log, and a channel for
/// the address of the listener.
fn spawn(command: &mut Command) -> (Child, Log, JoinHandle<()>, mpsc::Receiver<SocketAddr>) {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary can be started");
    let log = Arc::default();
    let (found, listening) = mpsc::channel();
    let (output, lines) = (child.stdout.take().unwrap(), Arc::clone(&log));
    let reader = thread::spawn(move || follow(output, &lines, &found));
    (child, log, reader, listening)
}

/// Collects the log, and sends the address of the listener.
fn follow(output: impl Read, log: &Mutex<String>, found: &mpsc::Sender<SocketAddr>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        if let Some(address) = address_in(&line)
            && !line.contains(METRICS)
        {
            let _ = found.send(address);
        }
        let mut log = log.lock().unwrap();
        log.push_str(&line);
        log.push('\n');
    }
}

/// Address of the listener in a line of the log.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("socket://")?;
    let end = rest.find(|c: char| c == '"' || c.is_whitespace());
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

/// Sends a signal, by name, to a process of the test.
pub(crate) fn send_signal(pid: u32, signal: &str) {
    let status = Command::new("kill")
        .args(["-s", signal, &pid.to_string()])
        .status()
        .unwrap();
    assert!(status.success(), "kill -s {signal} {pid}");
}

/// The command under a limit, as the shell's `ulimit` sets.
pub(crate) fn under_limit(command: &Command, limit: &str) -> Command {
    let mut limited = Command::new("sh");
    limited
        .args(["-c", &format!("ulimit {limit} && exec \"$0\"")])
        .arg(command.get_program())
        .env_clear();
    for (name, value) in command.get_envs() {
        limited.env(name, value.unwrap_or_default());
    }
    limited
}
