//! Passes over the keys of all servers, and the learners that a pass finds.

pub(crate) mod keyspace;
pub(crate) mod survey;
pub(crate) mod window;
