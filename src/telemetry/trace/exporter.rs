//! Export and sampling of spans.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::EnvResourceDetector;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};

use super::TRACER;
use super::otlp_client::OtlpClient;
use crate::config::Config;
use crate::error::StartError;

/// Path of spans below the endpoint, by the OTLP specification.
const PATH: &str = "/v1/traces";
/// Timeout of the export of the last spans.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// The tracer provider of the process.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Starts the export on the current runtime; `None` when no endpoint is configured.
    ///
    /// # Errors
    ///
    /// The exporter cannot be created as configured.
    pub fn start(config: &Config) -> Result<Option<Self>, StartError> {
        let Some(endpoint) = config.traces_endpoint() else {
            return Ok(None);
        };
        let cannot = |error: &dyn std::fmt::Display| {
            StartError::Environment(format!("cannot send traces: {error}"))
        };
        let client = OtlpClient::new().map_err(|error| cannot(&error))?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint.to_string().trim_end_matches('/').to_owned() + PATH)
            .build()
            .map_err(|error| cannot(&error))?;
        // A parent's sampling decision has precedence over the ratio.
        let part = Sampler::TraceIdRatioBased(config.trace_part);
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(part)))
            .with_resource(resource(config.otel_service_name.as_deref()))
            .build();
        // Global: a second service in the process would share the tracer.
        let _ = TRACER.set(provider.tracer("study-stats"));
        Ok(Some(Self(provider)))
    }

    /// Exports the remaining spans.
    pub async fn end(self) {
        let ended =
            tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(SHUTDOWN_TIMEOUT));
        match ended.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last spans could not be sent"),
            Err(error) => tracing::error!(%error, "the traces could not be ended"),
        }
    }
}

/// Returns the resource of the spans, from `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME`.
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
