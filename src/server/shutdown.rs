//! The graceful shutdown of the service.

use std::process;
use std::time::Duration;

use tokio::signal::unix::SignalKind;
use tokio::time::sleep;

use crate::api::State;
use crate::signals::Signals;

/// Completes when the listener should close: at once after SIGINT, which an operator sends, and after
/// `delay` following SIGTERM, for load balancers to notice that the service is not ready. A second
/// signal ends the process.
pub(super) async fn requested(mut signals: Signals, state: State, delay: Duration) {
    let delay = match signals.next().await {
        signal if signal == SignalKind::terminate() => delay,
        _ => Duration::ZERO,
    };
    state.start_draining();
    tracing::info!(?delay, "stopping: no longer ready, still serving");
    tokio::spawn(async move {
        signals.next().await;
        tracing::warn!("stopped at once by a second signal");
        process::exit(1);
    });
    sleep(delay).await;
}
