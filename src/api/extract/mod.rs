//! Extractors: parts of a request, validated. An extractor does not fail on a wrong value but returns the
//! problems, so that one response reports all wrong fields. Only a body of another content type than JSON
//! is an error at once; the handler reads the body.

pub(crate) mod json_body;
pub(crate) mod learner;
pub(crate) mod paging;
pub(crate) mod path_id;
pub(crate) mod query;
