//! Extractors: parts of a request, validated. An extractor does not fail on a wrong value but returns the
//! problems, so that one response reports all wrong fields.

pub(crate) mod json_body;
pub(crate) mod learner;
pub(crate) mod paging;
pub(crate) mod path_id;
pub(crate) mod query;
