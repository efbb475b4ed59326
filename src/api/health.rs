//! `/health`: for load balancers and operators.

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::operation::{Failure, Living, Readying};
use super::respond::error::ApiError;
use super::{State, Tag};

/// The probes.
pub(super) struct Health(pub(super) State);

#[OpenApi]
impl Health {
    /// Is the process up?
    ///
    /// Answers as long as the process serves, whatever the state of the store: a restart would not
    /// bring the store back.
    #[oai(
        path = "/health/live",
        method = "get",
        operation_id = "getLiveness",
        tag = "Tag::Health"
    )]
    async fn live(&self) -> Result<LiveResponse, Failure<Living>> {
        Ok(LiveResponse::Live(Json(Liveness::example())))
    }

    /// Can requests be served?
    ///
    /// Ready means that the store can be reached and the process is not about to end.
    #[oai(
        path = "/health/ready",
        method = "get",
        operation_id = "getReadiness",
        tag = "Tag::Health"
    )]
    async fn ready(&self) -> Result<ReadyResponse, Failure<Readying>> {
        if self.0.is_draining() {
            return Err(ApiError::draining().into());
        }
        // Whatever is wrong with the store, this replica is of no use now.
        let store = self.0.probe().await.map_err(ApiError::store_unavailable)?;
        Ok(ReadyResponse::Ready(Json(Readiness {
            status: "ready",
            store,
        })))
    }
}

/// The answer of a process that serves.
#[derive(ApiResponse)]
enum LiveResponse {
    /// The process serves.
    #[oai(status = 200)]
    Live(Json<Liveness>),
}

/// The answer of a service that can do its work.
#[derive(ApiResponse)]
enum ReadyResponse {
    /// Requests can be served.
    #[oai(status = 200)]
    Ready(Json<Readiness>),
}

/// The process serves.
#[derive(Object)]
#[oai(read_only_all, example)]
struct Liveness {
    /// Always "live".
    status: &'static str,
}

impl Example for Liveness {
    fn example() -> Self {
        Self { status: "live" }
    }
}

/// The service can do its work.
#[derive(Object)]
#[oai(read_only_all, example)]
struct Readiness {
    /// Always "ready".
    status: &'static str,
    /// Where sessions are kept: "embedded" or "redis".
    store: &'static str,
}

impl Example for Readiness {
    fn example() -> Self {
        Self {
            status: "ready",
            store: "embedded",
        }
    }
}
