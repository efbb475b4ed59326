//! The binary: reads the configuration and dispatches a command.

use std::process::ExitCode;

use study_stats::config::{self, Command};
use study_stats::{api, conformance, health, server};

fn main() -> ExitCode {
    let cli = config::from_environment();
    let result = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => server::run(&cli.config).map(|()| true),
        Command::Openapi => {
            println!("{}", api::document());
            Ok(true)
        }
        Command::Health => health::check(&cli.config).map(|()| true),
        Command::Conformance { url } => conformance::run(&url),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
