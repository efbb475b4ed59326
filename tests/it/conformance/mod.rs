//! The checks of the contract as tests, and the `conformance` command.

mod checks;
mod command;
mod faults;
