//! Decimals against an oracle with arbitrary precision.

use std::str::FromStr;

use bigdecimal::{BigDecimal, RoundingMode};
use proptest::prelude::*;

use super::*;
use crate::domain::MAX_MAGNITUDE;

/// Values of [`Score`](crate::domain::Score): all magnitudes with equal likelihood, and short decimals as
/// clients send.
fn accepted() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("in range", |v| v.abs() <= MAX_MAGNITUDE),
        -MAX_MAGNITUDE..=MAX_MAGNITUDE,
        (-1_000_000_i64..1_000_000, 0_u32..8).prop_map(|(digits, places)| {
            #[allow(clippy::cast_precision_loss)]
            let value = digits as f64 / 10_f64.powi(places.try_into().unwrap());
            value
        }),
    ]
}

fn oracle_contribution(value: f64) -> BigDecimal {
    BigDecimal::from_str(&value.to_string())
        .unwrap()
        .with_scale_round(15, RoundingMode::Down)
}

fn exactly(decimal: Decimal) -> BigDecimal {
    BigDecimal::new(decimal.scaled().into(), 15)
}

/// Returns whether `rounded` is the `f64` nearest to `sum / count`: both neighbours are farther.
fn is_nearest(rounded: f64, sum: &BigDecimal, count: u64) -> bool {
    let distance = |candidate: f64| {
        (BigDecimal::try_from(candidate).unwrap() * BigDecimal::from(count) - sum).abs()
    };
    let here = distance(rounded);
    here <= distance(rounded.next_up()) && here <= distance(rounded.next_down())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_contribution_is_the_shortest_decimal_truncated(value in accepted()) {
        prop_assert_eq!(exactly(Decimal::contribution_of(value)), oracle_contribution(value));
    }

    #[test]
    fn sums_and_means_are_exact(values in prop::collection::vec(accepted(), 1..40)) {
        let sum: Decimal = values.iter().copied().map(Decimal::contribution_of).sum();
        let oracle: BigDecimal = values.iter().copied().map(oracle_contribution).sum();
        prop_assert_eq!(exactly(sum), oracle.clone());
        let count = values.len() as u64;
        prop_assert!(is_nearest(sum.to_f64(), &oracle, 1));
        prop_assert!(is_nearest(sum.mean_over(count), &oracle, count));
    }

    #[test]
    fn additions_and_subtractions_of_the_same_values_cancel_out(start in accepted(), values in prop::collection::vec(accepted(), 0..20)) {
        let start = Decimal::contribution_of(start);
        let contributions = || values.iter().copied().map(Decimal::contribution_of);
        let risen = contributions().fold(start, Decimal::add);
        prop_assert_eq!(contributions().rev().fold(risen, Decimal::sub), start);
    }

    #[test]
    fn parts_and_scaled_make_the_same_number(units in -9_000_000_000_000_000_i64..9_000_000_000_000_000, fraction in -999_999_999_999_999_i64..=999_999_999_999_999) {
        let decimal = Decimal::from_parts(units, fraction);
        prop_assert_eq!(exactly(decimal), BigDecimal::from(units) + BigDecimal::new(fraction.into(), 15));
        prop_assert_eq!(Decimal::from_scaled(decimal.scaled()), decimal);
        let (units, fraction) = decimal.to_parts();
        prop_assert_eq!(Decimal::from_parts(units, fraction), decimal);
        prop_assert!(fraction.abs() < 1_000_000_000_000_000 && units.signum() * fraction.signum() >= 0);
    }

    #[test]
    fn any_quotient_is_rounded_to_the_nearest(scaled in -(Decimal::LIMIT.0 * 1_024)..Decimal::LIMIT.0 * 1_024, count in 1_u64..u64::MAX) {
        let oracle = BigDecimal::new(scaled.into(), 15);
        prop_assert!(is_nearest(Decimal(scaled).mean_over(count), &oracle, count));
        prop_assert!(is_nearest(Decimal(scaled).to_f64(), &oracle, 1));
    }
}

#[test]
fn known_values() {
    let sum: Decimal = [7.5, 8.0, 9.0]
        .into_iter()
        .map(Decimal::contribution_of)
        .sum();
    assert_eq!(sum.mean_over(3).to_string(), "8.166666666666666");
    let tenths: Decimal = [0.1; 10].into_iter().map(Decimal::contribution_of).sum();
    assert_eq!(tenths, Decimal::from_parts(1, 0));
    assert_eq!(
        Decimal::contribution_of(-0.123_456_789_012_345_67),
        Decimal::from_parts(0, -123_456_789_012_345)
    );
    assert_eq!(Decimal::contribution_of(5e-324), Decimal::default());
    assert_eq!(
        Decimal::contribution_of(1e12),
        Decimal::from_parts(1_000_000_000_000, 0)
    );
    assert_eq!(Decimal::default().mean_over(0).to_string(), "0");
}

#[test]
fn a_decimal_is_written_with_all_digits() {
    for (scaled, text) in [
        (0, "0"),
        (1, "0.000000000000001"),
        (-1_500_000_000_000_000, "-1.5"),
        (82 * SCALE, "82"),
        (i128::MIN, "-170141183460469231731687.303715884105728"),
    ] {
        assert_eq!(Decimal(scaled).to_string(), text);
    }
}

#[test]
fn a_tie_goes_to_the_even_neighbour() {
    // 2^53 + 1 is half way between two floats, 2^53 and 2^53 + 2.
    assert_eq!(
        nearest_quotient((1 << 53) + 1, 1).to_string(),
        "9007199254740992"
    );
    assert_eq!(
        nearest_quotient((1 << 53) + 3, 1).to_string(),
        "9007199254740996"
    );
    // A remainder above the tie rounds up.
    assert_eq!(
        nearest_quotient(((1 << 53) + 1) * 1_000 + 1, 1_000).to_string(),
        "9007199254740994"
    );
}

#[test]
fn the_limit_is_inclusive_on_both_sides() {
    let one = Decimal::from_scaled(1);
    let least = Decimal::default() - Decimal::LIMIT;
    assert!(Decimal::LIMIT.is_within_limit() && least.is_within_limit());
    assert!(!(Decimal::LIMIT + one).is_within_limit() && !(least - one).is_within_limit());
}
