//! The file of the control socket.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixSocket};

use crate::commands::control::{SOCKET, SocketPath};

/// The socket file; removed on drop.
pub(super) struct SocketFile(PathBuf);

impl SocketFile {
    /// Listens at a socket with access for this user only. A socket that a killed process left behind
    /// is replaced: no other process has the data directory open.
    pub(super) fn listen(directory: &Path, backlog: u32) -> io::Result<(UnixListener, Self)> {
        let path = directory.join(SOCKET);
        match fs::symlink_metadata(&path) {
            Ok(file) if file.file_type().is_socket() => fs::remove_file(&path)?,
            _ => {}
        }
        let socket = UnixSocket::new_stream()?;
        socket.bind(SocketPath::of(directory)?.path)?;
        let bound = Self(path);
        // Before `listen`: until then no client can connect.
        fs::set_permissions(&bound.0, Permissions::from_mode(0o600))?;
        Ok((socket.listen(backlog)?, bound))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(%error, "the socket for commands could not be removed");
        }
    }
}
