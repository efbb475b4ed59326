//! The responses of reads.

pub(super) mod activity;
pub(super) mod activity_ranges;
pub(super) mod conditional;
pub(super) mod learner_activity;
pub(super) mod sessions;
pub(super) mod summary;
pub(super) mod totals;
