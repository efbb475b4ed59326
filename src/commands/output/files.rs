//! What a command writes: a thread of its own compresses and writes it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process;
use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::compression::{Compression, Encoder};

/// Chunks that may wait to be written.
const AHEAD: usize = 4;

/// What is written. A file gets its name when it is whole, and leaves nothing where it is not.
pub(crate) struct Output {
    /// An empty chunk is the end.
    chunks: mpsc::Sender<Vec<u8>>,
    written: oneshot::Receiver<io::Result<()>>,
    part: Option<Part>,
    name: String,
}

impl Output {
    /// Opens a file, or standard output.
    pub(crate) fn open(file: Option<&Path>) -> io::Result<Self> {
        let name = file.map_or("standard output".into(), |file| file.display().to_string());
        let compression = file.map_or(Compression::None, Compression::of);
        let opened = open(file).and_then(|(opened, part)| Ok((compression.encode(opened)?, part)));
        let (encoder, part) = opened.map_err(|error| explain(&name, &error))?;
        let (chunks, waiting) = mpsc::channel(AHEAD);
        let (ended, written) = oneshot::channel();
        let is_part = part.is_some();
        // Not one of the runtime's, which waits for its threads: a pipe may never be read.
        thread::Builder::new()
            .name("output".into())
            .spawn(move || {
                let _ = ended.send(write_all(encoder, waiting, is_part));
            })?;
        Ok(Self {
            chunks,
            written,
            part,
            name,
        })
    }

    /// Writes further bytes.
    pub(crate) async fn put(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        match self.chunks.send(bytes).await {
            Ok(()) => Ok(()),
            Err(_) => self.ended().await,
        }
    }

    /// Writes all that is left, and gives the file its name.
    pub(crate) async fn finish(mut self) -> io::Result<()> {
        // Where nobody receives it, there is a failure to tell.
        let _ = self.chunks.send(Vec::new()).await;
        self.ended().await?;
        let part = self.part.take();
        part.map_or(Ok(()), Part::complete)
            .map_err(|error| explain(&self.name, &error))
    }

    async fn ended(&mut self) -> io::Result<()> {
        let ended = (&mut self.written).await;
        let ended = ended.unwrap_or_else(|_| Err(io::Error::other("its thread has ended")));
        ended.map_err(|error| explain(&self.name, &error))
    }
}

fn explain(name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write {name}: {error}"))
}

/// Opens the file, or the part that is to become it, to write.
fn open(file: Option<&Path>) -> io::Result<(File, Option<Part>)> {
    let Some(file) = file else {
        let handle = io::stdout().as_fd().try_clone_to_owned()?;
        return Ok((handle.into(), None));
    };
    let target = match fs::metadata(file) {
        // A device or a pipe is no file to be replaced.
        Ok(found) if !found.is_file() => {
            return Ok((OpenOptions::new().write(true).open(file)?, None));
        }
        // What a link leads to, and not the link.
        Ok(_) => fs::canonicalize(file)?,
        Err(error) if error.kind() == ErrorKind::NotFound => file.to_owned(),
        Err(error) => return Err(error),
    };
    let (opened, part) = Part::create(target)?;
    Ok((opened, Some(part)))
}

/// Writes all chunks; where it is to be kept, to the disk.
fn write_all(
    mut encoder: Encoder,
    mut chunks: mpsc::Receiver<Vec<u8>>,
    is_kept: bool,
) -> io::Result<()> {
    while let Some(chunk) = chunks.blocking_recv() {
        if chunk.is_empty() {
            let file = encoder.finish()?;
            return if is_kept { file.sync_all() } else { Ok(()) };
        }
        encoder.write_all(&chunk)?;
    }
    Ok(())
}

/// A file that is not whole yet, beside the one that it is to become; it is removed with this value.
struct Part {
    path: PathBuf,
    target: PathBuf,
}

impl Part {
    fn create(target: PathBuf) -> io::Result<(File, Self)> {
        let mut path = target.clone().into_os_string();
        path.push(format!(".{}.part", process::id()));
        let path = PathBuf::from(path);
        let file = File::create(&path)?;
        Ok((file, Self { path, target }))
    }

    /// Gives it its name, for good.
    fn complete(self) -> io::Result<()> {
        fs::rename(&self.path, &self.target)?;
        let directory = self.target.parent();
        let directory = directory.filter(|directory| *directory != Path::new(""));
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After `complete` there is none.
        let _ = fs::remove_file(&self.path);
    }
}
