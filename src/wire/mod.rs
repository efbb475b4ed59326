//! JSON of sessions, records, batches and export lines, with validation and schemas. No HTTP.

pub(crate) mod batch;
pub(crate) mod export_line;
mod json_place;
pub(crate) mod number;
pub(crate) mod occurred_at;
mod raw_object;
pub(crate) mod record;
pub(crate) mod time;
pub(crate) mod validation;

pub(crate) use raw_object::InvalidObject;
