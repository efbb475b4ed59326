//! Worker threads: one per core unless configured, each with a current-thread runtime.
//!
//! A connection and its requests stay on one thread. A multi-thread runtime would move tasks between
//! threads at each wake-up, which costs more than the balance gains: a request is a chain of short
//! steps, and connections are many.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A worker: the runtime of a thread, and the app that serves the connections of the worker.
pub struct Worker<E> {
    pub(super) runtime: Handle,
    pub(super) app: Arc<E>,
}

impl<E> Worker<E> {
    /// Returns a worker that runs `app` on `runtime`.
    pub fn new(runtime: Handle, app: E) -> Self {
        Self {
            runtime,
            app: Arc::new(app),
        }
    }

    /// Returns the load in connections, each of which has a reference to the app.
    pub(super) fn load(&self) -> usize {
        Arc::strong_count(&self.app)
    }
}

/// Worker threads, whose runtimes run until the drop.
pub(super) struct WorkerThreads(Vec<WorkerThread>);

struct WorkerThread {
    runtime: Handle,
    /// Stops the thread when dropped.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl WorkerThreads {
    /// Starts `count` threads; without a count, a thread per available core.
    pub(super) fn start(count: Option<usize>) -> io::Result<Self> {
        let count = match count {
            Some(count) => count,
            None => thread::available_parallelism()?.get(),
        };
        let threads = (0..count).map(|number| WorkerThread::start(format!("serve-{number}")));
        Ok(Self(threads.collect::<io::Result<_>>()?))
    }

    /// Returns the runtimes of the threads.
    pub(super) fn runtimes(&self) -> Vec<Handle> {
        self.0.iter().map(|thread| thread.runtime.clone()).collect()
    }
}

impl WorkerThread {
    fn start(name: String) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (handle, (stop, stopped)) = (runtime.handle().clone(), oneshot::channel::<()>());
        let thread = thread::Builder::new().name(name).spawn(move || {
            // The error of a dropped sender is the signal.
            let _ = runtime.block_on(stopped);
            // In the background: a cancelled blocking task, a disk read for example, may hang forever.
            runtime.shutdown_background();
        })?;
        Ok(Self {
            runtime: handle,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for WorkerThreads {
    fn drop(&mut self) {
        // All threads before the first join: the threads stop concurrently.
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
