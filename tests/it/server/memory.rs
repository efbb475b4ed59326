//! Memory and open files of the service after rounds of hostile clients.

#![cfg(target_os = "linux")]

use std::fs;

use tokio::io::AsyncWriteExt;

use crate::support::api::{body, new_id};
use crate::support::eventually;
use crate::support::http::raw;
use crate::support::processes::service::{Service, embedded};

/// Rounds until the allocator is warm, and measured rounds.
const ROUNDS: [usize; 2] = [4, 12];
/// Clients of a round with an endless request head, and with an endless body.
const CLIENTS: [usize; 2] = [400, 100];
/// Maximum growth in KiB. A connection has a buffer of at least 8 KiB for the request head: without
/// release, the 4,800 heads of the measured rounds would add 37 MiB. The reserve of the allocator after
/// a round varies by less than 10 MiB.
const MAX_GROWTH: u64 = 20 << 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_and_files_are_constant_over_rounds_of_hostile_clients() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(
        embedded(directory.path()).envs([("STORE_TIMEOUT", "1h"), ("REQUEST_TIMEOUT", "1h")]),
    );
    let (learner, course, record) = (new_id(), new_id(), body(1, 2, 3));
    let mut resident = [0; 2];
    for (phase, rounds) in ROUNDS.into_iter().enumerate() {
        for _ in 0..rounds {
            let client = service.client();
            let before = files(&service);
            let connections = hostile(&service).await;
            for _ in 0..50 {
                let recorded = client.post(&learner, &course, &record).await;
                assert_eq!(recorded.status, 201);
                assert_eq!(client.totals(&learner, &course).await.status, 200);
            }
            drop((client, connections));
            eventually("all connections are closed", || async {
                (files(&service) <= before).then_some(())
            })
            .await;
        }
        resident[phase] = resident_memory(&service);
    }
    let [before, after] = resident;
    assert!(
        after < before + MAX_GROWTH,
        "{before} KiB grew to {after} KiB"
    );
}

/// A round: endless heads and bodies, far too large heads, unread responses. Returns the open
/// connections.
async fn hostile(service: &Service) -> Vec<tokio::net::TcpStream> {
    let head = format!("GET / HTTP/1.1\r\nx: {}", "x".repeat(15 << 10));
    let body = raw::post_head(64 << 10) + "\r\n{" + &" ".repeat(60 << 10);
    let unread = raw::get_head("/docs").repeat(10);
    let mut connections = Vec::new();
    for (request, clients) in [(&head, CLIENTS[0]), (&body, CLIENTS[1]), (&unread, 10)] {
        for mut stream in raw::connect(service.address(), clients).await {
            stream.write_all(request.as_bytes()).await.unwrap();
            connections.push(stream);
        }
    }
    let huge = head + &"x".repeat(10 << 20);
    let refused = service.client().raw(huge.as_bytes()).await;
    assert!(refused.is_empty() || refused.starts_with("HTTP/1.1 431 "));
    connections
}

/// Number of open files of the service, connections among them.
fn files(service: &Service) -> usize {
    fs::read_dir(format!("/proc/{}/fd", service.pid()))
        .unwrap()
        .count()
}

/// Memory of the service, in KiB.
fn resident_memory(service: &Service) -> u64 {
    memory(service, "VmRSS:")
}

/// Line of the memory statistics of the kernel, in KiB.
fn memory(service: &Service, line: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", service.pid())).unwrap();
    let line = status.lines().find_map(|text| text.strip_prefix(line));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse().unwrap()
}

/// Number of stalled clients, size of a body in bytes, and the memory budget of all bodies.
const STALLED: usize = 300;
const BODY: usize = 1 << 20;
const BUDGET: usize = 64 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_large_bodies_hold_no_more_than_the_memory_budget() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(
        embedded(directory.path()).envs([("STORE_TIMEOUT", "1h"), ("REQUEST_TIMEOUT", "1h")]),
    );
    let client = service.client();
    assert_eq!(client.ready().await.status, 200);
    let before = peak_memory(&service);
    let head = format!(
        "POST /sessions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: {BODY}\r\n\r\n"
    );
    let unfinished = head + &" ".repeat(BODY - 1);
    let mut streams = raw::connect(service.address(), STALLED).await;
    for stream in &mut streams {
        stream.write_all(unfinished.as_bytes()).await.unwrap();
    }
    // The service reads each body into a buffer but for the last byte, or refuses the request.
    eventually("all that find no room are refused", || async {
        let open = streams.iter().filter(|stream| raw::is_open(stream)).count();
        (open * (BODY - (4 << 10)) <= BUDGET).then_some(())
    })
    .await;
    let grown = (peak_memory(&service) - before) << 10;
    // The rest is buffers of connections, and the reserve of the allocator for grown buffers. Without a
    // budget the bodies would have 300 MiB.
    assert!(grown < 2 * BUDGET as u64, "it grew by {grown} bytes");
    let recorded = client.post(&new_id(), &new_id(), &body(1, 2, 3)).await;
    assert_eq!(recorded.status, 201);
}

/// Peak memory of the service, in KiB.
fn peak_memory(service: &Service) -> u64 {
    memory(service, "VmHWM:")
}
