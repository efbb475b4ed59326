//! The threads that serve, one for each core, and each with a runtime of its own.
//!
//! A connection and its requests stay on one thread. On one runtime for all threads, tasks would move
//! between them as they wake each other, which costs more than it gains: a request is a chain of
//! short steps, and the connections are many.

use std::io;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Threads that run what is spawned on their runtimes, until this is dropped.
pub(super) struct Threads(Vec<Thread>);

struct Thread {
    runtime: Handle,
    /// Ends it when it is dropped.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Threads {
    /// Starts a thread for each core that this process may use.
    pub(super) fn start() -> io::Result<Self> {
        let cores = thread::available_parallelism()?.get();
        let threads = (0..cores).map(|number| Thread::start(format!("serve-{number}")));
        Ok(Self(threads.collect::<io::Result<_>>()?))
    }

    /// Their runtimes.
    pub(super) fn runtimes(&self) -> Vec<Handle> {
        self.0.iter().map(|thread| thread.runtime.clone()).collect()
    }
}

impl Thread {
    fn start(name: String) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (handle, (stop, stopped)) = (runtime.handle().clone(), oneshot::channel::<()>());
        let thread = thread::Builder::new().name(name).spawn(move || {
            // An error says that it was dropped, which is the signal.
            let _ = runtime.block_on(stopped);
            // What was given up may hang for ever, in a read of the disk for example.
            runtime.shutdown_background();
        })?;
        Ok(Self {
            runtime: handle,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // All of them first, so that they end at the same time.
        self.0
            .iter_mut()
            .for_each(|thread| drop(thread.stop.take()));
        let threads = self.0.iter_mut().filter_map(|thread| thread.thread.take());
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread that served panicked");
            }
        }
    }
}
