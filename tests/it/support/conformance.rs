//! The conformance command, as a process.

use std::process::Output;

use crate::support::processes::service;

/// Plays the contract against a URL, with more environment.
pub(crate) async fn play(url: &str, environment: &[(&str, String)]) -> Output {
    let mut command = service::command();
    command.args(["conformance", "--url", url]);
    command.envs(environment.iter().cloned());
    // In a thread of its own: what it plays against may be in this process.
    let play = tokio::task::spawn_blocking(move || service::output(&mut command));
    play.await.unwrap()
}

/// The lines of what it wrote.
pub(crate) fn lines(output: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(output).unwrap();
    text.lines().map(str::to_owned).collect()
}
