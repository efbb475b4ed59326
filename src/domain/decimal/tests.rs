//! Decimals against an oracle with arbitrary precision.

use std::str::FromStr;

use bigdecimal::{BigDecimal, RoundingMode};
use proptest::prelude::*;

use super::*;
use crate::domain::MAX_MAGNITUDE;

/// Values of [`Score`](crate::domain::Score): all magnitudes with equal likelihood, and short decimals as
/// clients send.
fn accepted() -> impl Strategy<Value = f64> {
    any_in_range().prop_map(Decimal::rounded)
}

fn any_in_range() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("in range", |v| v.abs() <= MAX_MAGNITUDE),
        -MAX_MAGNITUDE..=MAX_MAGNITUDE,
        -1e-6..1e-6,
        -1e-20..1e-20,
        (-1_000_000_i64..1_000_000, 0_i32..8).prop_map(|(digits, places)| {
            #[allow(clippy::cast_precision_loss)]
            let value = digits as f64 / 10_f64.powi(places);
            value
        }),
    ]
}

fn oracle(value: f64) -> BigDecimal {
    BigDecimal::from_str(&value.to_string()).unwrap()
}

fn exactly(decimal: Decimal) -> BigDecimal {
    BigDecimal::from_str(&format!("{}e-22", decimal.scaled())).unwrap()
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
    fn a_number_is_rounded_once_to_22_places(value in any_in_range()) {
        let rounded = Decimal::rounded(value);
        let expected = oracle(value).with_scale_round(22, RoundingMode::HalfEven);
        prop_assert_eq!(rounded, f64::from_str(&expected.to_string()).unwrap());
        prop_assert!(rounded != 0.0 || rounded.is_sign_positive());
        prop_assert_eq!(Decimal::rounded(rounded), rounded);
        prop_assert!(value.abs() < 5e-7 || rounded == value);
    }

    #[test]
    fn a_contribution_is_the_shortest_decimal_whole(value in accepted()) {
        prop_assert_eq!(exactly(Decimal::contribution_of(value)), oracle(value));
    }

    #[test]
    fn totals_of_one_session_are_its_numbers(value in accepted()) {
        prop_assert_eq!(Decimal::contribution_of(value).to_f64(), value);
        let thrice = [value; 3].into_iter().map(Decimal::contribution_of).sum::<Decimal>();
        prop_assert_eq!(thrice.mean_over(3), value);
    }

    #[test]
    fn sums_and_means_are_exact(values in prop::collection::vec(accepted(), 1..40)) {
        let sum: Decimal = values.iter().copied().map(Decimal::contribution_of).sum();
        let oracle: BigDecimal = values.iter().copied().map(oracle).sum();
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
    fn a_text_parses_to_the_same_number(high in any::<i64>(), low in any::<u128>()) {
        let decimal = Decimal(I256::from(high) * I256::from(u64::MAX) + I256::from(low));
        prop_assert_eq!(decimal.to_string().parse(), Ok(decimal));
        prop_assert_eq!(oracle_text(&decimal.to_string()), exactly(decimal));
    }

    #[test]
    fn any_quotient_is_rounded_to_the_nearest(units in any::<i128>(), scaled in any::<i128>(), count in 1_u64..u64::MAX) {
        let sum = Decimal(I256::from(units) * I256::from(1_000_000_007_u64) + I256::from(scaled));
        prop_assert!(is_nearest(sum.mean_over(count), &exactly(sum), count));
        prop_assert!(is_nearest(sum.to_f64(), &exactly(sum), 1));
    }
}

fn oracle_text(text: &str) -> BigDecimal {
    BigDecimal::from_str(text).unwrap()
}

#[test]
fn known_values() {
    let sum: Decimal = [7.5, 8.0, 9.0]
        .into_iter()
        .map(Decimal::contribution_of)
        .sum();
    assert_eq!(sum.mean_over(3).to_string(), "8.166666666666666");
    let tenths: Decimal = [0.1; 10].into_iter().map(Decimal::contribution_of).sum();
    assert_eq!(tenths.to_string(), "1");
    let thirds: Decimal = [1.0 / 3.0; 3]
        .into_iter()
        .map(Decimal::contribution_of)
        .sum();
    assert_eq!(thirds.to_string(), "0.9999999999999999");
    assert_eq!(
        Decimal::contribution_of(0.666_666_666_666_666_6).to_string(),
        "0.6666666666666666"
    );
    assert_eq!(Decimal::contribution_of(1e12).to_string(), "1000000000000");
    assert_eq!(Decimal::default().mean_over(0).to_string(), "0");
}

#[test]
fn a_tie_of_the_22nd_place_goes_to_the_even_digit() {
    for (value, rounded) in [
        (5e-324, 0.0),
        (-5e-324, 0.0),
        (5e-23, 0.0),
        (5.000_000_1e-23, 1e-22),
        (-1.5e-22, -2e-22),
        (2.5e-22, 2e-22),
        (1.234_567_890_123_45e-8, 1.234_567_890_123_45e-8),
        (1.234_567_890_123_456e-8, 1.234_567_890_123_46e-8),
    ] {
        assert_eq!(Decimal::rounded(value), rounded, "{value:e}");
    }
}

#[test]
fn a_decimal_is_written_with_all_digits() {
    for (scaled, text) in [
        (I256::ZERO, "0"),
        (I256::ONE, "0.0000000000000000000001"),
        (SCALE * I256::new(-3) / I256::new(2), "-1.5"),
        (SCALE * I256::new(82), "82"),
    ] {
        assert_eq!(Decimal(scaled).to_string(), text);
    }
}

#[test]
fn only_the_canonical_text_is_parsed() {
    for text in [
        "",
        "-",
        "+1",
        "01",
        "-0",
        "0.0",
        "1.",
        ".5",
        "1.50",
        "1e3",
        " 1",
        "1 ",
        "0x1",
        "--1",
        "0.00000000000000000000001",
        "1_000",
        "1.-5",
        "inf",
    ] {
        assert_eq!(Decimal::from_str(text), Err(InvalidDecimal), "{text:?}");
    }
    let past = "9".repeat(80);
    assert_eq!(Decimal::from_str(&past), Err(InvalidDecimal));
}

#[test]
fn a_tie_goes_to_the_even_neighbour() {
    let quotient = |numerator: u128, denominator: u128| {
        nearest_quotient(numerator.into(), denominator.into()).to_string()
    };
    // 2^53 + 1 is half way between two floats, 2^53 and 2^53 + 2.
    assert_eq!(quotient((1 << 53) + 1, 1), "9007199254740992");
    assert_eq!(quotient((1 << 53) + 3, 1), "9007199254740996");
    // A remainder above the tie rounds up.
    assert_eq!(
        quotient(((1 << 53) + 1) * 1_000 + 1, 1_000),
        "9007199254740994"
    );
}

#[test]
fn the_limit_is_inclusive_on_both_sides() {
    let one = Decimal(I256::ONE);
    let least = Decimal::default() - Decimal::LIMIT;
    assert_eq!(Decimal::LIMIT.to_string(), "9000000000000000");
    assert!(Decimal::LIMIT.is_within_limit() && least.is_within_limit());
    assert!(!(Decimal::LIMIT + one).is_within_limit() && !(least - one).is_within_limit());
    assert!(!Decimal(I256::MIN).is_within_limit());
}
