//! How long calls take.

use std::time::{Duration, Instant};

use super::{at, check, well};
use crate::store::doctor::{Diagnosis, Severity};

/// Calls that are enough.
const CALLS: usize = 200;
/// Time that is enough, where fewer calls are made in it.
const WITHIN: Duration = Duration::from_secs(3);
/// A 99th percentile that is told: a request makes one or two calls.
const SLOW: Duration = Duration::from_millis(50);

/// The times that calls of one kind took.
pub(crate) struct Latency {
    subject: &'static str,
    times: Vec<Duration>,
    started: Instant,
}

impl Latency {
    pub(crate) fn of(subject: &'static str) -> Self {
        Self {
            subject,
            times: Vec::with_capacity(CALLS),
            started: Instant::now(),
        }
    }

    /// Whether another call would tell no more.
    pub(crate) fn is_known(&self) -> bool {
        self.times.len() >= CALLS || (!self.times.is_empty() && self.started.elapsed() >= WITHIN)
    }

    /// Makes a call, and counts its time where it succeeds.
    pub(crate) async fn time<T, E>(
        &mut self,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let start = Instant::now();
        let result = call.await?;
        self.times.push(start.elapsed());
        Ok(result)
    }

    /// What the calls to a server came to.
    pub(crate) fn told(mut self, server: &str) -> Diagnosis {
        self.times.sort_unstable();
        let (half, most) = (self.percentile(50), self.percentile(99));
        let calls = self.times.len();
        let detail = format!(
            "p50 {}, p99 {} of {calls} calls",
            millis(half),
            millis(most)
        );
        if most <= SLOW {
            return well(self.subject, at(server, detail));
        }
        let detail = format!(
            "{detail}: see whether Redis is near, its machine has a processor for it, and SLOWLOG GET names what holds it up"
        );
        check(Severity::Warning, self.subject, at(server, detail))
    }

    /// The time that so many in a hundred calls do not pass.
    fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.times.len() * percent).div_ceil(100);
        let time = self.times.get(rank.saturating_sub(1));
        time.copied().unwrap_or_default()
    }
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(times: impl Iterator<Item = u64>) -> Diagnosis {
        let mut latency = Latency::of("latency");
        latency.times = times.map(Duration::from_millis).collect();
        latency.told("")
    }

    #[test]
    fn percentiles_are_those_of_all_calls() {
        let check = told((1..=200).rev().map(|n| n / 8));
        let expected = well("latency", "p50 12.00 ms, p99 24.00 ms of 200 calls");
        assert_eq!(check, expected);
        assert_eq!(
            told([7].into_iter()).detail,
            "p50 7.00 ms, p99 7.00 ms of 1 calls"
        );
    }

    #[test]
    fn calls_that_are_slow_now_and_then_are_a_warning() {
        let slow = |count: usize| told((0..200).map(|n: usize| if n < count { 60 } else { 1 }));
        assert_eq!(slow(2).severity, Severity::Ok);
        assert_eq!(slow(3).severity, Severity::Warning);
        assert!(slow(3).detail.contains("SLOWLOG"));
    }
}
