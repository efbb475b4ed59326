//! The interface of a command on a terminal, with files and pipes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::Ui;
use super::input_file::InputFile;
use super::output_file::OutputFile;
use super::progress::Progress;
use crate::config::StoreCommand;

/// Standard streams, with the file of an export or import.
pub(crate) struct Terminal {
    input: Option<InputFile>,
    output: Option<OutputFile>,
    progress: Progress,
    /// Standard output carries data, and lines go to standard error.
    is_piped: bool,
    /// The last reported progress.
    done: u64,
    /// The reader of standard output has closed the pipe.
    is_closed: bool,
}

impl Terminal {
    /// Opens the input or the output of a command.
    pub(crate) fn open(command: &StoreCommand) -> io::Result<Self> {
        let (mut input, mut output, mut is_piped) = (None, None, false);
        match command {
            StoreCommand::Import { file, .. } => {
                input = Some(InputFile::open(named(file.as_ref()))?);
            }
            StoreCommand::Export { file, .. } => {
                let file = named(file.as_ref());
                output = Some(OutputFile::open(file)?);
                is_piped = file.is_none();
            }
            _ => {}
        }
        let position = input.as_ref().and_then(InputFile::position);
        Ok(Self {
            input,
            output,
            progress: Progress::new(position, is_piped),
            is_piped,
            done: 0,
            is_closed: false,
        })
    }

    /// Returns the last reported progress.
    pub(crate) fn done(&self) -> u64 {
        self.done
    }

    /// Returns whether the reader of standard output has closed the pipe.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Waits until the output is complete.
    pub(crate) async fn finish(&mut self) -> io::Result<()> {
        let finished = match self.output.take() {
            Some(output) => output.finish().await,
            None => Ok(()),
        };
        self.note_broken_pipe(finished)
    }

    /// Removes the progress bar.
    pub(crate) fn clear(&self) {
        self.progress.clear();
    }

    fn note_broken_pipe<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        let is_broken = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        self.is_closed |= result.as_ref().is_err_and(is_broken);
        result
    }
}

/// Returns the named file, or `None` for a standard stream.
fn named(file: Option<&PathBuf>) -> Option<&Path> {
    file.map(PathBuf::as_path)
        .filter(|file| *file != Path::new("-"))
}

#[async_trait]
impl Ui for Terminal {
    async fn print(&mut self, mut text: String) -> io::Result<()> {
        text.push('\n');
        let (progress, is_piped) = (self.progress.clone(), self.is_piped);
        // On a blocking thread: a full pipe must not delay the handling of a signal.
        let printing = tokio::task::spawn_blocking(move || {
            progress.suspend(|| match is_piped {
                true => io::stderr().write_all(text.as_bytes()),
                false => io::stdout().write_all(text.as_bytes()),
            })
        });
        let printed = printing.await.map_err(io::Error::other).flatten();
        self.note_broken_pipe(printed)
    }

    async fn progress(&mut self, what: &str, done: u64, total: Option<u64>) -> io::Result<()> {
        self.done = done;
        self.progress.update(what, done, total);
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let written = match &mut self.output {
            Some(output) => output.write(bytes.to_vec()).await,
            None => Err(io::Error::other("nothing is to be written")),
        };
        self.note_broken_pipe(written)
    }

    async fn read(&mut self) -> io::Result<Vec<u8>> {
        match &mut self.input {
            Some(input) => input.read().await,
            None => Err(io::Error::other("there is nothing to read")),
        }
    }
}
