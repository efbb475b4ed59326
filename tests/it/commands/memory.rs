//! A command's memory does not grow with what it moves.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::support::eventually;
use crate::support::processes::commands::{Running, Sessions};
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::service::on_redis;

/// Learners of whom each has a hundred sessions: to warm up with, and all.
const LEARNERS: [usize; 2] = [400, 1_600];
const SESSIONS: usize = 100;
/// Most growth, in KiB, which the allocator may take for itself. The lines of the sessions that are
/// added have 30 MiB, and what is made of each takes 112 bytes, which is 12.8 MiB.
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
            // Each has a key. The last ones wait for a batch to become full.
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
    // It waits for the rest to be read, more than a pipe holds.
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

fn start(redis: &Redis, command: &str) -> Running {
    let mut process: Command = on_redis(&redis.url());
    let process = process
        .arg(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    Running::start(process.stderr(Stdio::null()))
}

/// The most memory that the process had so far, in KiB.
fn highest_memory(child: &Running) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.0.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse().unwrap()
}
