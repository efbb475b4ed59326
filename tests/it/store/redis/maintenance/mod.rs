//! Maintenance of the Redis store: verify, repair and inspect.

mod inspect;
mod under_load;
mod verify;
