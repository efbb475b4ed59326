//! Inputs and outputs of commands: kinds of files, modes, failures.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::write::GzEncoder;
use tokio::runtime::Runtime;

use crate::support::processes::commands::{Sessions, run, run_with};
use crate::support::processes::service::{Service, embedded, output};

#[test]
fn a_closed_pipe_ends_a_command_silently_and_a_full_disk_with_a_line() {
    let directory = tempfile::tempdir().unwrap();
    let lines = Sessions::new(1).lines(200, 1, 20);
    run_with(&mut embedded(directory.path()), &["import"], &lines).succeeded();
    let service = Runtime::new().unwrap();
    let _entered = service.enter();
    let service = Service::start(&mut embedded(&directory.path().join("other")));
    let url = format!("http://{}", service.address());
    for arguments in [
        &["openapi"][..],
        &["conformance", "--url", &url],
        &["export"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut command = embedded(directory.path());
        let command = command.args(arguments).stderr(Stdio::piped());
        drop(reader);
        let ended = command.stdout(writer).output().unwrap();
        let error = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(
            (ended.status.code(), error.as_str()),
            (Some(141), ""),
            "{arguments:?}"
        );

        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut command = embedded(directory.path());
        let command = command.args(arguments).stderr(Stdio::piped());
        let ended = command.stdout(full).output().unwrap();
        let error = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{arguments:?}: {error}");
        assert!(error.contains("standard output"), "{arguments:?}: {error}");
    }
}

#[test]
fn an_input_is_known_by_its_bytes_and_other_kinds_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let lines = Sessions::new(1).lines(10, 1, 10);
    let file = directory.path().join("file");
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(lines.as_bytes()).unwrap();
    let padded = [gzip.finish().unwrap(), vec![0; 70_000]].concat();
    let zstd = zstd::encode_all(lines.as_bytes(), 0).unwrap();
    let marked = ["\u{feff}", &lines].concat().into_bytes();
    for (number, bytes) in [padded, zstd, marked].into_iter().enumerate() {
        fs::write(&file, bytes).unwrap();
        let data = directory.path().join(number.to_string());
        let ran = run(&mut embedded(&data), &["import", file.to_str().unwrap()]);
        let summary = ran.succeeded();
        assert!(summary.starts_with("100 lines: 100 stored, "), "{summary}");
    }
    let line = lines.lines().next().unwrap();
    let utf_16: Vec<u8> = "\u{feff}{}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (bytes, kind) in [
        (utf_16, "UTF-16"),
        (format!("[{line}]").into_bytes(), "JSON array"),
        (b"userId,courseId\n".to_vec(), "perhaps CSV"),
        (
            line.replacen(":0.", ":NaN,", 1).into_bytes(),
            "at line 1, column",
        ),
    ] {
        fs::write(&file, bytes).unwrap();
        let ran = run(
            &mut embedded(directory.path()),
            &["import", file.to_str().unwrap()],
        );
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(
            (ran.out.clone() + &ran.err).contains(kind),
            "{kind}: {ran:?}"
        );
    }
}

#[test]
fn files_are_for_their_user_only_and_keep_the_mode_of_a_replaced_file() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("new/data");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let in_shell = |arguments: &str| {
        let mut shell = Command::new("sh");
        let binary = env!("CARGO_BIN_EXE_study-stats");
        shell.args(["-c", &format!("umask 0; exec {binary} {arguments}")]);
        shell.env("DATA_DIR", &data);
        shell
    };
    let lines = Sessions::new(1).lines(1, 1, 1);
    run_with(&mut in_shell("import"), &[], &lines).succeeded();
    for (path, expected) in [
        ("new", 0o700),
        ("new/data", 0o700),
        ("new/data/study-stats.redb", 0o600),
    ] {
        assert_eq!(mode(&directory.path().join(path)), expected, "{path}");
    }
    let file = directory.path().join("export");
    let export = format!("export {}", file.display());
    run(&mut in_shell(&export), &[]).succeeded();
    assert_eq!(mode(&file), 0o600);
    for replaced in [0o640, 0o604] {
        fs::set_permissions(&file, fs::Permissions::from_mode(replaced)).unwrap();
        run(&mut in_shell(&export), &[]).succeeded();
        assert_eq!(mode(&file), replaced);
    }
    // A symbolic link at the name of the temporary file is replaced, and its target left alone.
    let victim = directory.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    let binary = env!("CARGO_BIN_EXE_study-stats");
    let plant = format!(
        "ln -s {} {}.$$.part; exec {binary} {export}",
        victim.display(),
        file.display()
    );
    let mut planted = Command::new("sh");
    planted.args(["-c", &plant]).env("DATA_DIR", &data);
    run(&mut planted, &[]).succeeded();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 1);
}

#[test]
fn a_file_of_zeros_is_named_with_advice() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("study-stats.redb");
    fs::write(&file, vec![0; 1 << 20]).unwrap();
    let ran = run(&mut embedded(directory.path()), &[]);
    assert_eq!((ran.code, ran.err.lines().count()), (Some(1), 1), "{ran:?}");
    assert!(ran.err.contains("zeros in place of a database"), "{ran:?}");
    assert!(!ran.out.contains("panic"), "{ran:?}");
}

#[test]
fn a_damaged_compressed_file_is_reported_and_imported_up_to_the_damage() {
    let directory = tempfile::tempdir().unwrap();
    let lines = Sessions::new(1).lines(40, 1, 40);
    for name in ["sessions.gz", "sessions.zst"] {
        let file = directory.path().join(name);
        let data = directory.path().join(format!("{name}.data"));
        run_with(&mut embedded(&data), &["import"], &lines).succeeded();
        run(&mut embedded(&data), &["export", file.to_str().unwrap()]).succeeded();
        let whole = fs::read(&file).unwrap();
        fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        let ran = run(&mut embedded(&data), &["import", file.to_str().unwrap()]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.error().contains("cannot read"), "{ran:?}");
        fs::write(&file, "no archive").unwrap();
        let ran = run(&mut embedded(&data), &["import", file.to_str().unwrap()]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
    }
}

#[test]
fn a_failed_write_of_the_output_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let mut sessions = Sessions::new(2);
    let (learner, course) = (sessions.id(), sessions.id());
    let line = sessions.line(learner, course);
    run_with(&mut embedded(directory.path()), &["import"], &line).succeeded();
    let learner = learner.to_string();
    for arguments in [
        &["export"][..],
        &["inspect", &learner],
        &["verify"],
        &["doctor"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut command = embedded(directory.path());
        let child = command
            .args(arguments)
            .stdout(full)
            .stderr(Stdio::piped())
            .spawn();
        let output = child.unwrap().wait_with_output().unwrap();
        let reported = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {reported}");
        assert!(
            reported.contains("No space left"),
            "{arguments:?}: {reported}"
        );
    }
    let ran = run(&mut embedded(directory.path()), &["export", "/dev/full"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.error().contains("cannot write /dev/full"), "{ran:?}");
}

#[test]
fn a_broken_pipe_exits_141_silently() {
    let directory = tempfile::tempdir().unwrap();
    let lines = Sessions::new(3).lines(100, 1, 40);
    run_with(&mut embedded(directory.path()), &["import"], &lines).succeeded();
    let mut shell = Command::new("sh");
    shell.args(["-c", "{ \"$0\" export; echo \"code $?\" >&2; } | head -n 1"]);
    shell.arg(embedded(directory.path()).get_program());
    shell.env("DATA_DIR", directory.path());
    let output = output(&mut shell);
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 1);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "code 141\n");
}
