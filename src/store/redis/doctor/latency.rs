//! Latency of calls to Redis.

use std::time::{Duration, Instant};

use super::at;
use crate::store::doctor::Diagnosis;

/// Number of calls that end a measurement.
const CALLS: usize = 200;
/// Time limit of a measurement with fewer calls.
const LIMIT: Duration = Duration::from_secs(3);
/// Longest 99th percentile without a warning: a request makes one or two calls.
const SLOW: Duration = Duration::from_millis(50);

/// Durations of calls of one kind.
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

    /// Whether the measurement has enough calls.
    pub(crate) fn is_complete(&self) -> bool {
        self.times.len() >= CALLS || (!self.times.is_empty() && self.started.elapsed() >= LIMIT)
    }

    /// Awaits a call, and adds the duration when the call succeeds.
    pub(crate) async fn time<T, E>(
        &mut self,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let start = Instant::now();
        let result = call.await?;
        self.times.push(start.elapsed());
        Ok(result)
    }

    /// Diagnosis of the latency of a server.
    pub(crate) fn diagnosis(mut self, server: &str) -> Diagnosis {
        self.times.sort_unstable();
        let (half, most) = (self.percentile(50), self.percentile(99));
        let calls = self.times.len();
        let detail = format!(
            "p50 {}, p99 {} of {calls} calls",
            millis(half),
            millis(most)
        );
        if most <= SLOW {
            return Diagnosis::ok(self.subject, at(server, detail));
        }
        let detail = format!(
            "{detail}: see whether Redis is near, its machine has a processor for it, and SLOWLOG GET names what holds it up"
        );
        Diagnosis::warning(self.subject, at(server, detail))
    }

    /// Longest duration of the fastest `percent` percent of the calls.
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
    use crate::store::doctor::Severity;

    fn diagnosis_of(times: impl Iterator<Item = u64>) -> Diagnosis {
        let mut latency = Latency::of("latency");
        latency.times = times.map(Duration::from_millis).collect();
        latency.diagnosis("")
    }

    #[test]
    fn percentiles_are_of_all_calls() {
        let diagnosis = diagnosis_of((1..=200).rev().map(|n| n / 8));
        let expected = Diagnosis::ok("latency", "p50 12.00 ms, p99 24.00 ms of 200 calls");
        assert_eq!(diagnosis, expected);
        assert_eq!(
            diagnosis_of([7].into_iter()).detail,
            "p50 7.00 ms, p99 7.00 ms of 1 calls"
        );
    }

    #[test]
    fn more_than_one_slow_call_in_a_hundred_is_a_warning() {
        let slow =
            |count: usize| diagnosis_of((0..200).map(|n: usize| if n < count { 60 } else { 1 }));
        assert_eq!(slow(2).severity, Severity::Ok);
        assert_eq!(slow(3).severity, Severity::Warning);
        assert!(slow(3).detail.contains("SLOWLOG"));
    }
}
