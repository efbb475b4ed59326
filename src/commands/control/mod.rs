//! The control socket: a Unix socket in the data directory, by which a command runs in the service that
//! has the embedded store open.
//!
//! An embedded database is open in one process only, and commands must work beside a service. The
//! service runs the command, and the command's process is the [`Ui`](super::Ui): frames carry lines,
//! progress and data to the client, and data to the service. A user with access to the socket has all
//! rights of the service's user.

mod client;
pub(crate) mod protocol;

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

pub use client::ControlClient;

/// Name of the socket file in the data directory.
pub(crate) const SOCKET: &str = "study-stats.sock";
/// Maximum length of a path in a socket address, in bytes, on every supported system.
const MAX_PATH: usize = 103;

/// A path of the control socket, short enough for a socket address.
pub(crate) struct SocketPath {
    pub(crate) path: PathBuf,
    /// Keeps a path through a file descriptor valid.
    _directory: Option<File>,
}

impl SocketPath {
    /// Returns the path of a data directory's socket: a path that is too long is replaced by a path
    /// through a file descriptor of the directory.
    pub(crate) fn of(directory: &Path) -> io::Result<Self> {
        let path = directory.join(SOCKET);
        if path.as_os_str().len() <= MAX_PATH {
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
