//! The service under load, during failures of Redis.

use futures_util::future::join_all;

use crate::support::api::{Client, body, new_id};
use crate::support::audit::redis::audit;
use crate::support::eventually;
use crate::support::load::requests::{Load, Report};
use crate::support::processes::redis::Redis;
use crate::support::processes::service::{Service, on_redis};

/// Number of clients.
const CLIENTS: usize = 16;
/// Number of concurrent requests that reach every thread of the service.
const AT_ONCE: usize = 2 * CLIENTS;

/// Service on Redis, under load from 16 clients with writes and reads.
pub(crate) struct UnderLoad {
    pub(crate) client: Client,
    pub(crate) load: Load,
    pub(crate) service: Service,
}

impl UnderLoad {
    pub(crate) async fn start(url: &str) -> Self {
        Self::start_with(url, &[]).await
    }

    /// Starts the service with further environment variables.
    pub(crate) async fn start_with(url: &str, environment: &[(&str, &str)]) -> Self {
        let service = Service::start(on_redis(url).envs(environment.iter().copied()));
        let client = service.client();
        becomes_ready(&client).await;
        let load = Load::start(vec![client.clone()], CLIENTS);
        load.wait_for_writes(200).await;
        Self {
            client,
            load,
            service,
        }
    }

    /// Waits until the service serves requests again, on every thread: each has connections of its own.
    pub(crate) async fn recovers(&self) {
        self.load.wait_for_writes(200).await;
        eventually("all threads are ready", || async {
            // More requests at once than the load has connections, which the threads share evenly.
            let answers = join_all((0..AT_ONCE).map(|_| self.client.try_ready())).await;
            let mut answers = answers.into_iter();
            let all_ready = answers.all(|answer| answer.is_ok_and(|answer| answer.status == 200));
            all_ready.then_some(())
        })
        .await;
    }

    /// Ends the load. Asserts that no acknowledged write was lost or half done, and that all keys of
    /// the masters equal a recount.
    pub(crate) async fn verify(self, fault: &str, masters: &[&Redis]) -> Report {
        let report = self.load.stop().await;
        report.print(fault);
        report.verify(&self.client).await;
        let masters: Vec<_> = masters.iter().map(|master| master.url()).collect();
        audit(&masters).await;
        report
    }
}

pub(crate) async fn becomes_ready(client: &Client) {
    eventually("the service is ready", || async {
        let answer = client.try_ready().await.ok()?;
        (answer.status == 200).then_some(())
    })
    .await;
}

/// Asserts that the service acknowledges a write.
pub(crate) async fn assert_serves(client: &Client) {
    let answer = client.post(&new_id(), &new_id(), &body(1, 2, 3)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}
