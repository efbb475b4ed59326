//! Methods, paths and headers of requests, and the resources of the service itself.

pub(super) mod methods;
pub(super) mod parameters;
pub(super) mod protocol;
pub(super) mod service;
