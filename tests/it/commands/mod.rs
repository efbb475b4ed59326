//! Commands of the binary.

mod control;
mod files;
mod interrupted;
mod memory;
mod moves;
mod process;
mod topologies;
mod transfer;
