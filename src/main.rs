//! The binary: reads the configuration and dispatches a command.

use std::io::{self, Write};
use std::process::ExitCode;

use study_stats::config::{self, Command};
use study_stats::error::StartError;
use study_stats::{api, commands, conformance, health, server};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = config::from_environment();
    let success = |()| ExitCode::SUCCESS;
    let result = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => server::run(&cli.config).map(success),
        Command::Openapi => {
            let document = api::document().map_err(io::Error::from);
            document
                .and_then(|document| writeln!(io::stdout(), "{document}"))
                .map_err(|error| StartError::output(&error))
                .map(success)
        }
        Command::Health => health::check(&cli.config).map(success),
        Command::Conformance { url } => {
            let failed = |passed: bool| ExitCode::from(u8::from(!passed));
            conformance::run(&url).map(failed)
        }
        Command::Store(command) => commands::execute(&command, &cli.config),
    };
    result.unwrap_or_else(|error| {
        if !matches!(error, StartError::BrokenPipe) {
            eprintln!("error: {error}");
        }
        ExitCode::from(error.exit_code())
    })
}
