//! Background load: HTTP clients and writers whose acknowledged writes are checked afterwards.

pub(crate) mod background;
pub(crate) mod requests;
pub(crate) mod service;
pub(crate) mod writers;
