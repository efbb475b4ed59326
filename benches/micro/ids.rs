//! Cost of parsing ids and of formatting Redis keys.

use divan::{Bencher, black_box};
use study_stats::domain::{Enrolment, LearnerId, Record, Stats};

use crate::keys::Keys;

#[divan::bench]
fn keys_of_a_record(bencher: Bencher<'_, '_>) {
    let id = uuid::uuid!("0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f");
    let enrolment = Enrolment::new(id.into(), id.into());
    let record = Record::new(enrolment, id.into(), Stats::default(), None);
    let keys = Keys::new("ss".into());
    bencher.bench(|| keys.of_record(black_box(&record)));
}

#[divan::bench]
fn key_of_totals(bencher: Bencher<'_, '_>) {
    let id = uuid::uuid!("0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f");
    let keys = Keys::new("ss".into());
    bencher.bench(|| keys.totals(black_box(Enrolment::new(id.into(), id.into()))));
}

#[divan::bench(args = ["0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f", "0193D4F1-7A2B-7C3D-9E4F-5A6B7C8D9E0F", "x"])]
fn read(text: &str) -> bool {
    LearnerId::parse(black_box(text)).is_ok()
}
