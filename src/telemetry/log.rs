//! The log: lines on standard output, or for commands on standard error, as text or JSON.

use std::io::{IsTerminal, stderr, stdout};

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use super::metrics;
use crate::config::{Config, LogFormat};
use crate::error::StartError;

/// The target of the lines that tell of each request, which are written where that is configured.
pub const ACCESS: &str = "study_stats::access";

/// Sets up the log of the service.
///
/// # Errors
///
/// The filter is not understood; the message says what would be right, in one line.
pub fn start(config: &Config) -> Result<(), StartError> {
    install(
        config,
        "info",
        BoxMakeWriter::new(stdout),
        stdout().is_terminal(),
    )
}

/// Sets up the log of a command, whose result is on standard output.
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
        .with(Counted)
        .init();
    std::panic::set_hook(Box::new(|panic| {
        // The payload may hold anything, a learner's data included; the place says enough.
        let location = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(location, "a panic was caught");
    }));
    Ok(())
}

/// Counts the lines that tell of something to look at.
struct Counted;

impl<S: Subscriber> Layer<S> for Counted {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if let Some(metrics) = metrics::get() {
            metrics.logged(*event.metadata().level());
        }
    }
}
