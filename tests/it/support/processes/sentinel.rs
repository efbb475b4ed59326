//! A master, its replicas and Sentinels.

use std::fmt::Write as _;

use redis::{Client, Value};

use crate::support::eventually;
use crate::support::processes::redis::Redis;
use crate::support::processes::server::Server;

/// Name of the master.
const MASTER: &str = "main";

/// A master, replicas and three Sentinels. Drop ends all servers.
pub(crate) struct Sentinels {
    /// The first server is the initial master.
    pub(crate) servers: Vec<Redis>,
    sentinels: Vec<Server>,
}

impl Sentinels {
    /// Starts all servers, and waits until the Sentinels know each other and all replicas.
    /// `sentinel_lines` are further lines of the configuration of the Sentinels.
    pub(crate) async fn start(replicas: usize, options: &[&str], sentinel_lines: &str) -> Self {
        let mut servers = vec![Redis::start(options).await];
        for _ in 0..replicas {
            servers.push(Redis::replica_of(&servers[0], options).await);
        }
        let master = servers[0].server.port();
        let mut sentinels = Vec::new();
        for _ in 0..3 {
            sentinels.push(start_sentinel(master, sentinel_lines).await);
        }
        let started = Self { servers, sentinels };
        for sentinel in &started.sentinels {
            let known = format!("slaves={replicas},sentinels=3");
            eventually("the Sentinels know all others", || async {
                let info = ask(sentinel, sentinel_lines, &["INFO", "sentinel"]).await?;
                info.contains(&known).then_some(())
            })
            .await;
        }
        started
    }

    pub(crate) fn url(&self) -> String {
        let sentinels = self.sentinels.iter();
        let addresses: Vec<_> = sentinels
            .map(|sentinel| format!("127.0.0.1:{}", sentinel.port()))
            .collect();
        format!("redis+sentinel://{}/{MASTER}", addresses.join(","))
    }

    /// Waits until the Sentinels agree on a master other than `former`, and returns the index of the
    /// new master.
    pub(crate) async fn until_failover_from(&self, former: usize) -> usize {
        let former = self.servers[former].server.port();
        let mut found = Vec::new();
        for sentinel in &self.sentinels {
            let port = eventually("a Sentinel names another master", || async {
                let question = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER];
                let answer = ask(sentinel, "", &question).await?;
                let port: u16 = answer.lines().nth(1)?.parse().ok()?;
                (port != former).then_some(port)
            });
            found.push(port.await);
        }
        found.dedup();
        assert_eq!(found.len(), 1, "the Sentinels name several masters");
        let mut servers = self.servers.iter();
        servers
            .position(|server| server.server.port() == found[0])
            .unwrap()
    }

    /// URL with the only Sentinel that still lists `former` as the master: the Sentinel that leads a
    /// failover, until all replicas follow the new master.
    pub(crate) async fn url_of_leader(&self, former: usize) -> String {
        let former = format!("port\n{}\n", self.servers[former].server.port());
        for sentinel in &self.sentinels {
            let master = ask(sentinel, "", &["SENTINEL", "MASTER", MASTER]).await;
            if master.unwrap().contains(&former) {
                return format!("redis+sentinel://127.0.0.1:{}/{MASTER}", sentinel.port());
            }
        }
        panic!("no Sentinel leads a failover");
    }

    /// Starts a failover from a healthy master.
    pub(crate) async fn fail_over(&self) {
        eventually("a Sentinel starts the failover", || async {
            ask(&self.sentinels[0], "", &["SENTINEL", "FAILOVER", MASTER]).await
        })
        .await;
    }

    pub(crate) async fn restart_sentinel(&mut self, number: usize) {
        self.sentinels[number].restart().await;
    }

    /// Kills a Sentinel.
    pub(crate) async fn kill_sentinel(&mut self, number: usize) {
        self.sentinels[number].kill().await;
    }
}

async fn start_sentinel(master: u16, lines: &str) -> Server {
    Server::start(|port, directory| {
        let mut configuration = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\n\
             sentinel monitor {MASTER} 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds {MASTER} 1000\n\
             sentinel failover-timeout {MASTER} 5000\n",
            directory.display()
        );
        configuration.write_str(lines).unwrap();
        let file = directory.join("sentinel.conf");
        std::fs::write(&file, configuration).unwrap();
        // Sentinel writes state to the file of the configuration.
        let writable = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        std::fs::set_permissions(&file, writable).unwrap();
        vec![file.display().to_string(), "--sentinel".into()]
    })
    .await
}

/// Sends a command to a Sentinel. Returns the lines of the response, or `None` for an error.
async fn ask(sentinel: &Server, lines: &str, question: &[&str]) -> Option<String> {
    let password = lines
        .lines()
        .find_map(|line| line.strip_prefix("requirepass "));
    let credentials = password.map(|password| format!(":{password}@"));
    let credentials = credentials.unwrap_or_default();
    let url = format!("redis://{credentials}127.0.0.1:{}", sentinel.port());
    let client = Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.ok()?;
    let answer: Value = redis::cmd(question[0])
        .arg(&question[1..])
        .query_async(&mut connection)
        .await
        .ok()?;
    Some(lines_of(answer))
}

/// Texts of a reply, also of nested lists, each on a line.
fn lines_of(reply: Value) -> String {
    match reply {
        Value::Array(replies) => {
            let lines: Vec<_> = replies.into_iter().map(lines_of).collect();
            lines.join("\n")
        }
        reply => redis::from_redis_value(reply).unwrap(),
    }
}
