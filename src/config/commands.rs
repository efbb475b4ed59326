//! The operator's commands on a store.

use std::path::PathBuf;

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::values::{parse_id, parse_lines};

/// What an operator does with a store, also while a service uses it.
// Commands also travel over the control socket, between processes of one version: as JSON, without
// the file, which only the client opens. Unknown fields are an error, so that another version's
// command never runs with an option left out.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum StoreCommand {
    /// Hold every total, summary and index to the sessions: exit code 0 if all is well, else 1
    Verify {
        /// Mend what differs, learner by learner
        #[arg(long)]
        repair: bool,
    },
    /// Write all sessions as lines of JSON
    Export {
        /// Where to, compressed if its name ends in .zst or .gz; - or nothing is standard output
        #[serde(skip)]
        file: Option<PathBuf>,
        /// Write this learner's sessions only
        #[arg(long, value_name = "ID", value_parser = parse_id)]
        user: Option<Uuid>,
    },
    /// Record the lines of an export; repeating it changes nothing
    Import {
        /// Where from, also compressed with gzip or zstd; - or nothing is standard input
        #[serde(skip)]
        file: Option<PathBuf>,
        /// Record this learner's sessions only
        #[arg(long, value_name = "ID", value_parser = parse_id)]
        user: Option<Uuid>,
        /// Pass over so many lines, which an import that was interrupted has recorded
        #[arg(long, value_name = "N", default_value = "0", value_parser = parse_lines)]
        skip: u64,
    },
    /// Look at all that could keep the store from doing its work: exit code 0 if there is no problem
    Doctor,
    /// Upgrade the data of the version before, in Redis, while no service uses them; repeating it is safe
    Upgrade,
    /// Print what is stored of a learner, with its keys
    Inspect {
        /// The learner
        #[arg(value_parser = parse_id)]
        user: Uuid,
        /// One of their courses
        #[arg(value_parser = parse_id)]
        course: Option<Uuid>,
        /// One session in it
        #[arg(value_parser = parse_id)]
        session: Option<Uuid>,
    },
}

impl StoreCommand {
    /// Returns the name of the command, without ids of learners, for the log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Verify { .. } => "verify",
            Self::Export { .. } => "export",
            Self::Import { .. } => "import",
            Self::Doctor => "doctor",
            Self::Upgrade => "upgrade",
            Self::Inspect { .. } => "inspect",
        }
    }
}
