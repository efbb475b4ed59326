//! Stores under test: fixtures, random histories, and the model of the expected contents.

pub(crate) mod fixture;
pub(crate) mod golden;
pub(crate) mod history;
pub(crate) mod hooked;
pub(crate) mod model;
pub(crate) mod upkeep;
pub(crate) mod walk;
