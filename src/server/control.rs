//! The side of the service: carries out the tasks of those who come in.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use std::time::Duration;

use async_trait::async_trait;
use tokio::io::BufReader;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::commands::control::protocol::{End, Frame, LONGEST, Progress};
use crate::commands::control::{Address, SOCKET};
use crate::commands::{CommandError, Task, Ui, run};
use crate::store::Store;

/// Tasks at once; one more waits.
const TASKS: u32 = 8;
/// Longest wait for whoever came in to say what is to be done.
const TASK_WAIT: Duration = Duration::from_secs(5);
/// Longest wait for him to take the last word.
const FAREWELL: Duration = Duration::from_millis(500);
/// Wait after somebody could not be let in.
const BACKOFF: Duration = Duration::from_millis(50);

/// An open door.
pub(super) struct ControlServer {
    closing: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl ControlServer {
    /// Opens the door of a data directory that this process has to itself.
    ///
    /// # Errors
    ///
    /// There can be no socket in the directory.
    pub(super) fn open(directory: &Path, store: Store) -> io::Result<Self> {
        let (listener, socket) = Socket::listen(directory)?;
        let (closing, closed) = watch::channel(false);
        let serving = tokio::spawn(serve(listener, socket, store, closed));
        Ok(Self { closing, serving })
    }

    /// Lets nobody in any more, and ends the tasks that are under way.
    pub(super) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Waits until all have gone, which they do within a second of its being closed.
    pub(super) async fn closed(self) {
        if self.serving.await.is_err() {
            tracing::error!("the door's keeper panicked");
        }
    }
}

/// The socket's file, which goes with this value.
struct Socket(PathBuf);

impl Socket {
    /// Listens at a socket that only this user may use. One that was left behind is replaced, as
    /// nobody else has the directory.
    fn listen(directory: &Path) -> io::Result<(UnixListener, Self)> {
        let path = directory.join(SOCKET);
        match fs::symlink_metadata(&path) {
            Ok(file) if file.file_type().is_socket() => fs::remove_file(&path)?,
            _ => {}
        }
        let socket = UnixSocket::new_stream()?;
        socket.bind(Address::of(directory)?.path)?;
        let bound = Self(path);
        // Nobody can connect before it listens.
        fs::set_permissions(&bound.0, Permissions::from_mode(0o600))?;
        Ok((socket.listen(TASKS)?, bound))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(%error, "the socket for commands could not be removed");
        }
    }
}

/// Lets in who comes, until the door is closed.
async fn serve(
    listener: UnixListener,
    socket: Socket,
    store: Store,
    mut closed: watch::Receiver<bool>,
) {
    let mut tasks = JoinSet::new();
    loop {
        let has_room = tasks.len() < TASKS as usize;
        tokio::select! {
            () = is_closed(&mut closed) => break,
            Some(_) = tasks.join_next() => {}
            accepted = listener.accept(), if has_room => match accepted {
                Ok((stream, _)) => {
                    tasks.spawn(answer(stream, store.clone(), closed.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a command could not be let in");
                    tokio::time::sleep(BACKOFF).await;
                }
            },
        }
    }
    drop(listener);
    // Before the store: whoever opens that next has a socket of his own there.
    drop(socket);
    while tasks.join_next().await.is_some() {}
}

async fn is_closed(closed: &mut watch::Receiver<bool>) {
    // It fails where the door is dropped, which closes it too.
    let _ = closed.wait_for(|closed| *closed).await;
}

/// Carries out the task of one who came in, and tells him how it ended, if he is still there.
async fn answer(stream: UnixStream, store: Store, mut closed: watch::Receiver<bool>) {
    let (reader, writer) = stream.into_split();
    let mut sender = Sender(Some(writer));
    let end = tokio::select! {
        end = carry_out(reader, &mut sender, &store) => end,
        () = is_closed(&mut closed) => Some(End::Failed("the service stops: do it again".into())),
    };
    match end {
        Some(end) => {
            // One who reads nothing must not keep the service from ending.
            let _ = tokio::time::timeout(FAREWELL, sender.send(Frame::End(end))).await;
        }
        None => tracing::info!("a command went away before it was done"),
    }
}

/// Carries out the task that is sent; nothing where who sent it goes away.
async fn carry_out(reader: OwnedReadHalf, sender: &mut Sender, store: &Store) -> Option<End> {
    let mut reader = BufReader::new(reader);
    let task = match tokio::time::timeout(TASK_WAIT, Frame::read(&mut reader)).await {
        Ok(Ok(Frame::Task(task))) => task,
        Ok(Err(error)) if error.kind() == ErrorKind::UnexpectedEof => return None,
        _ => return Some(End::Failed("no task was understood".into())),
    };
    tracing::info!(task = name(&task), "a command is carried out");
    let (given, data) = mpsc::channel(1);
    let mut ui = RemoteConsole { sender, data };
    let end = tokio::select! {
        result = run(&task, store, &mut ui) => match result {
            Ok(is_well) => End::Done(is_well),
            // He has gone, and this is how that was noticed.
            Err(CommandError::Io(error)) if error.kind() == ErrorKind::BrokenPipe => return None,
            Err(failure) => End::Failed(failure.to_string()),
        },
        () = listen(&mut reader, given) => return None,
    };
    let is_well = end == End::Done(true);
    tracing::info!(task = name(&task), is_well, "a command ended");
    Some(end)
}

/// Hands on the data that comes, until whoever sends it has gone.
async fn listen(reader: &mut BufReader<OwnedReadHalf>, given: mpsc::Sender<Vec<u8>>) {
    while let Ok(Frame::Data(data)) = Frame::read(reader).await {
        if given.send(data).await.is_err() {
            return;
        }
    }
}

/// A task's name in the log, which tells of no learner.
fn name(task: &Task) -> &'static str {
    match task {
        Task::Verify { .. } => "verify",
        Task::Export { .. } => "export",
        Task::Import { .. } => "import",
        Task::Doctor => "doctor",
        Task::Inspect { .. } => "inspect",
    }
}

/// Sends frames, until one was broken off half way: nothing could follow that.
struct Sender(Option<OwnedWriteHalf>);

impl Sender {
    async fn send(&mut self, frame: Frame) -> io::Result<()> {
        let mut writer = self.0.take().ok_or(ErrorKind::BrokenPipe)?;
        frame.write(&mut writer).await?;
        self.0 = Some(writer);
        Ok(())
    }
}

/// The console of one who came in.
struct RemoteConsole<'a> {
    sender: &'a mut Sender,
    data: mpsc::Receiver<Vec<u8>>,
}

#[async_trait]
impl Ui for RemoteConsole<'_> {
    async fn line(&mut self, text: String) -> io::Result<()> {
        self.sender.send(Frame::Line(text)).await
    }

    async fn progress(&mut self, what: &str, done: u64, total: Option<u64>) -> io::Result<()> {
        let what = what.to_owned();
        let progress = Progress { what, done, total };
        self.sender.send(Frame::Progress(progress)).await
    }

    async fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        for part in bytes.chunks(LONGEST) {
            self.sender.send(Frame::Put(part.to_owned())).await?;
        }
        Ok(())
    }

    async fn take(&mut self) -> io::Result<Vec<u8>> {
        self.sender.send(Frame::Take).await?;
        let data = self.data.recv().await;
        data.ok_or_else(|| ErrorKind::BrokenPipe.into())
    }
}
