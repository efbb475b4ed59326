//! How far a command is: a bar on a terminal, else a line every few seconds.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::input::Gauge;

/// How often a line is written.
const PERIOD: Duration = Duration::from_secs(5);
/// How often a bar moves.
const TICK: Duration = Duration::from_millis(100);

/// What was told so far. Clones share the bar.
#[derive(Clone)]
pub(crate) struct Progress {
    gauge: Option<Gauge>,
    is_bar: bool,
    bar: Option<ProgressBar>,
    latest: Instant,
}

impl Progress {
    /// Without a bar where data goes to the same terminal.
    pub(crate) fn new(gauge: Option<Gauge>, is_piped: bool) -> Self {
        let data_is_seen = is_piped && io::stdout().is_terminal();
        Self {
            gauge,
            is_bar: io::stderr().is_terminal() && !data_is_seen,
            bar: None,
            latest: Instant::now(),
        }
    }

    /// Tells it, now or not.
    pub(crate) fn tell(&mut self, what: &str, done: u64, total: Option<u64>) {
        if self.is_bar {
            let bar = self
                .bar
                .get_or_insert_with(|| bar(self.gauge.as_ref(), total));
            bar.set_message(format!("{done} {what}"));
            bar.set_position(self.gauge.as_ref().map_or(done, Gauge::read));
        } else if self.latest.elapsed() >= PERIOD {
            self.latest = Instant::now();
            let total = total.map_or(String::new(), |total| format!(" of {total}"));
            // Nobody may read it.
            let _ = writeln!(io::stderr(), "{done}{total} {what}");
        }
    }

    /// Writes something while there is no bar.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A bar as long as what is read or done, or a spinner where that is not known.
fn bar(gauge: Option<&Gauge>, total: Option<u64>) -> ProgressBar {
    let (bar, template) = match gauge.map(|gauge| gauge.size).or(total) {
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
