//! Progress of a command: a bar on a terminal, or else a line every few seconds.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::input_file::ReadPosition;

/// Interval between lines.
const PERIOD: Duration = Duration::from_secs(5);
/// Interval between frames of the bar.
const TICK: Duration = Duration::from_millis(100);

/// Display of progress on standard error. Clones share the bar.
#[derive(Clone)]
pub(super) struct Progress {
    position: Option<ReadPosition>,
    is_bar: bool,
    bar: Option<ProgressBar>,
    latest: Instant,
}

impl Progress {
    /// Returns a display without a bar where standard output carries data to the same terminal.
    pub(super) fn new(position: Option<ReadPosition>, is_piped: bool) -> Self {
        let data_is_seen = is_piped && io::stdout().is_terminal();
        Self {
            position,
            is_bar: io::stderr().is_terminal() && !data_is_seen,
            bar: None,
            latest: Instant::now(),
        }
    }

    /// Moves the bar, or prints a line when the interval has passed.
    pub(super) fn update(&mut self, what: &str, done: u64, total: Option<u64>) {
        if self.is_bar {
            let bar = self
                .bar
                .get_or_insert_with(|| bar(self.position.as_ref(), total));
            bar.set_message(format!("{done} {what}"));
            bar.set_position(self.position.as_ref().map_or(done, ReadPosition::read));
        } else if self.latest.elapsed() >= PERIOD {
            self.latest = Instant::now();
            let total = total.map_or(String::new(), |total| format!(" of {total}"));
            // A closed standard error must not fail the command.
            let _ = writeln!(io::stderr(), "{done}{total} {what}");
        }
    }

    /// Hides the bar during a write to the terminal.
    pub(super) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Removes the bar.
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Returns a bar with the length of the input file or the total, or a spinner without either.
fn bar(position: Option<&ReadPosition>, total: Option<u64>) -> ProgressBar {
    let (bar, template) = match position.map(|position| position.size).or(total) {
        Some(length) => (
            ProgressBar::new(length),
            "{bar:32} {percent:>3}%  {msg}  {elapsed}, {eta} left",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {msg}  {elapsed}"),
    };
    bar.enable_steady_tick(TICK);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
