//! A clock of the store that goes back: a record without times replaces the session all the same.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::api::{Client, body, new_id};
use crate::support::eventually;
use crate::support::faults::clock::Clock;
use crate::support::faults::proxy::Proxy;
use crate::support::load::service::becomes_ready;
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::service::{Service, embedded, on_redis};

/// A session that is recorded without times, and once more.
struct Recorded {
    learner: String,
    course: String,
    body: Value,
}

impl Recorded {
    /// Records a session by a clock that is ahead. Repeats the request while the store is not available:
    /// requests may be in flight when the clock steps.
    async fn ahead_by(client: &Client, seconds: i64) -> Self {
        let session = Self {
            learner: new_id(),
            course: new_id(),
            body: body(1, 2, 3),
        };
        session.is_recorded(client, &session.body).await;
        let path = format!("/courses/{}/sessions", session.course);
        let list = client.get(&session.learner, &path).await.json();
        let occurred = list["sessions"][0]["occurredAt"].as_str().unwrap();
        let occurred = OffsetDateTime::parse(occurred, &Rfc3339).unwrap();
        let ahead = (occurred - OffsetDateTime::now_utc()).whole_seconds();
        assert!((seconds - 60..=seconds).contains(&ahead), "{ahead}");
        session
    }

    /// Asserts that a further record replaces the session.
    async fn is_replaced(&self, client: &Client) {
        let mut newer = self.body.clone();
        newer["totalModulesStudied"] = 7.into();
        self.is_recorded(client, &newer).await;
        let totals = client.totals(&self.learner, &self.course).await.json();
        assert_eq!(totals["totalModulesStudied"], 7);
    }

    /// Waits until the record is stored; a superseded record is 200 and never stored.
    async fn is_recorded(&self, client: &Client, body: &Value) {
        eventually("the session is recorded", || async {
            let answer = client.post(&self.learner, &self.course, body).await;
            (answer.status == 201).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_of_redis_that_goes_back_drops_no_record() {
    for seconds in [2, 3_600] {
        let clock = Clock::ahead_by(0);
        let redis = Redis::start_with_clock(IN_MEMORY, &clock).await;
        let service = Service::start(&mut on_redis(&redis.url()));
        becomes_ready(&service.client()).await;
        clock.set_ahead_by(seconds);
        let recorded = Recorded::ahead_by(&service.client(), seconds).await;
        clock.set_ahead_by(0);
        recorded.is_replaced(&service.client()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_to_a_replica_whose_clock_is_behind_drops_no_record() {
    let clock = Clock::ahead_by(30);
    let mut master = Redis::start_with_clock(IN_MEMORY, &clock).await;
    let replica = Redis::replica_of(&master, IN_MEMORY).await;
    let proxy = Proxy::start(master.server.port()).await;
    let service = Service::start(&mut on_redis(&proxy.url()));
    becomes_ready(&service.client()).await;
    let recorded = Recorded::ahead_by(&service.client(), 30).await;
    let keys: usize = master.ask("DBSIZE").await;
    eventually("the replica has the session", || async {
        (replica.ask::<usize>("DBSIZE").await == keys).then_some(())
    })
    .await;
    replica.ask::<()>("REPLICAOF NO ONE").await;
    proxy.lead_to(replica.server.port());
    master.kill().await;
    recorded.is_replaced(&service.client()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_goes_back_over_a_restart_drops_no_record() {
    for seconds in [2, 3_600] {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::ahead_by(seconds);
        let mut command = embedded(directory.path());
        command.env("LD_PRELOAD", clock.library());
        let service = Service::start(&mut command);
        let recorded = Recorded::ahead_by(&service.client(), seconds).await;
        drop(service);
        clock.set_ahead_by(0);
        let service = Service::start(&mut command);
        recorded.is_replaced(&service.client()).await;
    }
}
