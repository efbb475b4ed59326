//! Patience with a store: Sentinels and Clusters fail over, and servers restart, within that time.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::store::StoreError;

/// Exponential backoff: a wait that doubles with each use, up to a maximum.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Returns a backoff whose first wait is `first` and whose longest wait is `longest`; constant
    /// where both are equal.
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            next: first,
        }
    }

    /// Sleeps for the present wait, and doubles the wait for the next call.
    pub(crate) async fn wait(&mut self) {
        sleep(self.next).await;
        self.next = self.longest.min(self.next * 2);
    }

    /// Returns to the first wait.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

/// How long failures that may pass are borne.
const LIMIT: Duration = Duration::from_secs(30);
/// Wait before another attempt.
const PAUSE: Duration = Duration::from_millis(200);

/// How long a store has failed without a success in between.
#[derive(Default)]
pub(crate) struct Patience {
    failing_since: Option<Instant>,
}

impl Patience {
    /// Returns when it is time for another attempt.
    ///
    /// # Errors
    ///
    /// The failure, where trying again cannot help or did not for long enough.
    pub(crate) async fn bear(&mut self, failure: StoreError) -> Result<(), StoreError> {
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        if !failure.is_transient() || since.elapsed() >= LIMIT {
            return Err(failure);
        }
        sleep(PAUSE).await;
        Ok(())
    }

    /// The store did something.
    pub(crate) fn restore(&mut self) {
        self.failing_since = None;
    }
}

/// Calls the store until it answers, or patience ends.
pub(crate) async fn patiently<T, F>(mut call: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut patience = Patience::default();
    loop {
        match call().await {
            Err(failure) => patience.bear(failure).await?,
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long it takes until the failure that is left ends it.
    async fn borne(failure: StoreError) -> Duration {
        let start = Instant::now();
        let result: Result<(), _> = patiently(|| async { Err(failure.clone()) }).await;
        assert_eq!(result.unwrap_err().to_string(), failure.to_string());
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_may_pass_is_borne_for_a_while_and_another_not_at_all() {
        let borne_for = borne(StoreError::Unavailable("x".into())).await;
        assert!((LIMIT..LIMIT + 2 * PAUSE).contains(&borne_for));
        let borne_for = borne(StoreError::Unexpected("x".into())).await;
        assert_eq!(borne_for, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn patience_begins_anew_with_each_success() {
        let mut patience = Patience::default();
        for _ in 0..3 {
            sleep(LIMIT).await;
            let failure = StoreError::Unavailable("x".into());
            assert!(patience.bear(failure).await.is_ok());
            patience.restore();
        }
    }
}
