//! Queue of log lines between the threads of the service and standard output: a reader that reads nothing must
//! not stop the service. Of `tracing-appender`, the guard writes to standard output by itself where the queue
//! is full (0.2.5, `non_blocking.rs`), and so never ends.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

use super::metrics;

/// Maximum number of lines in the queue; further lines are dropped.
const LINES: usize = 8_192;
/// Longest wait for the reader at the end of the process.
const END: Duration = Duration::from_secs(1);
/// Interval of the checks during that wait.
const INTERVAL: Duration = Duration::from_millis(5);

/// Queue of the process.
static QUEUE: OnceLock<LogQueue> = OnceLock::new();

/// Writer of log lines that never waits.
#[derive(Clone)]
pub(super) struct LogQueue {
    sender: SyncSender<Vec<u8>>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    /// Number of lines in the queue or in a write.
    queued: AtomicUsize,
    /// Number of dropped lines that no line reports yet.
    dropped: AtomicU64,
}

impl LogQueue {
    /// Starts the thread that writes the lines to `output`.
    pub(super) fn start(output: impl Write + Send + 'static) -> io::Result<Self> {
        let (sender, lines) = sync_channel(LINES);
        let counts = Arc::<Counts>::default();
        let written = Arc::clone(&counts);
        let thread = thread::Builder::new().name("log".into());
        thread.spawn(move || write_lines(&lines, output, &written))?;
        let queue = Self { sender, counts };
        let _ = QUEUE.set(queue.clone());
        Ok(queue)
    }
}

/// Writes lines until all senders are gone.
fn write_lines(lines: &Receiver<Vec<u8>>, mut output: impl Write, counts: &Counts) {
    for line in lines {
        // Without a reader, there is nowhere to report the error.
        let _ = output.write_all(&line).and_then(|()| output.flush());
        let queued = counts.queued.fetch_sub(1, Ordering::Relaxed);
        if queued < LINES / 2 {
            let dropped = counts.dropped.swap(0, Ordering::Relaxed);
            if dropped > 0 {
                tracing::warn!(
                    dropped,
                    "lines of the log were dropped, as no process read the log"
                );
            }
        }
    }
}

/// Waits until all lines are written, at most a second.
pub fn end() {
    let start = Instant::now();
    let is_empty = |queue: &LogQueue| queue.counts.queued.load(Ordering::Relaxed) == 0;
    while !QUEUE.get().is_none_or(is_empty) && start.elapsed() < END {
        thread::sleep(INTERVAL);
    }
}

impl Write for LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.counts.queued.fetch_add(1, Ordering::Relaxed);
        if self.sender.try_send(line.to_vec()).is_err() {
            self.counts.queued.fetch_sub(1, Ordering::Relaxed);
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
            if let Some(metrics) = metrics::get() {
                metrics.dropped_lines.inc();
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LogQueue {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
