//! Records, batches, deletes, and the errors of their fields.

pub(super) mod batch;
pub(super) mod batch_errors;
pub(super) mod bodies;
pub(super) mod deletes;
pub(super) mod erasures;
pub(super) mod fields;
pub(super) mod limits;
pub(super) mod records;
pub(super) mod versions;
