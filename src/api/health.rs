//! `/health`: probes for load balancers and operators.

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::operation::OperationResult;
use super::respond::error::ApiError;
use super::respond::error_docs::{NotReady, TimedOut};
use super::{State, Tag};

/// Operations of the probes.
pub(super) struct HealthApi(pub(super) State);

#[OpenApi]
impl HealthApi {
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
    async fn live(&self) -> OperationResult<LiveResponse, (TimedOut,)> {
        Ok(LiveResponse::Live(Json(LIVE)))
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
    async fn ready(&self) -> OperationResult<ReadyResponse, (NotReady,)> {
        if self.0.is_draining() {
            return Err(ApiError::draining().into());
        }
        // 503 for every error of the store: the replica can serve no request.
        let store = self.0.probe().await.map_err(ApiError::store_unavailable)?;
        Ok(ReadyResponse::Ready(Json(Readiness {
            status: "ready",
            store,
        })))
    }
}

/// Response of the liveness probe.
#[derive(ApiResponse)]
enum LiveResponse {
    /// The process serves.
    #[oai(status = 200)]
    Live(Json<Liveness>),
}

/// Response of the readiness probe.
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

/// Response body of a live process.
const LIVE: Liveness = Liveness { status: "live" };

impl Example for Liveness {
    fn example() -> Self {
        LIVE
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
