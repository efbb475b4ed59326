//! The log: lines of text or JSON on standard output, or on standard error for commands.

use std::io::{IsTerminal, stderr, stdout};

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::log_queue::LogQueue;
use super::{log_filter, metrics};
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
    let queue = LogQueue::start(stdout()).map_err(|error| {
        StartError::Environment(format!("cannot start the thread of the log: {error}"))
    })?;
    install(
        config,
        "info",
        BoxMakeWriter::new(queue),
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
    let own = format!("{ACCESS}={access}");
    let filter = log_filter::parse(configured.unwrap_or(level), &own)?;
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
