//! Answers: the error shape, conditional reads, and bodies that several resources share.

pub(crate) mod error;
pub(crate) mod etag;
pub(crate) mod large_json;
pub(crate) mod totals;
