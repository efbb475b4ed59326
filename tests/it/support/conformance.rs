//! The conformance command, as a process.

use std::process::Output;

use crate::support::processes::service;

/// Plays the contract against a URL, with more environment.
pub(crate) async fn play(url: &str, environment: &[(&str, String)]) -> Output {
    let mut command = service::command();
    command.args(["conformance", "--url", url]);
    command.envs(environment.iter().cloned());
    // On a blocking thread: the service under test may run in this process.
    let play = tokio::task::spawn_blocking(move || service::output(&mut command));
    play.await.unwrap()
}

/// Lines of the command's output.
pub(crate) fn lines(output: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(output).unwrap();
    text.lines().map(str::to_owned).collect()
}
