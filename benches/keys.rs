//! How a record's keys are spelled.
//!
//! The module is no part of the library's interface, so the very file stands here too, with what it
//! looks for in its crate around it.

#[allow(unused, reason = "their tests run with the library's")]
#[path = "../src/store/bucket.rs"]
mod bucket;
mod domain {
    pub(crate) use study_stats::domain::*;
}
#[allow(unused, reason = "as above")]
#[path = "../src/store/redis/keys.rs"]
mod keys;
mod store {
    pub(crate) use super::bucket;
}

use divan::{Bencher, black_box};
use domain::{LearnerId, Record, Stats};
use keys::Keys;

fn main() {
    divan::main();
}

#[divan::bench]
fn of_a_record(bencher: Bencher<'_, '_>) {
    let id = uuid::uuid!("0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f");
    let record = Record {
        learner: id.into(),
        course: id.into(),
        session: id.into(),
        stats: Stats::default(),
        occurred_at: None,
    };
    let keys = Keys::new("ss".into());
    bencher.bench(|| keys.of_record(black_box(&record)));
}

#[divan::bench]
fn of_totals(bencher: Bencher<'_, '_>) {
    let id = uuid::uuid!("0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f");
    let keys = Keys::new("ss".into());
    bencher.bench(|| keys.totals(black_box(id.into()), black_box(id.into())));
}

#[divan::bench(args = ["0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f", "0193D4F1-7A2B-7C3D-9E4F-5A6B7C8D9E0F", "x"])]
fn an_id_is_read(text: &str) -> bool {
    LearnerId::parse(black_box(text)).is_ok()
}
