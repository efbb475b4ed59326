//! Output and input of a command: the interface [`Ui`], and the terminal with files and pipes.

mod compression;
mod decompression;
mod input_file;
mod output_file;
mod progress;
mod terminal;
mod ui;

pub(crate) use terminal::Terminal;
pub use ui::Ui;
