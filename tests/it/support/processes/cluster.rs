//! Redis Cluster of a test.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use tokio::time::timeout;

use crate::support::eventually;
use crate::support::processes::redis::Redis;
use crate::support::processes::server::free_port;

const SLOTS: u16 = 16_384;

/// Masters with replicas. Drop ends all nodes.
pub(crate) struct Cluster {
    /// First all initial masters, then all replicas, in the order of the masters.
    pub(crate) nodes: Vec<Redis>,
}

impl Cluster {
    /// Starts and joins the nodes, and waits until the Cluster is whole.
    pub(crate) async fn start(masters: usize, replicas: usize, options: &[&str]) -> Self {
        let mut nodes = Vec::new();
        let mut buses = Vec::new();
        for _ in 0..masters * (1 + replicas) {
            // By default the port of the cluster bus is 10,000 higher, and may be taken.
            let bus = free_port();
            let own = [
                "--cluster-enabled yes --cluster-node-timeout 2000",
                &format!("--cluster-port {bus} --cluster-announce-ip 127.0.0.1"),
            ];
            let own = own.iter().flat_map(|own| own.split(' '));
            let options: Vec<&str> = own.chain(options.iter().copied()).collect();
            nodes.push(Redis::start(&options).await);
            buses.push(bus);
        }
        let cluster = Self { nodes };
        cluster.share_slots(masters).await;
        cluster.meet(&buses).await;
        let (first_masters, first_replicas) = cluster.nodes.split_at(masters);
        for master in first_masters {
            master.synchronize_at_once(true).await;
        }
        for (number, replica) in cluster.nodes.iter().enumerate().skip(masters) {
            let master = cluster.id(number % masters).await;
            eventually("a replica knows its master", || async {
                let command = format!("CLUSTER REPLICATE {master}");
                replica.try_ask::<()>(&command).await.ok()
            })
            .await;
        }
        for replica in first_replicas {
            replica.until_it_follows().await;
        }
        for master in first_masters {
            master.synchronize_at_once(false).await;
        }
        cluster.until_whole().await;
        cluster
    }

    pub(crate) fn url(&self) -> String {
        let nodes = self.nodes.iter();
        let addresses: Vec<_> = nodes
            .map(|node| format!("127.0.0.1:{}", node.server.port()))
            .collect();
        format!("redis+cluster://{}", addresses.join(","))
    }

    /// Id of a node in the Cluster.
    pub(crate) async fn id(&self, number: usize) -> String {
        self.nodes[number].ask("CLUSTER MYID").await
    }

    /// Waits until every node knows all nodes, and reports that all slots are served.
    pub(crate) async fn until_whole(&self) {
        for node in &self.nodes {
            eventually("the Cluster is well", || async {
                let info: String = node.try_ask("CLUSTER INFO").await.ok()?;
                let known = format!("cluster_known_nodes:{}\r", self.nodes.len());
                (info.contains("cluster_state:ok") && info.contains(&known)).then_some(())
            })
            .await;
        }
    }

    /// Starts a planned failover to a replica, and waits until the replica is the master.
    ///
    /// The first command must be accepted. Sent again after a timeout, at most twice: Redis gives up a planned
    /// failover after 5 s without an error, as seen on a busy machine.
    pub(crate) async fn fail_over_to(&self, replica: usize) {
        for attempt in 0..3 {
            let asked = self.nodes[replica].try_ask::<()>("CLUSTER FAILOVER").await;
            assert!(attempt > 0 || asked.is_ok(), "{asked:?}");
            let is_over = timeout(Duration::from_secs(6), self.until_master(replica)).await;
            if is_over.is_ok() {
                return;
            }
        }
        panic!("no planned failover succeeds")
    }

    /// Waits until a node is a master.
    pub(crate) async fn until_master(&self, number: usize) {
        eventually("the node is a master", || async {
            let role: Vec<redis::Value> = self.nodes[number].try_ask("ROLE").await.ok()?;
            let role: String = redis::from_redis_value(role.into_iter().next()?).ok()?;
            (role == "master").then_some(())
        })
        .await;
    }

    /// Moves a slot between masters as `redis-cli --cluster reshard` does: key by key, while both nodes
    /// serve the slot.
    pub(crate) async fn move_slot(&self, slot: u16, from: usize, to: usize) {
        let (source, target) = (self.id(from).await, self.id(to).await);
        let (from, to) = (&self.nodes[from], &self.nodes[to]);
        to.ask::<()>(&format!("CLUSTER SETSLOT {slot} IMPORTING {source}"))
            .await;
        from.ask::<()>(&format!("CLUSTER SETSLOT {slot} MIGRATING {target}"))
            .await;
        let mut connection = from.connection().await;
        loop {
            let keys: Vec<String> = from.ask(&format!("CLUSTER GETKEYSINSLOT {slot} 10")).await;
            if keys.is_empty() {
                break;
            }
            redis::cmd("MIGRATE")
                .arg(&[
                    "127.0.0.1",
                    &to.server.port().to_string(),
                    "",
                    "0",
                    "5000",
                    "KEYS",
                ])
                .arg(keys)
                .exec_async(&mut connection)
                .await
                .unwrap();
        }
        for node in [to, from] {
            node.ask::<()>(&format!("CLUSTER SETSLOT {slot} NODE {target}"))
                .await;
        }
    }

    /// Slots of a range in which a master has keys.
    pub(crate) async fn used_slots(&self, slots: RangeInclusive<u16>, master: usize) -> Vec<u16> {
        let mut connection = self.nodes[master].connection().await;
        let mut used = Vec::new();
        for slot in slots {
            let keys: usize = redis::cmd("CLUSTER")
                .arg("COUNTKEYSINSLOT")
                .arg(slot)
                .query_async(&mut connection)
                .await
                .unwrap();
            if keys > 0 {
                used.push(slot);
            }
        }
        used
    }

    async fn share_slots(&self, masters: usize) {
        let count = u16::try_from(masters).unwrap();
        for (number, master) in (0..count).zip(&self.nodes) {
            let first = SLOTS / count * number;
            let last = if number + 1 == count {
                SLOTS
            } else {
                SLOTS / count * (number + 1)
            };
            master
                .ask::<()>(&format!("CLUSTER ADDSLOTSRANGE {first} {}", last - 1))
                .await;
        }
    }

    async fn meet(&self, buses: &[impl Display]) {
        for (node, bus) in self.nodes.iter().zip(buses).skip(1) {
            let port = node.server.port();
            let command = format!("CLUSTER MEET 127.0.0.1 {port} {bus}");
            self.nodes[0].ask::<()>(&command).await;
        }
        self.until_all_know(self.nodes.len()).await;
    }

    async fn until_all_know(&self, count: usize) {
        for node in &self.nodes {
            eventually("the nodes know each other", || async {
                let nodes: String = node.ask("CLUSTER NODES").await;
                let lines = nodes.lines().count();
                (lines == count && !nodes.contains("handshake")).then_some(())
            })
            .await;
        }
    }
}
