//! The command line of the binary.

use std::env;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use hyper::Uri;

use super::values::parse_url;
use super::{Config, StoreCommand, environment};

/// Records study sessions; answers exactly what learners have done in a course.
#[derive(Debug, Parser)]
#[command(name = "study-stats", version, max_term_width = 100)]
pub struct Cli {
    /// What to do; without it, serve.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to do it.
    #[command(flatten)]
    pub config: Config,
}

/// The commands of the binary.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve the API (the default)
    Serve,
    /// Print the OpenAPI document
    Openapi,
    /// Ask the service on this machine whether it is ready: exit code 0 if it is, else 1
    Health,
    /// What is done with a store.
    #[command(flatten)]
    Store(StoreCommand),
    /// Play the API's contract against a running service, with learners made up for that, and print
    /// what passed: exit code 0 if all of it did, else 1
    Conformance {
        /// The service, such as http://localhost:8080 or http://localhost:8080/prefix
        #[arg(long, value_parser = parse_url)]
        url: Uri,
    },
}

/// Parses the command line and the environment. An error prints one line and exits with code 2.
#[must_use]
pub fn from_environment() -> Cli {
    let arguments: Vec<_> = env::args_os().collect();
    let command = environment::effective(Cli::command(), &arguments);
    let matches = command.try_get_matches_from(arguments);
    let cli = matches.and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches));
    cli.unwrap_or_else(|error| {
        if error.use_stderr() {
            eprintln!("{}", one_line(&error.to_string()));
            std::process::exit(2);
        }
        // Help and version.
        error.exit()
    })
}

/// Returns the first paragraph of clap's message, the error and the hint, as one line.
fn one_line(message: &str) -> String {
    let paragraph = message.split("\n\n").next().unwrap_or(message);
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}
