//! The signals that ask the process to end.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::api::State;

/// SIGTERM and SIGINT, listened to from the start.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Completes when the listener should close: on SIGINT at once, as a person waits; on SIGTERM
    /// after `delay`, in which load balancers notice that the service is no longer ready. A second
    /// signal ends the process.
    pub(super) async fn stop(mut self, state: State, delay: Duration) {
        let delay = tokio::select! {
            _ = self.terminate.recv() => delay,
            _ = self.interrupt.recv() => Duration::ZERO,
        };
        state.start_draining();
        tracing::info!(?delay, "stopping: no longer ready, still serving");
        tokio::spawn(async move {
            tokio::select! {
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => {}
            }
            tracing::warn!("stopped at once by a second signal");
            std::process::exit(1);
        });
        tokio::time::sleep(delay).await;
    }
}
