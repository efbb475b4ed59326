//! Memory of a command is independent of the number of sessions.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::support::eventually;
use crate::support::processes::commands::{RunningCommand, Sessions};
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::service::on_redis;

/// Learners with a hundred sessions each: to warm up, and in all.
const LEARNERS: [usize; 2] = [400, 1_600];
const SESSIONS: usize = 100;
/// Maximum growth in KiB, a reserve for the allocator. The lines of the additional sessions have 30
/// MiB, and a queue of parsed sessions, of 112 bytes each, would have 12.8 MiB.
const MAX_GROWTH: u64 = 9 << 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_independent_of_the_number_of_sessions() {
    let redis = Redis::start(IN_MEMORY).await;
    let mut sessions = Sessions::new(30);
    let mut child = start(&redis, "import");
    let mut stdin = child.0.stdin.take().unwrap();
    let mut written = 0;
    let mut peaks = [0; 2];
    for (peak, learners) in peaks.iter_mut().zip(LEARNERS) {
        stdin
            .write_all(sessions.lines(learners - written, 1, SESSIONS).as_bytes())
            .unwrap();
        written = learners;
        let expected = learners * SESSIONS;
        eventually("they are recorded", || async {
            let keys: usize = redis.ask("DBSIZE").await;
            // One key per session. The last sessions wait for a full batch.
            (keys + 1_000 > expected).then_some(())
        })
        .await;
        *peak = highest_memory(&child);
    }
    drop(stdin);
    assert!(child.0.wait().unwrap().success());
    check("import", peaks);

    let mut child = start(&redis, "export");
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    // The rest exceeds the buffer of a pipe: the command waits for the test to read.
    let mut read = 0;
    for (peak, learners) in peaks.iter_mut().zip(LEARNERS) {
        let until = learners * SESSIONS - 5_000;
        lines
            .by_ref()
            .take(until - read)
            .for_each(|line| drop(line.unwrap()));
        read = until;
        *peak = highest_memory(&child);
    }
    assert_eq!(lines.count(), 5_000);
    assert!(child.0.wait().unwrap().success());
    check("export", peaks);
}

fn check(command: &str, [little, much]: [u64; 2]) {
    println!("{command}: {little} KiB, then {much} KiB");
    assert!(
        much < little + MAX_GROWTH,
        "{command}: {little} KiB grew to {much} KiB"
    );
}

fn start(redis: &Redis, command: &str) -> RunningCommand {
    let mut process: Command = on_redis(&redis.url());
    let process = process
        .arg(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    RunningCommand::start(process.stderr(Stdio::null()))
}

/// Peak memory of the process, in KiB.
fn highest_memory(child: &RunningCommand) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.0.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse().unwrap()
}
