//! Maintenance of every store: verify and repair, inspect, lists for an export.

mod corruptions;
mod embedded;
mod inspect;
mod redis;
mod redis_under_load;
