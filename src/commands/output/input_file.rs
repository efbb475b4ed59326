//! The input of a command: a file or standard input, decompressed.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::{JoinHandle, spawn_blocking};

use super::decompression::decoded;

/// Maximum number of bytes of a read.
const CHUNK: usize = 64 << 10;

/// A file or standard input. A blocking task of the runtime reads one chunk ahead.
pub(crate) struct InputFile {
    /// `None` at the end of the file and after an error.
    reading: Option<JoinHandle<io::Result<Chunk>>>,
    name: String,
    position: Option<ReadPosition>,
}

/// The result of a read, with the reader for the next.
struct Chunk {
    bytes: Vec<u8>,
    reader: Box<dyn Read + Send>,
}

/// Position of a reader in a file of known size, before decompression.
#[derive(Debug, Clone)]
pub(crate) struct ReadPosition {
    /// Size of the file, in bytes.
    pub(crate) size: u64,
    read: Arc<AtomicU64>,
}

impl ReadPosition {
    /// Returns the number of bytes read so far.
    pub(crate) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

impl InputFile {
    /// Opens a file, or standard input, and starts the first read.
    pub(crate) fn open(file: Option<&Path>) -> io::Result<Self> {
        let name = file.map_or("standard input".into(), |file| file.display().to_string());
        let opened = open(file).and_then(|opened| Ok((opened.metadata()?, opened)));
        let (metadata, opened) = opened.map_err(|error| explain(&name, &error))?;
        let read = Arc::default();
        let counted = CountingReader(opened, Arc::clone(&read));
        let size = metadata.len();
        Ok(Self {
            reading: Some(spawn_blocking(move || next(decoded(counted)?))),
            name,
            position: metadata.is_file().then_some(ReadPosition { size, read }),
        })
    }

    /// Returns the position of the reader; `None` for a pipe or a terminal.
    pub(crate) fn position(&self) -> Option<ReadPosition> {
        self.position.clone()
    }

    /// Returns the next bytes; empty at the end. Cancellation loses no bytes.
    pub(crate) async fn read(&mut self) -> io::Result<Vec<u8>> {
        let Some(reading) = &mut self.reading else {
            return Ok(Vec::new());
        };
        let chunk = reading.await.map_err(io::Error::other).flatten();
        self.reading = None;
        let Chunk { bytes, reader } = chunk.map_err(|error| explain(&self.name, &error))?;
        if !bytes.is_empty() {
            self.reading = Some(spawn_blocking(|| next(reader)));
        }
        Ok(bytes)
    }
}

fn open(file: Option<&Path>) -> io::Result<File> {
    match file {
        Some(file) => File::open(file),
        None => Ok(io::stdin().as_fd().try_clone_to_owned()?.into()),
    }
}

fn explain(name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot read {name}: {error}"))
}

/// Reads a chunk.
fn next(mut reader: Box<dyn Read + Send>) -> io::Result<Chunk> {
    let mut bytes = vec![0; CHUNK];
    let count = loop {
        match reader.read(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            count => break count?,
        }
    };
    bytes.truncate(count);
    Ok(Chunk { bytes, reader })
}

/// A reader that counts bytes.
struct CountingReader(File, Arc<AtomicU64>);

impl Read for CountingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.1.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
