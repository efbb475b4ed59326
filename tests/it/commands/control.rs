//! Commands in the process of the service, over the control socket.

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use clap::Parser;
use study_stats::commands::{self, CommandError, Target, Ui};
use study_stats::config::{Cli, Config, StoreCommand};
use study_stats::error::StartError;
use study_stats::store::StatsStore;
use study_stats::store::embedded::EmbeddedStore;
use tokio::task::JoinHandle;

use crate::support::load::requests::Load;
use crate::support::load::service::assert_serves;
use crate::support::processes::service::{Service, embedded, output};
use crate::support::stores::history::{record, stats};
use crate::support::{TIMEOUT, eventually, id};

const SOCKET: &str = "study-stats.sock";
const VERIFY: StoreCommand = StoreCommand::Verify { repair: false };
const EXPORT: StoreCommand = StoreCommand::Export {
    file: None,
    user: None,
};
const IMPORT: StoreCommand = StoreCommand::Import {
    file: None,
    user: None,
    skip: 0,
};

/// Input and output of a command.
#[derive(Default)]
struct TestUi {
    lines: Vec<String>,
    data: Vec<u8>,
    input: Vec<Vec<u8>>,
    /// Input without end and without data, like an idle terminal.
    idle_input: bool,
    /// Output that blocks every write, like a stopped terminal.
    blocked_output: bool,
}

#[async_trait]
impl Ui for TestUi {
    async fn print(&mut self, text: String) -> io::Result<()> {
        self.lines.push(text);
        Ok(())
    }

    async fn progress(&mut self, _: &str, _: u64, _: Option<u64>) -> io::Result<()> {
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.blocked_output {
            std::future::pending::<()>().await;
        }
        self.data.extend(bytes);
        Ok(())
    }

    async fn read(&mut self) -> io::Result<Vec<u8>> {
        if self.idle_input {
            std::future::pending::<()>().await;
        }
        Ok(self.input.pop().unwrap_or_default())
    }
}

fn config(directory: &Path) -> Config {
    let directory = directory.display().to_string();
    Cli::parse_from(["study-stats", "--store=embedded", "--data-dir", &directory]).config
}

/// Runs a task in the service of the directory, over the control socket.
async fn over_control_socket(
    directory: &Path,
    task: &StoreCommand,
    ui: &mut TestUi,
) -> Result<bool, CommandError> {
    let target = commands::open(&config(directory), task).await.unwrap();
    assert!(matches!(target, Target::Remote(_)));
    target.run(task, ui).await
}

/// Starts a task without an end, and waits until the task runs.
async fn begin(
    service: &Service,
    directory: &Path,
    task: StoreCommand,
    mut ui: TestUi,
) -> JoinHandle<Result<bool, CommandError>> {
    let directory = directory.to_owned();
    let run = tokio::spawn(async move { over_control_socket(&directory, &task, &mut ui).await });
    logged(service, "a command is carried out").await;
    run
}

async fn logged(service: &Service, what: &str) {
    eventually(what, || async {
        service.log().contains(what).then_some(())
    })
    .await;
}

/// Error text of a failed task.
async fn failure(run: JoinHandle<Result<bool, CommandError>>) -> String {
    let ended = tokio::time::timeout(TIMEOUT, run).await;
    ended.expect("it ends").unwrap().unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_runs_in_the_service_under_load() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(&mut embedded(directory.path()));
    let load = Load::start(vec![service.client()], 8);
    load.wait_for_writes(100).await;
    let mut ui = TestUi::default();
    let is_well = over_control_socket(directory.path(), &VERIFY, &mut ui).await;
    assert!(is_well.unwrap(), "{:?}", ui.lines);
    assert!(
        ui.lines.last().unwrap().contains("0 differences"),
        "{:?}",
        ui.lines
    );
    let mut ui = TestUi::default();
    assert!(
        over_control_socket(directory.path(), &EXPORT, &mut ui)
            .await
            .unwrap()
    );
    assert!(ui.data.split(|byte| *byte == b'\n').count() > 50);
    load.wait_for_writes(100).await;
    load.stop().await.verify(&service.client()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_of_any_size_passes_in_both_directions() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(from.path(), 5_000).await;
    let _from = Service::start(&mut embedded(from.path()));
    let _to = Service::start(&mut embedded(to.path()));
    let mut exported = TestUi::default();
    assert!(
        over_control_socket(from.path(), &EXPORT, &mut exported)
            .await
            .unwrap()
    );
    assert!(exported.data.len() > 512 << 10, "more than a frame holds");
    // One large write: the control socket must split the buffer into frames.
    let mut imported = TestUi {
        input: vec![exported.data.clone()],
        ..TestUi::default()
    };
    assert!(
        over_control_socket(to.path(), &IMPORT, &mut imported)
            .await
            .unwrap()
    );
    let mut again = TestUi::default();
    assert!(
        over_control_socket(to.path(), &EXPORT, &mut again)
            .await
            .unwrap()
    );
    assert!(exported.data == again.data);
}

/// Records a number of sessions in a directory without a service.
async fn fill(directory: &Path, sessions: usize) {
    let store = EmbeddedStore::open(directory, TIMEOUT).unwrap();
    let (learner, course) = (id(), id());
    let records: Vec<_> = (0..sessions)
        .map(|_| record(learner, course, stats(0.1, 0.2, 0.3)))
        .collect();
    for outcome in store.record_many(&records).await {
        outcome.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_user_of_the_service_may_connect_while_the_service_runs() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join(SOCKET);
    for _ in 0..2 {
        let mut service = Service::start(&mut embedded(directory.path()));
        let file = std::fs::symlink_metadata(&socket).unwrap();
        assert!(file.file_type().is_socket());
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
        service.signal("TERM");
        assert!(service.ended().await.success());
        assert!(!socket.exists());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_control_socket_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    Service::start(&mut embedded(directory.path())).kill();
    assert!(directory.path().join(SOCKET).exists());
    let _service = Service::start(&mut embedded(directory.path()));
    let finished = over_control_socket(directory.path(), &VERIFY, &mut TestUi::default()).await;
    assert!(finished.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_control_socket_the_service_logs_a_warning_and_serves() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(SOCKET);
    std::fs::write(&file, "somebody's").unwrap();
    let mut service = Service::start(&mut embedded(directory.path()));
    logged(&service, "will find no way to this service").await;
    assert_serves(&service.client()).await;
    service.signal("TERM");
    assert!(service.ended().await.success());
    assert_eq!(std::fs::read(&file).unwrap(), b"somebody's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_second_service_leaves_the_control_socket_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    let _service = Service::start(&mut embedded(directory.path()));
    let second = output(&mut embedded(directory.path()));
    let line = String::from_utf8_lossy(&second.stderr);
    assert!(line.contains("in use by another process"), "{line}");
    let finished = over_control_socket(directory.path(), &VERIFY, &mut TestUi::default()).await;
    assert!(finished.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_longer_than_a_socket_address_reaches_the_control_socket() {
    let directory = tempfile::tempdir().unwrap();
    let long = directory.path().join("d".repeat(150));
    let mut service = Service::start(&mut embedded(&long));
    let finished = over_control_socket(&long, &VERIFY, &mut TestUi::default()).await;
    assert!(finished.unwrap());
    service.signal("TERM");
    assert!(service.ended().await.success());
    assert!(!long.join(SOCKET).exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_fails_when_the_service_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(&mut embedded(directory.path()));
    let waiting = TestUi {
        idle_input: true,
        ..TestUi::default()
    };
    let run = begin(&service, directory.path(), IMPORT, waiting).await;
    service.kill();
    let error = failure(run).await;
    assert!(error.contains("went away before this was done"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_of_the_service_ends_the_tasks() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path(), 5_000).await;
    let mut service = Service::start(&mut embedded(directory.path()));
    let waiting = TestUi {
        idle_input: true,
        ..TestUi::default()
    };
    let waiting = begin(&service, directory.path(), IMPORT, waiting).await;
    let blocked = TestUi {
        blocked_output: true,
        ..TestUi::default()
    };
    let blocked = begin(&service, directory.path(), EXPORT, blocked).await;
    service.signal("TERM");
    assert!(service.ended().await.success());
    let error = failure(waiting).await;
    assert!(error.contains("the service stops"), "{error}");
    blocked.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_ends_with_the_command() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path(), 5_000).await;
    let service = Service::start(&mut embedded(directory.path()));
    let blocked = TestUi {
        blocked_output: true,
        ..TestUi::default()
    };
    let run = begin(&service, directory.path(), EXPORT, blocked).await;
    run.abort();
    logged(&service, "a command went away before it was done").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_import_creates_a_data_directory() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("data");
    let refused = commands::open(&config(&directory), &VERIFY)
        .await
        .err()
        .unwrap();
    assert!(
        refused.to_string().contains("there is no database"),
        "{refused}"
    );
    assert!(!directory.exists());
    let target = commands::open(&config(&directory), &IMPORT).await.unwrap();
    assert!(target.run(&IMPORT, &mut TestUi::default()).await.unwrap());
    let target = commands::open(&config(&directory), &VERIFY).await.unwrap();
    assert!(matches!(target, Target::Local(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_in_use_without_a_control_socket_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let _store = EmbeddedStore::open(directory.path(), Duration::from_secs(1)).unwrap();
    let refused = commands::open(&config(directory.path()), &VERIFY)
        .await
        .err()
        .unwrap();
    assert!(matches!(refused, StartError::InUse(_)));
    let error = refused.to_string();
    assert!(
        error.contains("in use by another process") && error.contains("cannot be asked"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_waits_for_the_end_of_a_stopping_service() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(directory.path(), Duration::from_secs(1)).unwrap();
    let config = config(directory.path());
    let mut open = Box::pin(commands::open(&config, &VERIFY));
    // The lock of the directory is taken, and no control socket exists.
    tokio::select! {
        biased;
        _ = &mut open => panic!("it did not wait"),
        () = tokio::task::yield_now() => {}
    }
    drop(store);
    let target = open.await.map_err(|error| error.to_string());
    assert!(matches!(target, Ok(Target::Local(_))));
}
