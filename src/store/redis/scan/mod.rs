//! Passes over all keys of Redis, with the retries and the bounded memory that a pass of minutes needs.

pub(crate) mod keyspace;
pub(crate) mod lowest;
mod masters;
pub(crate) mod query;
