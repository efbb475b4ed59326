//! The graceful shutdown of the service.

use std::process;
use std::time::Duration;

use tokio::signal::unix::SignalKind;
use tokio::time::sleep;

use crate::api::State;
use crate::signals::Signals;
use crate::telemetry;

/// Completes when the listener should close: at once after SIGINT, which an operator sends, and after
/// `delay` following SIGTERM or SIGHUP, for load balancers to notice that the service is not ready. A second
/// signal ends the process.
pub(super) async fn requested(mut signals: Signals, state: State, delay: Duration) {
    let delay = match signals.next().await {
        signal if signal == SignalKind::interrupt() => Duration::ZERO,
        _ => delay,
    };
    state.start_draining();
    tracing::info!(?delay, "stopping: no longer ready, still serving");
    tokio::spawn(async move {
        signals.next().await;
        tracing::warn!("stopped at once by a second signal");
        telemetry::end();
        process::exit(1);
    });
    sleep(delay).await;
}
