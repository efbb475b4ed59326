//! What a command reads: a thread of its own reads and decompresses it.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tokio::sync::mpsc;

use super::compression::Compression;

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;
/// Chunks that are read ahead.
const AHEAD: usize = 4;

/// What is read.
pub(crate) struct Input {
    chunks: mpsc::Receiver<io::Result<Vec<u8>>>,
    gauge: Option<Gauge>,
}

/// How much of a file has been read.
#[derive(Debug, Clone)]
pub(crate) struct Gauge {
    /// The file's size.
    pub(crate) size: u64,
    read: Arc<AtomicU64>,
}

impl Gauge {
    /// How many of its bytes.
    pub(crate) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

impl Input {
    /// Opens a file, or standard input.
    pub(crate) fn open(file: Option<&Path>) -> io::Result<Self> {
        let name = file.map_or("standard input".into(), |file| file.display().to_string());
        let explain = move |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot read {name}: {error}"))
        };
        let (opened, compression) = match file {
            Some(file) => (File::open(file), Compression::of(file)),
            None => {
                let handle = io::stdin().as_fd().try_clone_to_owned();
                (handle.map(File::from), Compression::None)
            }
        };
        let opened = opened.map_err(&explain)?;
        let metadata = opened.metadata().map_err(&explain)?;
        let read = Arc::default();
        let counted = Counted(opened, Arc::clone(&read));
        let (sender, chunks) = mpsc::channel(AHEAD);
        // Not one of the runtime's, which waits for its threads: a read of a terminal may never end.
        thread::Builder::new()
            .name("input".into())
            .spawn(move || read_all(counted, compression, explain, &sender))?;
        let size = metadata.len();
        let gauge = metadata.is_file().then_some(Gauge { size, read });
        Ok(Self { chunks, gauge })
    }

    /// How much has been read, where it is known how much there is.
    pub(crate) fn gauge(&self) -> Option<Gauge> {
        self.gauge.clone()
    }

    /// The next bytes; none at the end.
    pub(crate) async fn take(&mut self) -> io::Result<Vec<u8>> {
        self.chunks.recv().await.unwrap_or_else(|| Ok(Vec::new()))
    }
}

/// Counts the bytes that are read.
struct Counted(File, Arc<AtomicU64>);

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.1.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Sends all that can be read, until the end, a failure, or nobody receives it any more.
fn read_all(
    file: Counted,
    compression: Compression,
    explain: impl Fn(io::Error) -> io::Error,
    chunks: &mpsc::Sender<io::Result<Vec<u8>>>,
) {
    let mut reader = match compression.decode(file) {
        Ok(reader) => reader,
        Err(error) => {
            let _ = chunks.blocking_send(Err(explain(error)));
            return;
        }
    };
    loop {
        let mut chunk = vec![0; CHUNK];
        let chunk = match reader.read(&mut chunk) {
            Ok(0) => return,
            Ok(count) => {
                chunk.truncate(count);
                Ok(chunk)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(explain(error)),
        };
        let is_last = chunk.is_err();
        if chunks.blocking_send(chunk).is_err() || is_last {
            return;
        }
    }
}
