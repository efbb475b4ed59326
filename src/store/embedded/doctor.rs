//! Looks at what the store stands on: the directory, the disk, the clock.

use std::fs::{self, Metadata};
use std::future::Future;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use redb::ReadableTableMetadata;
use rustix::fs::statvfs;
use uuid::Uuid;

use super::EmbeddedStore;
use super::schema::{SESSIONS, TOTALS};
use crate::store::StoreError;
use crate::store::doctor::{Diagnosis, Severity};

/// Reads and commits whose times are taken.
const TRIES: u32 = 50;
/// Less room than this may be gone within minutes.
const ALMOST_NOTHING: u64 = 64 << 20;
/// How far the clock may lie before the last write: file systems' clocks are that coarse.
const CLOCK_SLACK: Duration = Duration::from_secs(2);
/// A time before this program was written: 2026-01-01.
const LONG_PAST: Duration = Duration::from_secs(1_767_225_600);

/// All checks, in the order that a reader would want to see them.
pub(crate) async fn checks(store: &EmbeddedStore) -> Vec<Diagnosis> {
    // Before the commits below, after which the file is as new as the clock says.
    let surroundings = store.away(|file| Ok(surroundings(&file.path))).await;
    let mut checks = surroundings.unwrap_or_else(|error| vec![problem("database", &error)]);
    checks.push(sessions(store).await);
    checks.push(times("reads", store.timeout, || read(store)).await);
    checks.push(times("durable writes", store.timeout, || write(store)).await);
    checks
}

/// What can be looked at without opening the database.
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

fn problem(subject: &'static str, error: &StoreError) -> Diagnosis {
    let advice = "look at the service's log, and at the disk";
    Diagnosis {
        severity: Severity::Problem,
        subject,
        detail: format!("{error}; {advice}"),
    }
}

fn database(path: &Path, file: &io::Result<Metadata>) -> Diagnosis {
    let shown = path.display();
    let (severity, detail) = match file {
        Ok(file) => (Severity::Ok, format!("{shown}, {}", mebibytes(file.len()))),
        Err(error) => (
            Severity::Problem,
            format!(
                "{shown} is gone: {error}; stop the service, and put back the directory or a backup"
            ),
        ),
    };
    Diagnosis {
        severity,
        subject: "database",
        detail,
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
    Diagnosis {
        severity,
        subject: "free space",
        detail,
    }
}

/// How so much free space is on a disk of that size, beside that database.
fn judge_space(free: u64, size: u64, database: u64) -> (Severity, String) {
    let found = format!("{} of {} are free", mebibytes(free), mebibytes(size));
    if free < ALMOST_NOTHING {
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

/// Whether the clock can be right, after a write at that time.
fn clock(now: SystemTime, last_write: Option<SystemTime>) -> Diagnosis {
    let behind = last_write.and_then(|last| last.duration_since(now).ok());
    let behind = behind.filter(|behind| *behind > CLOCK_SLACK);
    let advice = "set it, or records without a time will be ordered wrongly";
    let (severity, detail) = if now < SystemTime::UNIX_EPOCH + LONG_PAST {
        (
            Severity::Problem,
            format!("it shows a time before 2026: {advice}"),
        )
    } else if let Some(behind) = behind {
        let behind = humantime::format_duration(Duration::from_secs(behind.as_secs()));
        (
            Severity::Warning,
            format!("it is {behind} behind the last write: {advice}"),
        )
    } else {
        (Severity::Ok, "not behind the last write".into())
    };
    Diagnosis {
        severity,
        subject: "clock",
        detail,
    }
}

/// The number of sessions, and what one takes.
async fn sessions(store: &EmbeddedStore) -> Diagnosis {
    let subject = "sessions";
    let path = store.file.path.clone();
    let counting = store.walk(move |snapshot| {
        let size = fs::metadata(path).map_or(0, |file| file.len());
        Ok((snapshot.open_table(SESSIONS)?.len()?, size))
    });
    match counting.await {
        Ok((count, size)) => {
            let each = size
                .checked_div(count)
                .map_or_else(String::new, |each| format!(", {each} bytes each"));
            Diagnosis {
                severity: Severity::Ok,
                subject,
                detail: format!("{count}{each}"),
            }
        }
        Err(error) => problem(subject, &error),
    }
}

/// One read, somewhere in the table.
async fn read(store: &EmbeddedStore) -> Result<(), StoreError> {
    let from = (Uuid::new_v4().as_u128(), u128::MIN);
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

/// One commit that changes nothing, which is flushed to the disk all the same.
async fn write(store: &EmbeddedStore) -> Result<(), StoreError> {
    store.write(1, |_, _| Ok(())).await
}

/// How long calls take, one after another.
async fn times<F>(subject: &'static str, limit: Duration, call: impl Fn() -> F) -> Diagnosis
where
    F: Future<Output = Result<(), StoreError>>,
{
    let mut times = Vec::new();
    for _ in 0..TRIES {
        let start = Instant::now();
        if let Err(error) = call().await {
            return problem(subject, &error);
        }
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let (median, slowest) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    let found = format!("p50 {median:.1?}, p99 {slowest:.1?}");
    let (severity, detail) = if slowest * 2 > limit {
        let advice = "a faster disk, or a longer STORE_TIMEOUT, keeps requests from failing";
        (
            Severity::Warning,
            format!("{found}, of the {limit:?} that a request waits: {advice}"),
        )
    } else {
        (Severity::Ok, found)
    };
    Diagnosis {
        severity,
        subject,
        detail,
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
    fn space_is_judged_by_what_is_left() {
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
    fn a_clock_behind_the_last_write_is_told() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let now = at(1_800_000_000);
        for (now, last_write, severity) in [
            (now, None, Severity::Ok),
            (now, Some(now), Severity::Ok),
            (now, Some(now + CLOCK_SLACK), Severity::Ok),
            (now, Some(now + Duration::from_secs(90)), Severity::Warning),
            (at(1_000_000_000), None, Severity::Problem),
        ] {
            let check = clock(now, last_write);
            assert_eq!(check.severity, severity, "{}", check.detail);
        }
    }
}
