//! The process of a command: configuration, signals, terminal, exit code.

use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime;
use tokio::time::timeout;

use super::output::Terminal;
use super::{Target, open};
use crate::config::{Config, StoreCommand};
use crate::error::StartError;
use crate::retry::Backoff;
use crate::signals::Signals;
use crate::store::Store;
use crate::telemetry;

/// Timeout of the first successful ping, in connect timeouts.
const CONNECTS: u32 = 5;
/// Wait between pings.
const PING_WAIT: Duration = Duration::from_millis(50);

/// Runs a command, and returns the exit code: 0 for a result without problems.
///
/// # Errors
///
/// The command failed; the message is one line.
pub fn execute(command: &StoreCommand, config: &Config) -> Result<ExitCode, StartError> {
    telemetry::start_for_command(config)?;
    let runtime = runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(environment)?;
    let code = runtime.block_on(run_until_signal(command, config));
    // In the background: a read of a terminal, or a write to a full pipe, may never return.
    runtime.shutdown_background();
    code.map(ExitCode::from)
}

async fn run_until_signal(command: &StoreCommand, config: &Config) -> Result<u8, StartError> {
    // Before the output file is created: a signal must not leave the file behind.
    let mut signals = Signals::listen().map_err(environment)?;
    let mut terminal = Terminal::open(command).map_err(environment)?;
    let result = tokio::select! {
        result = open_and_run(command, config, &mut terminal) => result.map(Ok),
        signal = signals.next() => Ok(Err(signal)),
    };
    terminal.clear();
    match result {
        Ok(Ok(is_well)) => Ok(u8::from(!is_well)),
        Ok(Err(signal)) => {
            eprintln!("interrupted{}", advice(command, &terminal));
            let code = u8::try_from(128 + signal.as_raw_value());
            Ok(code.unwrap_or(u8::MAX))
        }
        Err(_) if terminal.is_closed() => Err(StartError::BrokenPipe),
        Err(StartError::Environment(reason)) => {
            let advice = advice(command, &terminal);
            Err(StartError::Environment(reason + &advice))
        }
        Err(error) => Err(error),
    }
}

async fn open_and_run(
    command: &StoreCommand,
    config: &Config,
    terminal: &mut Terminal,
) -> Result<bool, StartError> {
    let target = open(config, command).await?;
    if let Target::Local(store) = &target {
        let connected = wait_for_ping(store, config.redis_connect_timeout * CONNECTS).await;
        // The doctor diagnoses an unreachable store in more detail than the error here.
        if *command != StoreCommand::Doctor {
            connected?;
        }
    }
    let is_well = target.run(command, terminal).await.map_err(environment)?;
    terminal.finish().await.map_err(environment)?;
    Ok(is_well)
}

/// Waits for the first successful ping of a store that connects in the background.
async fn wait_for_ping(store: &Store, limit: Duration) -> Result<(), StartError> {
    let mut reason = format!("no answer within {limit:?}");
    let mut backoff = Backoff::new(PING_WAIT, PING_WAIT);
    let answered = timeout(limit, async {
        while let Err(error) = store.requests.ping().await {
            reason = error.to_string();
            backoff.wait().await;
        }
    });
    answered.await.map_err(|_| environment(reason))
}

/// Returns the hint for the next run of an import that has recorded some lines, else nothing.
fn advice(command: &StoreCommand, terminal: &Terminal) -> String {
    match command {
        StoreCommand::Import { .. } if terminal.done() > 0 => {
            format!("; go on with --skip {}", terminal.done())
        }
        _ => String::new(),
    }
}

fn environment(error: impl ToString) -> StartError {
    StartError::Environment(error.to_string())
}
