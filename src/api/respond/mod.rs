//! Responses: errors, conditional reads, and bodies of several resources.

pub(crate) mod error;
pub(crate) mod error_body;
pub(crate) mod error_docs;
pub(crate) mod etag;
pub(crate) mod large_json;
pub(crate) mod protocol_error;
pub(crate) mod totals;
