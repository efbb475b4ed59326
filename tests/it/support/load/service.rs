//! The service under load while something breaks.

use crate::support::api::{Client, body, new_id};
use crate::support::audit::redis::audit;
use crate::support::eventually;
use crate::support::load::requests::{Load, Report};
use crate::support::processes::redis::Redis;
use crate::support::processes::service::{Service, on_redis};

/// The service on some Redis, under load from 16 clients that write and read.
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
        let load = Load::start(vec![client.clone()], 16);
        load.goes_on(200).await;
        Self {
            client,
            load,
            service,
        }
    }

    /// Waits until the service works as it did before.
    pub(crate) async fn recovers(&self) {
        self.load.goes_on(200).await;
        becomes_ready(&self.client).await;
    }

    /// Ends the load, and asserts that no acknowledged write was lost, none is half done, and all
    /// that the masters keep equals a recount.
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

/// Asserts that a write is acknowledged.
pub(crate) async fn assert_serves(client: &Client) {
    let answer = client.post(&new_id(), &new_id(), &body(1, 2, 3)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}
