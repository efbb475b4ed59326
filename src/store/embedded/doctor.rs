//! Doctor of the embedded store: file, disk, clock, and the latency of reads and writes.

use std::fs::{self, Metadata};
use std::future::Future;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use redb::ReadableTableMetadata;
use rustix::fs::statvfs;
use uuid::Uuid;

use super::EmbeddedStore;
use super::schema::{SESSIONS, TOTALS, id};
use crate::domain::Enrolment;
use crate::store::StoreError;
use crate::store::doctor::{Diagnosis, Severity};

/// Number of reads, and of commits, that are timed.
const TRIES: u32 = 50;
/// Free space in bytes below which the disk can be full within minutes.
const MIN_FREE: u64 = 64 << 20;
/// Resolution of a file system's clock: the clock may be behind the last write by as much.
const CLOCK_SLACK: Duration = Duration::from_secs(2);
/// Earliest plausible time of the clock, since 1970: 2026-01-01.
const EARLIEST: Duration = Duration::from_secs(1_767_225_600);

/// Runs all checks, in the order of a report for an operator.
pub(super) async fn diagnose(store: &EmbeddedStore) -> Vec<Diagnosis> {
    // Before the commits below, which set the time of the last write by the clock.
    let surroundings = store.run_blocking(|file| Ok(surroundings(&file.path)));
    let mut diagnoses = surroundings
        .await
        .unwrap_or_else(|error| vec![failed("database", &error)]);
    diagnoses.push(sessions(store).await);
    diagnoses.push(latency("reads", store.timeout, || read(store)).await);
    diagnoses.push(latency("durable writes", store.timeout, || write(store)).await);
    diagnoses
}

/// Runs the checks that do not read the database.
fn surroundings(path: &Path) -> Vec<Diagnosis> {
    let file = fs::metadata(path);
    let directory = path.parent().unwrap_or(Path::new("."));
    let size = file.as_ref().map_or(0, Metadata::len);
    let last_write = file.as_ref().ok().and_then(|file| file.modified().ok());
    vec![
        database(path, &file),
        free_space(directory, size),
        clock(SystemTime::now(), last_write),
    ]
}

/// Returns the diagnosis of a check that failed with an error.
fn failed(subject: &'static str, error: &StoreError) -> Diagnosis {
    let advice = "look at the service's log, and at the disk";
    Diagnosis::problem(subject, format!("{error}; {advice}"))
}

fn database(path: &Path, file: &io::Result<Metadata>) -> Diagnosis {
    let shown = path.display();
    let advice = "stop the service, and put back the directory or a backup";
    match file {
        Ok(file) => Diagnosis::ok("database", format!("{shown}, {}", mebibytes(file.len()))),
        Err(error) => Diagnosis::problem("database", format!("{shown} is gone: {error}; {advice}")),
    }
}

fn free_space(directory: &Path, database: u64) -> Diagnosis {
    let (severity, detail) = match statvfs(directory) {
        Ok(disk) => {
            let (free, size) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
            judge_space(free, size, database)
        }
        Err(error) => (Severity::Warning, format!("cannot be told: {error}")),
    };
    Diagnosis::new(severity, "free space", detail)
}

/// Returns the severity of `free` bytes on a disk of `size` bytes, next to a database of `database` bytes.
fn judge_space(free: u64, size: u64, database: u64) -> (Severity, String) {
    let found = format!("{} of {} are free", mebibytes(free), mebibytes(size));
    if free < MIN_FREE {
        let advice =
            "writes will be refused; make room, or move the data directory to a larger disk";
        (Severity::Problem, format!("{found}: {advice}"))
    } else if free < size / 10 {
        (
            Severity::Warning,
            format!("{found}, less than a tenth: make room"),
        )
    } else if free < database {
        let advice = "less than the database takes: it could not be copied, nor double; make room";
        (Severity::Warning, format!("{found}, {advice}"))
    } else {
        (Severity::Ok, found)
    }
}

/// Checks the clock against the time of the last write.
fn clock(now: SystemTime, last_write: Option<SystemTime>) -> Diagnosis {
    let behind = last_write.and_then(|last| last.duration_since(now).ok());
    let behind = behind.filter(|behind| *behind > CLOCK_SLACK);
    let advice = "set it, or records without a time will be ordered wrongly";
    if now < SystemTime::UNIX_EPOCH + EARLIEST {
        Diagnosis::problem("clock", format!("it shows a time before 2026: {advice}"))
    } else if let Some(behind) = behind {
        let behind = humantime::format_duration(Duration::from_secs(behind.as_secs()));
        let detail = format!("it is {behind} behind the last write: {advice}");
        Diagnosis::warning("clock", detail)
    } else {
        Diagnosis::ok("clock", "not behind the last write")
    }
}

/// Counts the sessions, and the bytes of the file per session.
async fn sessions(store: &EmbeddedStore) -> Diagnosis {
    let subject = "sessions";
    let path = store.file.path.clone();
    let counting = store.read_long(move |snapshot| {
        let size = fs::metadata(path).map_or(0, |file| file.len());
        Ok((snapshot.open_table(SESSIONS)?.len()?, size))
    });
    match counting.await {
        Ok((count, size)) => {
            let each = size
                .checked_div(count)
                .map_or_else(String::new, |each| format!(", {each} bytes each"));
            Diagnosis::ok(subject, format!("{count}{each}"))
        }
        Err(error) => failed(subject, &error),
    }
}

/// Reads the row that follows a random key.
async fn read(store: &EmbeddedStore) -> Result<(), StoreError> {
    let from = Enrolment::new(Uuid::new_v4().into(), id(u128::MIN));
    let reading = store.read(move |snapshot| {
        let next = snapshot
            .open_table(TOTALS)?
            .range(from..)?
            .next()
            .transpose()?;
        Ok(next.is_some())
    });
    reading.await.map(|_| ())
}

/// Commits a transaction without changes; redb flushes the disk for every commit.
async fn write(store: &EmbeddedStore) -> Result<(), StoreError> {
    store.write(1, |_, _| Ok(())).await
}

/// Measures an operation, several times in sequence, against the store's timeout.
async fn latency<F>(subject: &'static str, timeout: Duration, op: impl Fn() -> F) -> Diagnosis
where
    F: Future<Output = Result<(), StoreError>>,
{
    let mut times = Vec::new();
    for _ in 0..TRIES {
        let start = Instant::now();
        if let Err(error) = op().await {
            return failed(subject, &error);
        }
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let (median, slowest) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    let found = format!("p50 {median:.1?}, p99 {slowest:.1?}");
    if slowest * 2 > timeout {
        let advice = "a faster disk, or a longer STORE_TIMEOUT, keeps requests from failing";
        let detail = format!("{found}, of the {timeout:?} that a request waits: {advice}");
        Diagnosis::warning(subject, detail)
    } else {
        Diagnosis::ok(subject, found)
    }
}

fn mebibytes(bytes: u64) -> String {
    const MEBIBYTE: f64 = (1_u64 << 20) as f64;
    format!("{:.1} MiB", bytes as f64 / MEBIBYTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_free_space_is_a_warning_or_a_problem() {
        let (mib, gib) = (1_u64 << 20, 1_u64 << 30);
        for (free, size, database, severity) in [
            (50 * gib, 100 * gib, gib, Severity::Ok),
            (50 * gib, 100 * gib, 60 * gib, Severity::Warning),
            (9 * gib, 100 * gib, gib, Severity::Warning),
            (63 * mib, 100 * gib, mib, Severity::Problem),
            (63 * mib, 100 * mib, mib, Severity::Problem),
        ] {
            let (judged, detail) = judge_space(free, size, database);
            assert_eq!(judged, severity, "{detail}");
        }
    }

    #[test]
    fn a_clock_behind_the_last_write_is_a_warning() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let now = at(1_800_000_000);
        for (now, last_write, severity) in [
            (now, None, Severity::Ok),
            (now, Some(now), Severity::Ok),
            (now, Some(now + CLOCK_SLACK), Severity::Ok),
            (now, Some(now + Duration::from_secs(90)), Severity::Warning),
            (at(1_000_000_000), None, Severity::Problem),
        ] {
            let diagnosis = clock(now, last_write);
            assert_eq!(diagnosis.severity, severity, "{}", diagnosis.detail);
        }
    }
}
