//! Passes over all keys of Redis, with the retries and the bounded memory that a pass of minutes needs.

pub(crate) mod keyspace;
pub(crate) mod learner_group;
mod masters;
pub(crate) mod query;
pub(crate) mod window;
