//! Where spans are sent, and which.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::EnvResourceDetector;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};

use super::TRACER;
use super::client::Client;
use crate::config::Config;
use crate::error::StartError;

/// Where the protocol has spans sent, below the endpoint.
const PATH: &str = "/v1/traces";
/// How long the last spans may take to be sent.
const FAREWELL: Duration = Duration::from_secs(1);

/// The traces of this process, until they are ended.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins them, where the configuration names an endpoint. The runtime that this is called in sends
    /// them.
    ///
    /// # Errors
    ///
    /// They cannot be sent as configured.
    pub fn start(config: &Config) -> Result<Option<Self>, StartError> {
        let Some(endpoint) = &config.otlp_endpoint else {
            return Ok(None);
        };
        let cannot = |error: &dyn std::fmt::Display| {
            StartError::Environment(format!("cannot send traces: {error}"))
        };
        let client = Client::new().map_err(|error| cannot(&error))?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint.to_string().trim_end_matches('/').to_owned() + PATH)
            .build()
            .map_err(|error| cannot(&error))?;
        // What a caller traces is traced here too.
        let part = Sampler::TraceIdRatioBased(config.trace_part);
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(part)))
            .with_resource(resource(config.otel_service_name.as_deref()))
            .build();
        // Once in a process; a second service in it would use the first one's.
        let _ = TRACER.set(provider.tracer("study-stats"));
        Ok(Some(Self(provider)))
    }

    /// Sends what is not sent yet.
    pub async fn end(self) {
        let ended = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(FAREWELL));
        match ended.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last spans could not be sent"),
            Err(error) => tracing::error!(%error, "the traces could not be ended"),
        }
    }
}

/// Who sends them, as `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` say, or this service.
fn resource(name: Option<&str>) -> Resource {
    let resource = Resource::builder_empty()
        .with_service_name("study-stats")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_detector(Box::new(EnvResourceDetector::new()));
    match name.filter(|name| !name.is_empty()) {
        Some(name) => resource.with_service_name(name.to_owned()).build(),
        None => resource.build(),
    }
}
