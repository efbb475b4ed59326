//! Cost of exact arithmetic in a record and in the response with totals.

use divan::{Bencher, black_box};
use study_stats::domain::{Amount, Decimal, Score, Stats, Totals};

/// Numbers as clients send, and numbers with the most digits.
const NUMBERS: [f64; 5] = [
    7.0,
    82.5,
    120_000.0,
    0.840_136_556_537_863_9,
    999_999_999_999.987_6,
];

#[divan::bench(args = NUMBERS)]
fn contribution(number: f64) -> Decimal {
    Decimal::contribution_of(black_box(number))
}

#[divan::bench(args = NUMBERS)]
fn add_and_take_away(bencher: Bencher<'_, '_>, number: f64) {
    let (sum, term) = (
        Decimal::contribution_of(1_234_567.000_89),
        Decimal::contribution_of(number),
    );
    bencher.bench(|| black_box(sum) + black_box(term) - black_box(sum));
}

#[divan::bench(args = [1, 3, 1_000_003])]
fn mean(count: u64) -> f64 {
    black_box(Decimal::contribution_of(1_234_567.5)).mean_over(black_box(count))
}

#[divan::bench(args = NUMBERS)]
fn text(number: f64) -> String {
    black_box(number).to_string()
}

#[divan::bench]
fn replace_a_session(bencher: Bencher<'_, '_>) {
    let stats = |modules, score, time| {
        Some(Stats {
            modules: Amount::new(modules).ok()?,
            score: Score::new(score).ok()?,
            time: Amount::new(time).ok()?,
        })
    };
    let (Some(former), Some(latter)) = (stats(7.0, 82.5, 120_000.0), stats(8.0, 91.25, 180_000.0))
    else {
        return;
    };
    let totals = Totals::default().with(&former);
    bencher.bench(|| {
        black_box(totals)
            .without(black_box(&former))
            .with(black_box(&latter))
    });
}
