//! Micro-benchmarks: `cargo bench`, or `cargo bench ids` for those whose name has that.

mod at_hand;
mod decimal;
mod handler;
mod ids;

// How keys are spelled is no part of the library's interface, so the very file stands here too, with
// what it looks for in its crate around it.
#[allow(unused, reason = "its tests run with the library's")]
#[path = "../../src/store/bucket.rs"]
mod bucket;
mod domain {
    pub(crate) use study_stats::domain::*;
}
#[allow(unused, reason = "its tests run with the library's")]
#[path = "../../src/store/redis/keys.rs"]
mod keys;
mod store {
    pub(crate) use crate::bucket;
}

fn main() {
    divan::main();
}
