//! The HTTP server and its process: limits, memory, signals, exit codes.

mod abuse;
mod limits;
mod memory;
mod process;
mod unread_log;
