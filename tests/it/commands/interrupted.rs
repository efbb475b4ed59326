//! Imports and exports that are interrupted, or whose store fails.

use std::fs;
use std::io::Write;
use std::process::Stdio;
use study_stats::domain::Enrolment;

use uuid::Uuid;

use crate::support::eventually;
use crate::support::processes::commands::{RunningCommand, Sessions, export, run_with};
use crate::support::processes::redis::{DURABLE, IN_MEMORY, Redis};
use crate::support::processes::service::{on_redis, send_signal};
use crate::support::stores::fixture::redis_store;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_import_reports_how_to_continue() {
    let redis = Redis::start(IN_MEMORY).await;
    let store = redis_store(&redis.url(), &[]).await;
    let mut sessions = Sessions::new(16);
    let (learner, course) = (sessions.id(), sessions.id());
    let lines: String = (0..2_500).map(|_| sessions.line(learner, course)).collect();
    let mut child = RunningCommand::start(
        on_redis(&redis.url())
            .arg("import")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    );
    child
        .0
        .stdin
        .as_mut()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    eventually("two batches are recorded", || async {
        let totals = store
            .totals(Enrolment::new(learner.into(), course.into()))
            .await
            .unwrap()?;
        (totals.sessions >= 2_000).then_some(())
    })
    .await;
    send_signal(child.0.id(), "INT");
    let stdin = child.0.stdin.take();
    let ran = child.ended();
    drop(stdin);
    assert_eq!(ran.code, Some(130), "{ran:?}");
    // The second batch may be recorded without a response.
    let (skip, rest) = match ran.error() {
        "interrupted; go on with --skip 1000" => ("1000", 1_500),
        "interrupted; go on with --skip 2000" => ("2000", 500),
        other => panic!("{other}"),
    };
    let mut again = on_redis(&redis.url());
    let summary = run_with(&mut again, &["import", "--skip", skip], &lines).succeeded();
    assert!(
        summary.starts_with(&format!("{rest} lines: {rest} stored, ")),
        "{summary}"
    );
    let totals = store
        .totals(Enrolment::new(learner.into(), course.into()))
        .await
        .unwrap();
    assert_eq!(totals.unwrap().sessions, 2_500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_with_wrong_data_reports_where_to_continue() {
    let redis = Redis::start(IN_MEMORY).await;
    let mut sessions = Sessions::new(17);
    let before = sessions.lines(150, 1, 10);
    let (learner, course) = (sessions.id(), sessions.id());
    let lines = before + &sessions.line(learner, course);
    // The key of the totals is of another type: no string.
    run_with(&mut on_redis(&redis.url()), &["import"], &lines).succeeded();
    let keys: Vec<String> = redis.ask("KEYS ss:*:a:*").await;
    let theirs = study_stats_key(learner);
    let key = keys.iter().find(|key| key.contains(&theirs)).unwrap();
    redis.ask::<()>(&format!("DEL {key}")).await;
    redis.ask::<()>(&format!("HSET {key} field x")).await;
    let ran = run_with(&mut on_redis(&redis.url()), &["import"], &lines);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.error().contains("WRONGTYPE"), "{ran:?}");
    assert!(ran.error().ends_with("; go on with --skip 1000"), "{ran:?}");
}

/// Id in the spelling of the keys.
fn study_stats_key(id: Uuid) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(id.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_continues_when_redis_is_back() {
    let mut redis = Redis::start(DURABLE).await;
    let lines = Sessions::new(18).lines(100, 1, 50);
    let (first, rest) = lines.split_at(lines.len() / 2);
    let mut child = RunningCommand::start(
        on_redis(&redis.url())
            .env("RUST_LOG", "error")
            .arg("import")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    );
    let mut stdin = child.0.stdin.take().unwrap();
    stdin.write_all(first.as_bytes()).unwrap();
    eventually("it has begun", || async {
        let keys: u64 = redis.ask("DBSIZE").await;
        (keys > 0).then_some(())
    })
    .await;
    redis.kill().await;
    let writing = std::thread::spawn({
        let rest = rest.to_owned();
        move || stdin.write_all(rest.as_bytes())
    });
    redis.restart().await;
    let ran = child.ended();
    writing.join().unwrap().unwrap();
    let summary = ran.succeeded();
    assert!(
        summary.starts_with("5000 lines: 5000 stored, "),
        "{summary}"
    );
    assert_eq!(export(&mut on_redis(&redis.url())).lines().count(), 5_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_export_leaves_no_file() {
    let redis = Redis::start(IN_MEMORY).await;
    let lines = Sessions::new(19).lines(100, 1, 10);
    run_with(&mut on_redis(&redis.url()), &["import"], &lines).succeeded();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("lines.ndjson");
    let files = || fs::read_dir(directory.path()).unwrap().count();
    redis.server.freeze().await;
    let mut child = RunningCommand::start(
        on_redis(&redis.url())
            .env("STORE_TIMEOUT", "1h")
            .env("REDIS_CONNECT_TIMEOUT", "1h")
            .args(["export", file.to_str().unwrap()]),
    );
    eventually("it has begun", || async { (files() == 1).then_some(()) }).await;
    assert!(!file.exists(), "a part has the name of the whole");
    send_signal(child.0.id(), "INT");
    let status = child.0.wait().unwrap();
    redis.server.thaw().await;
    assert_eq!((status.code(), files()), (Some(130), 0));
}
