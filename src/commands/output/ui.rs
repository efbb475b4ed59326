//! The interface of a command to its operator.

use std::io;

use async_trait::async_trait;

/// Output, progress and input of a command: a terminal with files, or a connection of the control
/// socket.
#[async_trait]
pub trait Ui: Send {
    /// Prints a line of the result.
    async fn print(&mut self, text: String) -> io::Result<()>;

    /// Reports progress: `done` of `total` items, where the total is known; `what` names the items.
    async fn progress(&mut self, what: &str, done: u64, total: Option<u64>) -> io::Result<()>;

    /// Writes bytes to the output of the command.
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Reads the next bytes of the command's input; empty at the end.
    async fn read(&mut self) -> io::Result<Vec<u8>>;
}
