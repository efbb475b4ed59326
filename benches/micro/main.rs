//! Micro-benchmarks: `cargo bench` runs all, `cargo bench ids` the benchmarks with `ids` in the name.

mod decimal;
mod fixed_store;
mod handler;
mod ids;

// Redis keys are not public in the library: the benchmark compiles the same files, with the modules that
// the files import.
#[allow(unused, reason = "the tests run with the library")]
#[path = "../../src/store/bucket.rs"]
mod bucket;
mod domain {
    pub(crate) use study_stats::domain::*;
}
#[allow(unused, reason = "the tests run with the library")]
#[path = "../../src/store/redis/keys.rs"]
mod keys;
mod store {
    pub(crate) use crate::bucket;
}

fn main() {
    divan::main();
}
