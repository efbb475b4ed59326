//! Commands of the binary on a store: arguments, output, errors, exit codes.

use std::fs::{self};
use std::process::Command;

use crate::support::processes::commands::{Sessions, run, run_with};
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::server::free_port;
use crate::support::processes::service::{command, embedded, on_redis, output};

#[test]
fn a_wrong_argument_is_reported_in_one_line() {
    let id = "0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f";
    for (arguments, hint) in [
        (&["export", "--user", "x"][..], "a hyphenated UUID"),
        (&["import", "--user", ""], "a hyphenated UUID"),
        (&["import", "--skip", "-1"], "'-1'"),
        (&["import", "--skip", "x"], "a number of lines"),
        (&["export", "a", "b"], "'b'"),
        (&["verify", "--mend"], "--mend"),
        (&["doctor", "x"], "'x'"),
        (&["inspect"], "<USER>"),
        (&["inspect", id, "x"], "a hyphenated UUID"),
        (&["inspect", id, id, id, id], id),
    ] {
        let ran = run(&mut command(), arguments);
        assert_eq!((ran.code, ran.err.lines().count()), (Some(2), 1), "{ran:?}");
        assert!(
            ran.err.starts_with("error: ") && ran.err.contains(hint),
            "{ran:?}"
        );
        assert_eq!(ran.out, "");
    }
}

#[test]
fn an_unavailable_store_is_reported_without_further_work() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sessions.ndjson");
    let file = file.to_str().unwrap();
    let id = "0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f";
    let away = || {
        let mut command = on_redis(&format!("redis://127.0.0.1:{}", free_port()));
        command.env("REDIS_CONNECT_TIMEOUT", "100ms");
        command
    };
    for arguments in [
        &["verify"][..],
        &["export", file],
        &["import"],
        &["inspect", id],
    ] {
        let ran = run(&mut away(), arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
        assert!(
            ran.error().starts_with("error: store unavailable: "),
            "{ran:?}"
        );
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    let ran = run(&mut away(), &["doctor"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.out.contains("\nproblem  answer: store unavailable: "),
        "{ran:?}"
    );
}

#[test]
fn an_unreadable_or_unwritable_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing/sessions.ndjson.zst");
    let missing = missing.to_str().unwrap();
    for (arguments, words) in [
        (["import", missing], "cannot read"),
        (["export", missing], "cannot write"),
    ] {
        let ran = run(&mut embedded(directory.path()), &arguments);
        assert_eq!(ran.code, Some(1));
        assert!(
            ran.error().contains(words) && ran.error().contains(missing),
            "{ran:?}"
        );
    }
}

#[test]
fn a_progress_bar_is_shown_only_on_a_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let lines = Sessions::new(4).lines(100, 1, 40);
    let file = directory.path().join("lines");
    fs::write(&file, &lines).unwrap();
    let data = directory.path().join("data");
    let import = ["import", file.to_str().unwrap()];
    let ran = run(&mut embedded(&data), &import);
    assert!(
        !format!("{}{}", ran.out, ran.err).contains('\u{1b}'),
        "{ran:?}"
    );
    assert_eq!(ran.err, "");
    assert_eq!(ran.succeeded().lines().count(), 1);

    let mut terminal = Command::new("script");
    let line = format!(
        "'{}' {}",
        command().get_program().display(),
        import.join(" ")
    );
    terminal.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    let terminal = terminal.env("DATA_DIR", &data).env("TERM", "xterm");
    let seen = String::from_utf8(output(terminal).stdout).unwrap();
    assert!(seen.contains('\u{1b}') && seen.contains("% "), "{seen:?}");
    assert!(seen.contains("4000 lines: 4000 stored"), "{seen:?}");
}

/// Complements the tests of maintenance: the output of every command.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_command_reports_the_contents_of_both_stores() {
    let redis = Redis::start(IN_MEMORY).await;
    let directory = tempfile::tempdir().unwrap();
    let mut sessions = Sessions::new(5);
    let (learner, course) = (sessions.id(), sessions.id());
    let line = sessions.line(learner, course);
    let (learner, nobody) = (learner.to_string(), sessions.id().to_string());
    let stores: [(&str, &dyn Fn() -> Command); 2] = [
        ("redis", &|| on_redis(&redis.url())),
        ("embedded", &|| embedded(directory.path())),
    ];
    for (name, store) in stores {
        let summary = run_with(&mut store(), &["import"], &line).succeeded();
        assert!(
            summary.starts_with("1 lines: 1 stored, 0 superseded, 0 gone, 0 invalid; "),
            "{summary}"
        );
        let verified = run(&mut store(), &["verify"]).succeeded();
        assert_eq!(
            verified,
            "1 sessions, 0 differences, 0 mended, 0 unsettled\n"
        );
        let doctor = run(&mut store(), &["doctor"]);
        assert!(
            doctor.out.starts_with("ok       version: study-stats "),
            "{doctor:?}"
        );
        assert!(
            doctor.out.contains(&format!("\nok       store: {name}\n")),
            "{doctor:?}"
        );
        assert!(doctor.out.contains(" problems\n"), "{doctor:?}");
        let stored = run(&mut store(), &["inspect", &learner]).succeeded();
        assert!(
            stored.lines().count() > 1 && stored.lines().all(|line| line.contains("  ")),
            "{stored}"
        );
        let nothing = run(&mut store(), &["inspect", &nobody]);
        assert_eq!(
            (nothing.code, nothing.out.as_str()),
            (Some(1), "nothing is stored of it\n")
        );
    }
}
