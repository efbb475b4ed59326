//! Middleware around every handler.

pub(crate) mod access_log;
pub(crate) mod body_budget;
pub(crate) mod framing;
pub(crate) mod request;
pub(crate) mod routes;
mod unknown_parameters;
