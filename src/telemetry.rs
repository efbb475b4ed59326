//! The log: lines on standard output, as text or JSON.

use std::io::{IsTerminal, stdout};

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, StartError};

/// Sets up the log of this process.
///
/// # Errors
///
/// `filter` is not understood; the message says what would be right, in one line.
pub fn start(format: LogFormat, filter: &str) -> Result<(), StartError> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        let hint = "it must be like info or info,study_stats=debug";
        StartError::Configuration(format!("RUST_LOG is not understood ({error}): {hint}"))
    })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(stdout().is_terminal());
    match format {
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
