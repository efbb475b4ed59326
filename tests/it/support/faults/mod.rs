//! Faults: damaged rows and keys, broken connections.

pub(crate) mod broken;
pub(crate) mod corruption;
pub(crate) mod proxy;
pub(crate) mod tables;
