//! The output of a command: the `Ui` that every command writes to, and its implementation for a terminal,
//! files and pipes.

mod compression;
mod files;
mod input;
mod progress;
pub(crate) mod terminal;
mod ui;

pub use ui::Ui;
