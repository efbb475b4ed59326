//! The side of the command: the console of a task that another process carries out.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::pin::Pin;

use futures_util::{Stream, StreamExt, stream};
use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::Address;
use super::protocol::{End, Frame, LONGEST, Progress, not_understood};
use crate::commands::{CommandError, Task, Ui};

/// A way in to the process that serves a data directory.
pub struct ControlClient {
    frames: Frames,
    writer: OwnedWriteHalf,
    /// What the console gave that the service did not ask for yet.
    data: Vec<u8>,
}

/// The frames that come. To stop waiting for one loses nothing of it.
type Frames = Pin<Box<dyn Stream<Item = io::Result<Frame>> + Send>>;

impl ControlClient {
    /// Goes to the door of the data directory.
    ///
    /// # Errors
    ///
    /// Nobody opens.
    pub async fn connect(directory: &Path) -> io::Result<Self> {
        let address = Address::of(directory)?;
        let (reader, writer) = UnixStream::connect(&address.path).await?.into_split();
        Ok(Self {
            frames: Box::pin(frames(reader)),
            writer,
            data: Vec::new(),
        })
    }

    /// Has the task carried out there, and answers whether all is well.
    ///
    /// # Errors
    ///
    /// An end of the console failed, or the other process did, or went away.
    pub async fn run(mut self, task: &Task, ui: &mut dyn Ui) -> Result<bool, CommandError> {
        self.send(Frame::Task(task.clone())).await;
        loop {
            match self.next().await? {
                Frame::Line(line) => ui.line(line).await?,
                Frame::Progress(Progress { what, done, total }) => {
                    ui.progress(&what, done, total).await?;
                }
                Frame::Put(data) => ui.put(&data).await?,
                Frame::Take => {
                    if let Some(end) = self.give(ui).await? {
                        return ended(end);
                    }
                }
                end => return ended(end),
            }
        }
    }

    /// Gives the service the data that it asked for, unless it ends meanwhile: then its last frame is
    /// the answer.
    async fn give(&mut self, ui: &mut dyn Ui) -> Result<Option<Frame>, CommandError> {
        if self.data.is_empty() {
            tokio::select! {
                data = ui.take() => self.data = data?,
                end = self.next() => return Ok(Some(end?)),
            }
        }
        let rest = self.data.split_off(self.data.len().min(LONGEST));
        let data = std::mem::replace(&mut self.data, rest);
        self.send(Frame::Data(data)).await;
        Ok(None)
    }

    /// Sends a frame. Where that fails, the service has gone, and may have left a last word.
    async fn send(&mut self, frame: Frame) {
        let _ = frame.write(&mut self.writer).await;
    }

    async fn next(&mut self) -> Result<Frame, CommandError> {
        let gone = || io::Error::from(ErrorKind::UnexpectedEof);
        let frame = self.frames.next().await.unwrap_or_else(|| Err(gone()));
        frame.map_err(|error| match error.kind() {
            ErrorKind::InvalidData => CommandError::Io(error),
            _ => CommandError::Remote(
                "the service that has the data directory open went away before this was done: \
                 do it again"
                    .into(),
            ),
        })
    }
}

fn frames(reader: OwnedReadHalf) -> impl Stream<Item = io::Result<Frame>> {
    stream::unfold(BufReader::new(reader), |mut reader| async {
        Some((Frame::read(&mut reader).await, reader))
    })
}

fn ended(frame: Frame) -> Result<bool, CommandError> {
    match frame {
        Frame::End(End::Done(is_well)) => Ok(is_well),
        Frame::End(End::Failed(failure)) => Err(CommandError::Remote(failure)),
        _ => Err(CommandError::Io(not_understood())),
    }
}
