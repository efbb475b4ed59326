//! The server of the control socket: runs commands of other processes on the open embedded store.

mod connection;
mod socket_file;

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::retry::Backoff;
use crate::store::Store;
use socket_file::SocketFile;

/// Maximum number of concurrent commands; further connections wait in the listener's queue.
const COMMANDS: u32 = 8;
/// Wait after a failed accept.
const ACCEPT_WAIT: Duration = Duration::from_millis(50);

/// The running server of the control socket.
pub(super) struct ControlServer {
    closing: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl ControlServer {
    /// Listens at the control socket of a data directory, whose store only this process has open.
    ///
    /// # Errors
    ///
    /// The socket cannot be created in the directory.
    pub(super) fn open(directory: &Path, store: Store) -> io::Result<Self> {
        let (listener, file) = SocketFile::listen(directory, COMMANDS)?;
        let (closing, closed) = watch::channel(false);
        let serving = tokio::spawn(serve(listener, file, store, closed));
        Ok(Self { closing, serving })
    }

    /// Closes the listener and ends the running commands.
    pub(super) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Waits until every connection is closed, which takes less than a second after
    /// [`close`](Self::close).
    pub(super) async fn closed(self) {
        if self.serving.await.is_err() {
            tracing::error!("the door's keeper panicked");
        }
    }
}

/// Accepts connections until the server is closed.
async fn serve(
    listener: UnixListener,
    file: SocketFile,
    store: Store,
    mut closed: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let mut backoff = Backoff::new(ACCEPT_WAIT, ACCEPT_WAIT);
    loop {
        let has_room = connections.len() < COMMANDS as usize;
        tokio::select! {
            () = is_closed(&mut closed) => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if has_room => match accepted {
                Ok((stream, _)) => {
                    let serving = connection::serve(stream, store.clone(), closed.clone());
                    connections.spawn(serving);
                }
                Err(error) => {
                    tracing::warn!(%error, "a command could not be let in");
                    backoff.wait().await;
                }
            },
        }
    }
    drop(listener);
    // Before the store is closed: the next process that opens the store has its own socket file here.
    drop(file);
    while connections.join_next().await.is_some() {}
}

/// Waits until the server is closed or dropped.
async fn is_closed(closed: &mut watch::Receiver<bool>) {
    // An error means that the server was dropped.
    let _ = closed.wait_for(|closed| *closed).await;
}
