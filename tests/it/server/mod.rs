//! The HTTP server and its process: limits, memory, signals, exit codes.

mod limits;
mod memory;
mod process;
