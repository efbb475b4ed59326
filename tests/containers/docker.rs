//! The Docker command line.

use std::process::Command;

/// Runs a command to the end, and returns the standard output.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().expect("the command can be started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    assert!(
        output.status.success(),
        "{command:?}: {} {}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// Runs `docker` with the words of a command line.
pub(crate) fn docker(words: &str) -> String {
    run(Command::new("docker").args(words.split(' ')))
}

/// Field of the description of a container or image, named as in a template.
pub(crate) fn inspect(id: &str, field: &str) -> String {
    let template = format!("{{{{{field}}}}}");
    run(Command::new("docker").args(["inspect", "--format", &template, id]))
}
