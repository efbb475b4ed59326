//! Commands of the binary.

mod control;
mod interrupted;
mod memory;
mod process;
mod topologies;
mod transfer;
