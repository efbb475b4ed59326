//! Extractors: the parts of a request, checked. None of them fails on a wrong value; each has the value
//! or its problems, so that one answer reports all wrong fields.

pub(crate) mod json_body;
pub(crate) mod learner;
pub(crate) mod paging;
pub(crate) mod path_id;
pub(crate) mod query;
