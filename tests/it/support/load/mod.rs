//! Background load: HTTP clients and writers whose acknowledged writes are checked afterwards.

pub(crate) mod http;
pub(crate) mod under_load;
pub(crate) mod writers;
