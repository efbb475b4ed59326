//! Background tasks of a test: each task repeats a step until the stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::task::JoinSet;

use crate::support::eventually;

/// Running tasks. Each task returns a `T` at the end.
pub(crate) struct Background<T> {
    tasks: JoinSet<T>,
    progress: Arc<Progress>,
}

/// Stop flag of all tasks, and number of steps done.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    stopped: AtomicBool,
    steps: AtomicUsize,
}

impl Progress {
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Counts a step.
    pub(crate) fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// Number of steps so far.
    pub(crate) fn steps(&self) -> usize {
        self.steps.load(Ordering::Relaxed)
    }
}

impl<T: Send + 'static> Background<T> {
    /// Starts a task per state.
    pub(crate) fn start<S, F>(
        states: impl IntoIterator<Item = S>,
        run: impl Fn(S, Arc<Progress>) -> F,
    ) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        let progress = Arc::<Progress>::default();
        let states = states.into_iter();
        let tasks = states.map(|state| run(state, Arc::clone(&progress)));
        Self {
            tasks: tasks.collect(),
            progress,
        }
    }

    /// Number of steps so far.
    pub(crate) fn steps(&self) -> usize {
        self.progress.steps()
    }

    pub(crate) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Waits for a number of further steps.
    pub(crate) async fn wait_for_steps(&self, steps: usize) {
        rises("steps are done", &self.progress.steps, steps).await;
    }

    /// Stops all tasks, and returns the results. Panics where a task has panicked.
    pub(crate) async fn stop(self) -> Vec<T> {
        self.progress.stopped.store(true, Ordering::SeqCst);
        self.tasks.join_all().await
    }
}

/// Waits until a counter has risen by a number.
pub(crate) async fn rises(what: &str, counter: &AtomicUsize, by: usize) {
    let goal = counter.load(Ordering::Relaxed) + by;
    eventually(what, || async {
        (counter.load(Ordering::Relaxed) >= goal).then_some(())
    })
    .await;
}
