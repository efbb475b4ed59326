//! The log: lines of text or JSON on standard output, or on standard error for commands.

use std::io::{IsTerminal, stderr, stdout};

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use super::metrics;
use crate::config::{Config, LogFormat};
use crate::error::StartError;

/// Target of the access log's lines, which are off unless configured.
pub const ACCESS: &str = "study_stats::access";

/// Starts the log of the service.
///
/// # Errors
///
/// The filter is invalid; the message is one line with an example of a valid filter.
pub fn start(config: &Config) -> Result<(), StartError> {
    install(
        config,
        "info",
        BoxMakeWriter::new(stdout),
        stdout().is_terminal(),
    )
}

/// Starts the log of a command, on standard error: standard output is for the result.
///
/// # Errors
///
/// As [`start`].
pub fn start_for_command(config: &Config) -> Result<(), StartError> {
    install(
        config,
        "warn",
        BoxMakeWriter::new(stderr),
        stderr().is_terminal(),
    )
}

fn install(
    config: &Config,
    level: &str,
    writer: BoxMakeWriter,
    is_terminal: bool,
) -> Result<(), StartError> {
    let configured = config.log.as_deref().filter(|log| !log.trim().is_empty());
    let access = if config.access_log { "info" } else { "off" };
    let filter = format!("{},{ACCESS}={access}", configured.unwrap_or(level));
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        let hint = "it must be like info or info,study_stats=debug";
        StartError::Configuration(format!("RUST_LOG is not understood ({error}): {hint}"))
    })?;
    let lines = fmt::layer().with_writer(writer).with_ansi(is_terminal);
    let lines = match config.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .with(LineCounter)
        .init();
    std::panic::set_hook(Box::new(|panic| {
        // Without the payload, which may contain a learner's data.
        let location = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(location, "a panic was caught");
    }));
    Ok(())
}

/// Layer that counts warnings and errors in the metrics.
struct LineCounter;

impl<S: Subscriber> Layer<S> for LineCounter {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if let Some(metrics) = metrics::get() {
            metrics.logged(*event.metadata().level());
        }
    }
}
