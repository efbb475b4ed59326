//! A command as the process that an operator starts.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use super::output::terminal::Terminal;
use super::{Target, Task, open};
use crate::config::{Config, StoreCommand};
use crate::error::StartError;
use crate::retry::Backoff;
use crate::store::Store;
use crate::telemetry;

/// How long a store is waited for, in times that a connection to it may take.
const CONNECTS: u32 = 5;
/// Wait between pings.
const PING_WAIT: Duration = Duration::from_millis(50);
/// The exit code of a process that SIGPIPE ends, which nobody is told of either.
const BROKEN_PIPE: u8 = 141;

/// Carries out a command, and gives the exit code: 0 where all is well.
///
/// # Errors
///
/// It cannot be carried out; the message says why, in one line.
pub fn execute(command: &StoreCommand, config: &Config) -> Result<ExitCode, StartError> {
    telemetry::start_for_command(config)?;
    let runtime = runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(environment)?;
    let code = runtime.block_on(to_its_end(command, config));
    // Without waiting for a line that nobody reads.
    runtime.shutdown_background();
    code.map(ExitCode::from)
}

async fn to_its_end(command: &StoreCommand, config: &Config) -> Result<u8, StartError> {
    // First, so that nothing is left half done from the beginning.
    let mut signals = Signals::listen().map_err(environment)?;
    let mut terminal = Terminal::open(command).map_err(environment)?;
    let task = task(command);
    let ended = tokio::select! {
        ended = carry_out(&task, config, &mut terminal) => ended.map(Ok),
        signal = signals.next() => Ok(Err(signal)),
    };
    terminal.clear();
    match ended {
        Ok(Ok(is_well)) => Ok(u8::from(!is_well)),
        Ok(Err(signal)) => {
            eprintln!("interrupted{}", advice(command, &terminal));
            Ok(128 + signal)
        }
        Err(_) if terminal.is_closed() => Ok(BROKEN_PIPE),
        Err(StartError::Environment(reason)) => {
            let advice = advice(command, &terminal);
            Err(StartError::Environment(reason + &advice))
        }
        Err(wrong) => Err(wrong),
    }
}

async fn carry_out(
    task: &Task,
    config: &Config,
    terminal: &mut Terminal,
) -> Result<bool, StartError> {
    let place = open(config, task).await?;
    if let Target::Local(store) = &place {
        let ready = until_it_answers(store, config.redis_connect_timeout * CONNECTS).await;
        // The doctor has more to say of a store that does not answer.
        if *task != Task::Doctor {
            ready?;
        }
    }
    let is_well = place.run(task, terminal).await.map_err(environment)?;
    terminal.finish().await.map_err(environment)?;
    Ok(is_well)
}

/// Waits for a store that may still be connecting.
async fn until_it_answers(store: &Store, within: Duration) -> Result<(), StartError> {
    let mut reason = format!("no answer within {within:?}");
    let mut backoff = Backoff::new(PING_WAIT, PING_WAIT);
    let answered = timeout(within, async {
        while let Err(error) = store.requests.ping().await {
            reason = error.to_string();
            backoff.wait().await;
        }
    });
    answered.await.map_err(|_| environment(reason))
}

/// The signals that ask the process to end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The number of the next one.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
        }
    }
}

/// How to go on, where that does not mean to begin anew.
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

fn task(command: &StoreCommand) -> Task {
    match *command {
        StoreCommand::Verify { repair } => Task::Verify { repair },
        StoreCommand::Export { user, .. } => Task::Export { learner: user },
        StoreCommand::Import { user, skip, .. } => Task::Import {
            learner: user,
            skip,
        },
        StoreCommand::Doctor => Task::Doctor,
        StoreCommand::Inspect {
            user,
            course,
            session,
        } => Task::Inspect {
            learner: user,
            course,
            session,
        },
    }
}
