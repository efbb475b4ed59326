//! Stores under test: fixtures, random histories, and the model of the expected contents.

pub(crate) mod fixture;
pub(crate) mod golden;
pub(crate) mod history;
pub(crate) mod hooked;
pub(crate) mod maintenance;
pub(crate) mod model;
pub(crate) mod redis_fixture;
pub(crate) mod redis_keys;
pub(crate) mod tables;
pub(crate) mod topology;
pub(crate) mod walk;
