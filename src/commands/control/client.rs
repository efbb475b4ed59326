//! The client of the control socket: a command that runs in the service.

use std::io;
use std::path::Path;

use futures_util::{SinkExt, StreamExt};
use tokio::net::UnixStream;
use tokio_util::codec::Framed;

use super::SocketPath;
use super::protocol::{End, Frame, FrameCodec, MAX_PAYLOAD, ProgressFrame, not_understood};
use crate::commands::{CommandError, Ui};
use crate::config::StoreCommand;

/// A connection to the service that has a data directory open.
pub struct ControlClient {
    frames: Framed<UnixStream, FrameCodec>,
    /// Input that the service has not requested yet.
    input: Vec<u8>,
}

impl ControlClient {
    /// Connects to the control socket of a data directory.
    ///
    /// # Errors
    ///
    /// No service listens at the socket.
    pub async fn connect(directory: &Path) -> io::Result<Self> {
        let address = SocketPath::of(directory)?;
        let stream = UnixStream::connect(&address.path).await?;
        Ok(Self {
            frames: Framed::new(stream, FrameCodec),
            input: Vec::new(),
        })
    }

    /// Runs a command in the service, and returns whether the result is free of problems.
    ///
    /// # Errors
    ///
    /// The input, the output or the service failed, or the service closed the connection.
    pub async fn run(
        mut self,
        command: &StoreCommand,
        ui: &mut dyn Ui,
    ) -> Result<bool, CommandError> {
        self.send(Frame::Command(command.clone())).await;
        loop {
            match self.receive().await? {
                Frame::Line(line) => ui.print(line).await?,
                Frame::Progress(ProgressFrame { what, done, total }) => {
                    ui.progress(&what, done, total).await?;
                }
                Frame::Output(data) => ui.write(&data).await?,
                Frame::Read => {
                    if let Some(end) = self.send_input(ui).await? {
                        return ended(end);
                    }
                }
                end => return ended(end),
            }
        }
    }

    /// Reads the input and sends up to a frame of it. A frame that arrives during the read ends the
    /// command, and is returned.
    async fn send_input(&mut self, ui: &mut dyn Ui) -> Result<Option<Frame>, CommandError> {
        if self.input.is_empty() {
            tokio::select! {
                input = ui.read() => self.input = input?,
                end = self.receive() => return Ok(Some(end?)),
            }
        }
        let rest = self.input.split_off(self.input.len().min(MAX_PAYLOAD));
        let input = std::mem::replace(&mut self.input, rest);
        self.send(Frame::Input(input)).await;
        Ok(None)
    }

    /// Sends a frame. An error is ignored: the service has closed the connection, and its last frame
    /// may still be received.
    async fn send(&mut self, frame: Frame) {
        let _ = self.frames.send(frame).await;
    }

    /// Receives a frame. Cancellation loses no bytes.
    async fn receive(&mut self) -> Result<Frame, CommandError> {
        match self.frames.next().await {
            Some(Ok(frame)) => Ok(frame),
            Some(Err(error)) if error.kind() == io::ErrorKind::InvalidData => Err(error.into()),
            _ => Err(CommandError::Remote(
                "the service that has the data directory open went away before this was done: \
                 do it again"
                    .into(),
            )),
        }
    }
}

fn ended(frame: Frame) -> Result<bool, CommandError> {
    match frame {
        Frame::End(End::Done(is_well)) => Ok(is_well),
        Frame::End(End::Failed(failure)) => Err(CommandError::Remote(failure)),
        _ => Err(CommandError::Io(not_understood())),
    }
}
