//! Metrics of the process, with the usual names of Prometheus clients, and of the runtimes.

use std::fs;
use std::time::Duration;

use prometheus::{Counter, Gauge, IntGauge, Result};
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};
use tokio::runtime::{Handle, RuntimeMetrics};

use super::Register;

/// Metrics of the process and of the worker threads' runtimes.
pub struct ProcessMetrics {
    cpu: Counter,
    start: Gauge,
    resident: IntGauge,
    virtual_memory: IntGauge,
    threads: IntGauge,
    open_files: IntGauge,
    most_files: IntGauge,
    workers: IntGauge,
    tasks: IntGauge,
    queued: IntGauge,
    busy: Counter,
}

impl ProcessMetrics {
    pub(super) fn new(register: &Register) -> Result<Self> {
        let gauge = |name, help| register.gauge(name, help);
        Ok(Self {
            cpu: register.seconds(
                "process_cpu_seconds_total",
                "Time that the process spent on processors",
            )?,
            start: register.instant(
                "process_start_time_seconds",
                "When the process was started, in seconds since 1970",
            )?,
            resident: gauge(
                "process_resident_memory_bytes",
                "Memory that the process takes",
            )?,
            virtual_memory: gauge(
                "process_virtual_memory_bytes",
                "Addresses that the process has",
            )?,
            threads: gauge("process_threads", "Threads that the process has")?,
            open_files: gauge("process_open_fds", "Files that the process has open")?,
            most_files: gauge("process_max_fds", "Files that the process may have open")?,
            workers: gauge(
                "study_stats_runtime_workers",
                "Threads that serve, each with a runtime of its own",
            )?,
            tasks: gauge("study_stats_runtime_tasks", "Tasks that those threads have")?,
            queued: gauge(
                "study_stats_runtime_queued_tasks",
                "Tasks that were handed over to those threads and wait",
            )?,
            busy: register.seconds(
                "study_stats_runtime_busy_seconds_total",
                "Time that all of those threads spent on tasks",
            )?,
        })
    }

    /// Updates the metrics from `/proc` and from runtimes of one thread each. A value that cannot be read
    /// stays unchanged.
    pub fn update(&self, runtimes: &[Handle]) {
        if let Some(stat) = Stat::read() {
            advance(&self.cpu, stat.cpu);
            self.start.set(stat.start);
            set(&self.resident, stat.resident);
            set(&self.virtual_memory, stat.virtual_memory);
            set(&self.threads, stat.threads);
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            // Without the file of the directory itself.
            set(&self.open_files, files.count().saturating_sub(1));
        }
        let most = getrlimit(Resource::Nofile).current;
        set(&self.most_files, most.unwrap_or(u64::MAX));
        let of_each = || runtimes.iter().map(Handle::metrics);
        let sum = |figure: fn(RuntimeMetrics) -> usize| of_each().map(figure).sum::<usize>();
        set(&self.workers, runtimes.len());
        set(&self.tasks, sum(|runtime| runtime.num_alive_tasks()));
        set(&self.queued, sum(|runtime| runtime.global_queue_depth()));
        let busy = of_each().map(|runtime| runtime.worker_total_busy_duration(0));
        advance(&self.busy, busy.sum::<Duration>().as_secs_f64());
    }
}

fn set(gauge: &IntGauge, value: impl TryInto<i64>) {
    gauge.set(value.try_into().unwrap_or(i64::MAX));
}

/// Advances a counter to the total of an external counter.
fn advance(counter: &Counter, total: f64) {
    counter.inc_by((total - counter.get()).max(0.0));
}

/// Values of `/proc/self/stat`.
struct Stat {
    cpu: f64,
    start: f64,
    resident: u64,
    virtual_memory: u64,
    threads: u64,
}

impl Stat {
    fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let system = fs::read_to_string("/proc/stat").ok()?;
        let booted = system.lines().find_map(|line| line.strip_prefix("btime "));
        Self::parse(&stat, booted?.trim().parse().ok()?)
    }

    /// Parses the fields of proc(5), numbered from 1. Field 2, in brackets, may contain any bytes.
    #[allow(clippy::cast_precision_loss, reason = "no clock ticks so long")]
    fn parse(stat: &str, booted: u64) -> Option<Self> {
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<_> = rest.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let seconds = |ticks: u64| ticks as f64 / clock_ticks_per_second() as f64;
        Some(Self {
            cpu: seconds(field(14)? + field(15)?),
            start: booted as f64 + seconds(field(22)?),
            resident: field(24)? * u64::try_from(page_size()).ok()?,
            virtual_memory: field(23)?,
            threads: field(20)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_proc_are_parsed_with_any_program_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 9 0 0 0 150 50 0 0 20 0 5 0 1000 8192 3 9 9";
        let stat = Stat::parse(stat, 1_000_000).unwrap();
        let ticks = clock_ticks_per_second() as f64;
        assert_eq!(stat.cpu, 200.0 / ticks);
        assert_eq!(stat.start, 1_000_000.0 + 1_000.0 / ticks);
        assert_eq!(stat.resident, 3 * page_size() as u64);
        assert_eq!((stat.virtual_memory, stat.threads), (8_192, 5));
    }
}
