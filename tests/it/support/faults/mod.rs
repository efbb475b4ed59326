//! Faults: corrupt rows and keys, broken connections.

pub(crate) mod clock;
pub(crate) mod corrupt_keys;
pub(crate) mod corrupt_rows;
pub(crate) mod corruptions;
pub(crate) mod proxy;
