//! A service whose log no process reads.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use tokio::io::AsyncWriteExt;

use crate::support::api::Client;
use crate::support::eventually;
use crate::support::http::raw;
use crate::support::processes::commands::RunningCommand;
use crate::support::processes::server::free_port;
use crate::support::processes::service::{embedded, send_signal};

/// Starts a service with a line for each request in a log that no process reads, and waits until it serves.
async fn started(command: &mut Command, port: u16) -> (RunningCommand, Client) {
    command.env("RUST_LOG", "debug").stdout(Stdio::piped());
    let service = RunningCommand::start(command);
    let client = Client::new(([127, 0, 0, 1], port).into());
    eventually("it serves", || async {
        client.try_ready().await.is_ok().then_some(())
    })
    .await;
    (service, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_no_process_reads_stops_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let [port, metrics] = [free_port(), free_port()];
    let mut command = embedded(directory.path());
    command.envs([
        ("PORT", port.to_string()),
        ("METRICS_PORT", metrics.to_string()),
    ]);
    let (mut service, client) = started(&mut command, port).await;
    // A line for each request: more than the pipe and the queue have room for.
    let requests = raw::get_head("/health/live").repeat(100);
    let mut streams = raw::connect(client.address, 20).await;
    for _ in 0..10 {
        for stream in &mut streams {
            stream.write_all(requests.as_bytes()).await.unwrap();
        }
        for stream in &mut streams {
            for _ in 0..100 {
                let answer = raw::answer(stream).await;
                assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
            }
        }
    }
    let metrics = Client::new(([127, 0, 0, 1], metrics).into());
    let metrics = metrics.get("", "/metrics").await.text;
    assert!(
        !metrics.contains("study_stats_log_lines_dropped_total 0\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("study_stats_log_lines_dropped_total "),
        "{metrics}"
    );
    let mut log = BufReader::new(service.0.stdout.take().unwrap()).lines();
    let dropped = log.find(|line| {
        line.as_ref()
            .unwrap()
            .contains("lines of the log were dropped")
    });
    assert!(dropped.is_some());
    drop(log);
    assert_eq!(client.ready().await.status, 200);
    send_signal(service.0.id(), "TERM");
    assert!(service.0.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_a_process_whose_log_no_process_reads() {
    let directory = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut command = embedded(directory.path());
    command.envs([("PORT", port.to_string().as_str()), ("DRAIN_DELAY", "1h")]);
    let (mut service, client) = started(&mut command, port).await;
    // The lines of these requests fill the pipe.
    let requests = raw::get_head("/health/live").repeat(1_000);
    let mut stream = raw::connect(client.address, 1).await.remove(0);
    stream.write_all(requests.as_bytes()).await.unwrap();
    for _ in 0..1_000 {
        raw::answer(&mut stream).await;
    }
    send_signal(service.0.id(), "TERM");
    eventually("it is not ready", || async {
        (client.ready().await.message() == "draining").then_some(())
    })
    .await;
    send_signal(service.0.id(), "TERM");
    assert_eq!(service.0.wait().unwrap().code(), Some(1));
}
