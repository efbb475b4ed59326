//! Exact fixed-point arithmetic for sums that are kept up by adding and subtracting.
//!
//! A sum of floats drifts as values are added and taken away again, and depends on their order.
//! Integers do neither, so sums are whole numbers of 1e-15: a change of order, a replaced value or
//! a repaired one leads to the very same digits.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

/// Fractional digits that are kept.
const DIGITS: usize = 15;
/// 10 to the power of [`DIGITS`]: what one whole unit is worth.
const SCALE: i128 = 1_000_000_000_000_000;

/// An exact number in whole units of 1e-15.
///
/// The Lua in `store/redis/scripts/arithmetic.lua` is this type's twin; a test drives both with
/// the same random histories and compares their digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(i128);

impl Decimal {
    /// The largest magnitude that a kept sum may have: 9e15.
    ///
    /// Below 2^53, so that the units stay exact in Lua's doubles, whatever one record adds.
    pub const LIMIT: Self = Self(9_000_000_000_000_000 * SCALE);

    /// What `value` contributes to a sum: its shortest decimal text, truncated to 15 fractional
    /// digits.
    ///
    /// `value` is finite and of a magnitude up to [`MAX_MAGNITUDE`](super::MAX_MAGNITUDE), as
    /// [`Amount`](super::Amount) and [`Score`](super::Score) guarantee.
    #[must_use]
    pub fn contribution_of(value: f64) -> Self {
        if value.fract() == 0.0 {
            #[allow(
                clippy::cast_possible_truncation,
                reason = "it is whole, and small enough"
            )]
            let whole = value as i128;
            return Self(whole * SCALE);
        }
        // Rust writes the shortest decimal that reads back as the same f64, never an exponent.
        let text = value.to_string();
        let magnitude = text.trim_start_matches('-');
        let (units, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
        let kept = fraction.bytes().chain(std::iter::repeat(b'0')).take(DIGITS);
        let digits = units.bytes().chain(kept);
        let total = digits.fold(0, |total, digit| total * 10 + i128::from(digit - b'0'));
        Self(if value < 0.0 { -total } else { total })
    }

    /// The number `units + fraction · 1e-15`.
    #[must_use]
    pub fn from_parts(units: i64, fraction: i64) -> Self {
        Self(i128::from(units) * SCALE + i128::from(fraction))
    }

    /// The number as whole units and a fraction in 1e-15, both with its sign.
    ///
    /// For a number of up to 2^63 units, which is more than any sum that is kept.
    #[must_use]
    pub fn to_parts(self) -> (i64, i64) {
        #[allow(clippy::cast_possible_truncation, reason = "as documented")]
        let parts = ((self.0 / SCALE) as i64, (self.0 % SCALE) as i64);
        parts
    }

    /// A whole number of 1e-15, as [`scaled`](Self::scaled) gives it.
    #[must_use]
    pub fn from_scaled(scaled: i128) -> Self {
        Self(scaled)
    }

    /// The number as whole 1e-15.
    #[must_use]
    pub fn scaled(self) -> i128 {
        self.0
    }

    /// Whether a kept sum may have this value: its magnitude is at most [`LIMIT`](Self::LIMIT).
    #[must_use]
    pub fn is_within_limit(self) -> bool {
        self.0.abs() <= Self::LIMIT.0
    }

    /// The nearest `f64`, ties to even.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.mean_over(1)
    }

    /// The exact quotient of the sum and `count`, rounded once to the nearest `f64`; 0 for no
    /// values.
    #[must_use]
    pub fn mean_over(self, count: u64) -> f64 {
        if count == 0 {
            return 0.0;
        }
        let quotient = nearest_quotient(
            self.0.unsigned_abs(),
            SCALE.unsigned_abs() * u128::from(count),
        );
        if self.0 < 0 { -quotient } else { quotient }
    }
}

impl fmt::Display for Decimal {
    /// Writes all its digits, and no zeros after the last.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (scaled, one) = (self.0.unsigned_abs(), SCALE.unsigned_abs());
        let (units, fraction) = (scaled / one, scaled % one);
        if fraction == 0 {
            return write!(f, "{sign}{units}");
        }
        let fraction = format!("{fraction:0width$}", width = DIGITS);
        write!(f, "{sign}{units}.{}", fraction.trim_end_matches('0'))
    }
}

impl Add for Decimal {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Decimal {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Sum for Decimal {
    fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
        values.fold(Self::default(), Self::add)
    }
}

/// `numerator / denominator` rounded once to the nearest `f64`, ties to even.
///
/// Long division in binary until the quotient has more bits than an `f64` keeps; what remains is
/// folded into the last bit, which then only says on which side of a tie the quotient lies. The
/// conversion of an integer to `f64` rounds to nearest even, and scaling by a power of two is
/// exact: the smallest quotient here, 1e-15 over 2^64 values, is far from subnormal.
fn nearest_quotient(numerator: u128, denominator: u128) -> f64 {
    let mut quotient = numerator / denominator;
    let mut remainder = numerator % denominator;
    let mut halvings = 0;
    while remainder != 0 && quotient < 1 << 64 {
        remainder <<= 1;
        quotient <<= 1;
        if remainder >= denominator {
            remainder -= denominator;
            quotient |= 1;
        }
        halvings += 1;
    }
    let sticky = u128::from(remainder != 0);
    #[allow(clippy::cast_precision_loss, reason = "this is the one rounding")]
    let rounded = (quotient | sticky) as f64;
    rounded * 0.5_f64.powi(halvings)
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use bigdecimal::{BigDecimal, RoundingMode};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::MAX_MAGNITUDE;

    /// Every finite `f64` that the service accepts, each order of magnitude as likely as another,
    /// and the short decimals that real clients send.
    pub(super) fn accepted() -> impl Strategy<Value = f64> {
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

    /// Whether `rounded` is the `f64` nearest to `sum / count`: no neighbour is nearer.
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
        fn what_is_added_and_taken_away_leaves_nothing(start in accepted(), values in prop::collection::vec(accepted(), 0..20)) {
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
    fn it_is_written_with_all_its_digits() {
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
        // 2^53 + 1 lies half way between two floats, 2^53 and 2^53 + 2.
        assert_eq!(
            nearest_quotient((1 << 53) + 1, 1).to_string(),
            "9007199254740992"
        );
        assert_eq!(
            nearest_quotient((1 << 53) + 3, 1).to_string(),
            "9007199254740996"
        );
        // A trace above the tie decides it.
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
}
