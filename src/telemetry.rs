//! The log: lines on standard output, or for commands on standard error, as text or JSON.

use std::io::{IsTerminal, stderr, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::config::{Config, LogFormat, StartError};

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
    let filter = EnvFilter::try_new(config.log.as_deref().unwrap_or(level)).map_err(|error| {
        let hint = "it must be like info or info,study_stats=debug";
        StartError::Configuration(format!("RUST_LOG is not understood ({error}): {hint}"))
    })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(is_terminal);
    match config.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
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

/// Counts what may happen thousands of times a second, and tells it in one line a second.
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<AtomicU64>);

impl Tally {
    /// How long is counted before it is told.
    const PERIOD: Duration = Duration::from_secs(1);

    /// Counts one more. The first of a period has `tell` told how many there were when it is over.
    pub fn add(&self, tell: impl FnOnce(u64) + Send + 'static) {
        if self.0.fetch_add(1, Ordering::Relaxed) == 0 {
            let count = Arc::clone(&self.0);
            tokio::spawn(async move {
                tokio::time::sleep(Self::PERIOD).await;
                tell(count.swap(0, Ordering::Relaxed));
            });
        }
    }
}
