//! A connection of the control socket: runs the command of the first frame.

use std::io::{self, ErrorKind};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{SinkExt, StreamExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::codec::{FramedRead, FramedWrite};

use super::is_closed;
use crate::commands::control::protocol::{End, Frame, FrameCodec, MAX_PAYLOAD, ProgressFrame};
use crate::commands::{CommandError, Ui, run};
use crate::store::Store;

/// Timeout of the first frame.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout of the write of the last frame: a client that reads nothing must not delay the shutdown.
const END_TIMEOUT: Duration = Duration::from_millis(500);

type FrameReader = FramedRead<OwnedReadHalf, FrameCodec>;
type FrameWriter = FramedWrite<OwnedWriteHalf, FrameCodec>;

/// Runs the command of a client until the server is closed, and sends the last frame.
pub(super) async fn serve(stream: UnixStream, store: Store, mut closed: watch::Receiver<bool>) {
    let (reader, writer) = stream.into_split();
    let mut reader = FramedRead::new(reader, FrameCodec);
    let mut writer = FramedWrite::new(writer, FrameCodec);
    let end = tokio::select! {
        end = receive_and_run(&mut reader, &mut writer, &store) => end,
        () = is_closed(&mut closed) => Some(End::Failed("the service stops: do it again".into())),
    };
    match end {
        Some(end) => drop(timeout(END_TIMEOUT, writer.send(Frame::End(end))).await),
        None => tracing::info!("a command went away before it was done"),
    }
}

/// Receives a command and runs the command; `None` when the client closes the connection.
async fn receive_and_run(
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
    store: &Store,
) -> Option<End> {
    let command = match timeout(COMMAND_TIMEOUT, reader.next()).await {
        Ok(Some(Ok(Frame::Command(command)))) => command,
        Ok(None) => return None,
        Ok(Some(Err(error))) if error.kind() == ErrorKind::UnexpectedEof => return None,
        _ => return Some(End::Failed("no task was understood".into())),
    };
    tracing::info!(task = command.name(), "a command is carried out");
    let (sender, input) = mpsc::channel(1);
    let mut ui = ConnectionUi { writer, input };
    let end = tokio::select! {
        result = run(&command, store, &mut ui) => match result {
            Ok(is_well) => End::Done(is_well),
            Err(CommandError::Io(error)) if error.kind() == ErrorKind::BrokenPipe => return None,
            Err(failure) => End::Failed(failure.to_string()),
        },
        () = receive_input(reader, sender) => return None,
    };
    let is_well = end == End::Done(true);
    tracing::info!(task = command.name(), is_well, "a command ended");
    Some(end)
}

/// Receives input until the client closes the connection.
async fn receive_input(reader: &mut FrameReader, sender: mpsc::Sender<Vec<u8>>) {
    while let Some(Ok(Frame::Input(data))) = reader.next().await {
        if sender.send(data).await.is_err() {
            return;
        }
    }
}

/// The interface of a command to the client of a connection.
struct ConnectionUi<'a> {
    writer: &'a mut FrameWriter,
    input: mpsc::Receiver<Vec<u8>>,
}

#[async_trait]
impl Ui for ConnectionUi<'_> {
    async fn print(&mut self, text: String) -> io::Result<()> {
        self.writer.send(Frame::Line(text)).await
    }

    async fn progress(&mut self, what: &str, done: u64, total: Option<u64>) -> io::Result<()> {
        let what = what.to_owned();
        let progress = ProgressFrame { what, done, total };
        self.writer.send(Frame::Progress(progress)).await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for payload in bytes.chunks(MAX_PAYLOAD) {
            self.writer.send(Frame::Output(payload.to_owned())).await?;
        }
        Ok(())
    }

    async fn read(&mut self) -> io::Result<Vec<u8>> {
        self.writer.send(Frame::Read).await?;
        let input = self.input.recv().await;
        input.ok_or_else(|| ErrorKind::BrokenPipe.into())
    }
}
