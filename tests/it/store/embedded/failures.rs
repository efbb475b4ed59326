//! Failures of the embedded store: killed process, full disk, locked or unusable directory.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::api::{body, new_id};
use crate::support::eventually;
use crate::support::load::requests::Load;
use crate::support::processes::service::{Service, embedded, output};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_write_survives_kill_9_under_load() {
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let service = Service::start(&mut embedded(directory.path()));
        let load = Load::start(vec![service.client()], 16);
        load.wait_for_writes(300).await;
        service.kill();
        let report = load.stop().await;
        assert!(report.acknowledged > 0);
        let restarted = Service::start(&mut embedded(directory.path()));
        report.verify(&restarted.client()).await;
        restarted.kill();
    }
}

/// Asserts that the service ended with one line that contains all words.
fn assert_refused(output: &Output, words: &[&str]) {
    let line = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    for word in words {
        assert!(line.contains(word), "{word:?} is not in: {line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_on_a_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let first = Service::start(&mut embedded(directory.path()));
    let second = output(&mut embedded(directory.path()));
    assert_refused(
        &second,
        &[
            "in use by another process",
            "DATA_DIR",
            &directory.path().display().to_string(),
        ],
    );
    assert_eq!(first.client().ready().await.status, 200);
}

#[test]
fn an_unusable_directory_is_reported_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "not a directory").unwrap();
    assert_refused(
        &output(&mut embedded(&file.join("data"))),
        &["cannot create the data directory"],
    );

    std::fs::write(directory.path().join("study-stats.redb"), "not a database").unwrap();
    assert_refused(
        &output(&mut embedded(directory.path())),
        &["cannot open the database"],
    );
}

#[test]
fn a_read_only_directory_is_reported_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), Permissions::from_mode(0o555)).unwrap();
    let refused = output(&mut without_privilege(embedded(directory.path())));
    assert_refused(
        &refused,
        &["cannot write in the data directory", "DATA_DIR"],
    );
    let refused = output(&mut without_privilege(embedded(
        &directory.path().join("below"),
    )));
    assert_refused(&refused, &["cannot create the data directory"]);
}

/// The command without the permission of root to write to any file.
fn without_privilege(command: Command) -> Command {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout.trim_ascii() != b"0" {
        return command;
    }
    wrapped(
        command,
        "setpriv",
        &["--bounding-set=-dac_override,-dac_read_search"],
    )
}

/// `program options… command`, with the environment of the command.
fn wrapped(command: Command, program: &str, options: &[&str]) -> Command {
    let mut wrapped = Command::new(program);
    wrapped
        .args(options)
        .arg(command.get_program())
        .args(command.get_args());
    wrapped.env_clear();
    wrapped.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    wrapped
}

/// Service with a limit on the size of its files, in KiB: like a full disk.
fn start_on_a_small_disk(directory: &Path, kib: u32) -> Service {
    // The signal of the failed write is ignored: a full disk sends no signal.
    let script = format!("trap '' XFSZ; ulimit -S -f {kib}; exec \"$0\"");
    Service::start(&mut wrapped(embedded(directory), "bash", &["-c", &script]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_writes_until_space_is_free() {
    let directory = tempfile::tempdir().unwrap();
    let service = start_on_a_small_disk(directory.path(), 2_000);
    let client = service.client();
    let (learner, course) = (new_id(), new_id());
    assert_eq!(
        client.post(&learner, &course, &body(1, 2, 3)).await.status,
        201
    );
    let load = Load::start(vec![client.clone()], 16);
    load.wait_for_failure().await;
    assert_eq!(
        client.totals(&learner, &course).await.status,
        200,
        "reads go on"
    );
    let refused = client.post(&learner, &course, &body(1, 2, 3)).await;
    assert!(
        refused.status == 503 || refused.status == 201,
        "{refused:?}"
    );

    let lifted = Command::new("prlimit")
        .args(["--fsize=unlimited", "--pid", &service.pid().to_string()])
        .status();
    assert!(lifted.unwrap().success());
    load.wait_for_writes(100).await;
    eventually("the service is ready", || async {
        (client.ready().await.status == 200).then_some(())
    })
    .await;
    load.stop().await.verify(&client).await;
}
