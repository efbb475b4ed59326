//! The binary: reads the configuration and dispatches a command.

use std::process::ExitCode;

use study_stats::config::{self, Command};
use study_stats::{api, health, server};

fn main() -> ExitCode {
    let cli = config::from_environment();
    let result = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => server::run(&cli.config),
        Command::Openapi => {
            println!("{}", api::document());
            Ok(())
        }
        Command::Health => health::check(&cli.config),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
