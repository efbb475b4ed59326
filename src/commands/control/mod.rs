//! The door of a serving process: a Unix socket in the data directory, over which another process
//! has it carry out a task.
//!
//! An embedded database is open in one process only, and the commands for operators must work while
//! the service has it. So the service itself carries them out, and the command is its console: lines,
//! progress and data go out, data comes in, each in a frame. Whoever may open the socket may do all
//! that the service's user may.

mod client;
pub(crate) mod protocol;

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

pub use client::ControlClient;

/// The socket's file in the data directory.
pub(crate) const SOCKET: &str = "study-stats.sock";
/// The longest path that fits into a socket's address, on any system.
const LONGEST_PATH: usize = 103;

/// A path to a socket that fits into its address.
pub(crate) struct Address {
    pub(crate) path: PathBuf,
    /// Open for as long as the path leads through it.
    _directory: Option<File>,
}

impl Address {
    /// The address of a data directory's socket; where its path is too long, through the directory
    /// as this process has it open.
    pub(crate) fn of(directory: &Path) -> io::Result<Self> {
        let path = directory.join(SOCKET);
        if path.as_os_str().len() <= LONGEST_PATH {
            return Ok(Self {
                path,
                _directory: None,
            });
        }
        let directory = File::open(directory)?;
        Ok(Self {
            path: format!("/proc/self/fd/{}/{SOCKET}", directory.as_raw_fd()).into(),
            _directory: Some(directory),
        })
    }
}
