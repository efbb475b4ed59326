//! Waits between attempts, and the retry of operations whose errors may pass: Sentinels and Clusters
//! fail over and servers restart within seconds.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

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

    /// Duration of the next wait.
    pub(crate) fn next_wait(&self) -> Duration {
        self.next
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

/// Retry of an operation for as long as a time limit allows. The limit counts from the first error
/// after a success.
#[derive(Debug)]
pub(crate) struct Retry {
    limit: Duration,
    backoff: Backoff,
    failing_since: Option<Instant>,
}

impl Retry {
    /// Returns a retry without an error so far.
    pub(crate) const fn new(limit: Duration, backoff: Backoff) -> Self {
        Self {
            limit,
            backoff,
            failing_since: None,
        }
    }

    /// Waits until the next attempt is due.
    ///
    /// # Errors
    ///
    /// Returns `error` when the error is not transient or the time limit has passed.
    pub(crate) async fn wait<E>(&mut self, error: E, is_transient: bool) -> Result<(), E> {
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        if !is_transient || since.elapsed() >= self.limit {
            return Err(error);
        }
        self.backoff.wait().await;
        Ok(())
    }

    /// Restarts the time limit and the backoff after a success.
    pub(crate) fn reset(&mut self) {
        self.failing_since = None;
        self.backoff.reset();
    }
}

/// Repeats an operation until a success.
///
/// # Errors
///
/// Returns the last error when the error is not transient or the time limit has passed.
pub(crate) async fn retry<T, E, F>(
    mut retry: Retry,
    is_transient: impl Fn(&E) -> bool,
    mut operation: impl FnMut() -> F,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    loop {
        match operation().await {
            Err(error) => {
                let is_transient = is_transient(&error);
                retry.wait(error, is_transient).await?;
            }
            success => return success,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);
    const WAIT: Duration = Duration::from_millis(200);

    fn constant() -> Retry {
        Retry::new(LIMIT, Backoff::new(WAIT, WAIT))
    }

    /// Measures how long `wait` sleeps.
    async fn slept(backoff: &mut Backoff) -> Duration {
        let start = Instant::now();
        backoff.wait().await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_backoff_doubles_up_to_the_maximum_until_a_reset() {
        let millis = Duration::from_millis;
        let mut backoff = Backoff::new(millis(20), millis(100));
        for expected in [20, 40, 80, 100, 100] {
            assert_eq!(slept(&mut backoff).await, millis(expected));
        }
        backoff.reset();
        assert_eq!(slept(&mut backoff).await, millis(20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_transient_error_is_retried_until_the_limit_and_another_error_is_not() {
        for (is_transient, within) in [
            (true, LIMIT..LIMIT + 2 * WAIT),
            (false, Duration::ZERO..WAIT),
        ] {
            let start = Instant::now();
            let failing = || async { Err::<(), _>("error") };
            assert_eq!(
                retry(constant(), |_| is_transient, failing).await,
                Err("error")
            );
            assert!(within.contains(&start.elapsed()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_retry_ends_with_the_first_success() {
        let mut attempts = 0;
        let third = || {
            attempts += 1;
            let attempt = attempts;
            async move { if attempt == 3 { Ok(attempt) } else { Err(()) } }
        };
        assert_eq!(retry(constant(), |()| true, third).await, Ok(3));
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_restarts_with_each_success() {
        let mut retry = constant();
        for _ in 0..3 {
            sleep(LIMIT).await;
            assert!(retry.wait("error", true).await.is_ok());
            retry.reset();
        }
    }
}
