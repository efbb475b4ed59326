//! The console of the process that an operator starts: files, pipes and a terminal.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::files::Output;
use super::input::Input;
use super::progress::Progress;
use crate::commands::Ui;
use crate::config::StoreCommand;

/// Standard streams, and the file of an export or import.
pub(crate) struct Terminal {
    input: Option<Input>,
    output: Option<Output>,
    progress: Progress,
    /// Whether standard output is for data, so that words go to standard error.
    is_piped: bool,
    /// How far the command said that it is.
    done: u64,
    /// Whether who reads standard output has gone away.
    is_closed: bool,
}

impl Terminal {
    /// Opens what the command reads or writes.
    pub(crate) fn open(command: &StoreCommand) -> io::Result<Self> {
        let (mut input, mut output, mut is_piped) = (None, None, false);
        match command {
            StoreCommand::Import { file, .. } => input = Some(Input::open(named(file.as_ref()))?),
            StoreCommand::Export { file, .. } => {
                let file = named(file.as_ref());
                output = Some(Output::open(file)?);
                is_piped = file.is_none();
            }
            _ => {}
        }
        let gauge = input.as_ref().and_then(Input::gauge);
        Ok(Self {
            input,
            output,
            progress: Progress::new(gauge, is_piped),
            is_piped,
            done: 0,
            is_closed: false,
        })
    }

    /// How far the command said that it is.
    pub(crate) fn done(&self) -> u64 {
        self.done
    }

    /// Whether who reads standard output has gone away.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Brings what was put out to where it is meant to be.
    pub(crate) async fn finish(&mut self) -> io::Result<()> {
        let finished = match self.output.take() {
            Some(output) => output.finish().await,
            None => Ok(()),
        };
        self.note(finished)
    }

    /// Takes the progress bar away.
    pub(crate) fn clear(&self) {
        self.progress.clear();
    }

    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        let is_broken = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        self.is_closed |= result.as_ref().is_err_and(is_broken);
        result
    }
}

/// The file that is named; none for a standard stream.
fn named(file: Option<&PathBuf>) -> Option<&Path> {
    file.map(PathBuf::as_path)
        .filter(|file| *file != Path::new("-"))
}

#[async_trait]
impl Ui for Terminal {
    async fn line(&mut self, mut text: String) -> io::Result<()> {
        text.push('\n');
        let (progress, is_piped) = (self.progress.clone(), self.is_piped);
        // Who reads may be slow, which must not keep a signal from being noticed.
        let writing = tokio::task::spawn_blocking(move || {
            progress.aside(|| match is_piped {
                true => io::stderr().write_all(text.as_bytes()),
                false => io::stdout().write_all(text.as_bytes()),
            })
        });
        let written = writing
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)));
        self.note(written)
    }

    async fn progress(&mut self, what: &str, done: u64, total: Option<u64>) -> io::Result<()> {
        self.done = done;
        self.progress.tell(what, done, total);
        Ok(())
    }

    async fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        let put = match &mut self.output {
            Some(output) => output.put(bytes.to_vec()).await,
            None => Err(io::Error::other("nothing is to be written")),
        };
        self.note(put)
    }

    async fn take(&mut self) -> io::Result<Vec<u8>> {
        match &mut self.input {
            Some(input) => input.take().await,
            None => Err(io::Error::other("there is nothing to read")),
        }
    }
}
