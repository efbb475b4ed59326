//! Where a command's words and data go, and where its data comes from.

use std::io;

use async_trait::async_trait;

/// The two ends of a command: a terminal, files, or a connection to them.
#[async_trait]
pub trait Ui: Send {
    /// Tells a result, in one line.
    async fn line(&mut self, text: String) -> io::Result<()>;

    /// Tells how far the command is: in so many of `what`, out of `total` where that is known.
    async fn progress(&mut self, what: &str, done: u64, total: Option<u64>) -> io::Result<()>;

    /// Takes the next bytes of what the command puts out.
    async fn put(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// The next bytes of what the command reads; none at the end.
    async fn take(&mut self) -> io::Result<Vec<u8>>;
}
