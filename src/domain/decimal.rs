//! Exact fixed-point arithmetic for sums.
//!
//! Stores keep sums by additions and subtractions. A sum of floats depends on the order of the values, and
//! drifts when values are added and subtracted again. A sum of integers does neither, so a sum is a whole
//! number of 1e-15: any order of records, replacements and deletes gives the same digits as a recount.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

/// Number of fractional digits.
const DIGITS: usize = 15;
/// Scaled value of 1: 10 to the power of [`DIGITS`].
const SCALE: i128 = 1_000_000_000_000_000;

/// Exact number with 15 fractional digits: an integer, scaled by 1e-15.
///
/// Redis computes the same in `store/redis/scripts/arithmetic.lua`; a test runs the same random histories on
/// both and compares the digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(i128);

impl Decimal {
    /// Maximum magnitude of a stored sum: 9e15.
    ///
    /// Below 2^53 even after another record is added, so that Lua's doubles hold the units exactly.
    pub const LIMIT: Self = Self(9_000_000_000_000_000 * SCALE);

    /// Returns the contribution of `value` to a sum: the shortest decimal text of the `f64`, truncated to
    /// 15 fractional digits.
    ///
    /// `value` must be finite, with a magnitude up to [`MAX_MAGNITUDE`](super::MAX_MAGNITUDE), as
    /// [`Amount`](super::Amount) and [`Score`](super::Score) validate.
    #[must_use]
    pub fn contribution_of(value: f64) -> Self {
        if value.fract() == 0.0 {
            #[allow(
                clippy::cast_possible_truncation,
                reason = "whole, and within MAX_MAGNITUDE"
            )]
            let whole = value as i128;
            return Self(whole * SCALE);
        }
        // Rust's text of an f64 is the shortest decimal that parses to the same f64, without exponent.
        let text = value.to_string();
        let magnitude = text.trim_start_matches('-');
        let (units, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
        let kept = fraction.bytes().chain(std::iter::repeat(b'0')).take(DIGITS);
        let digits = units.bytes().chain(kept);
        let total = digits.fold(0, |total, digit| total * 10 + i128::from(digit - b'0'));
        Self(if value < 0.0 { -total } else { total })
    }

    /// Returns the number `units + fraction · 1e-15`.
    #[must_use]
    pub fn from_parts(units: i64, fraction: i64) -> Self {
        Self(i128::from(units) * SCALE + i128::from(fraction))
    }

    /// Returns the whole units and the fraction in 1e-15, both with the sign of the number.
    ///
    /// Valid for up to 2^63 units; [`LIMIT`](Self::LIMIT) is far below.
    #[must_use]
    pub fn to_parts(self) -> (i64, i64) {
        #[allow(clippy::cast_possible_truncation, reason = "as documented")]
        let parts = ((self.0 / SCALE) as i64, (self.0 % SCALE) as i64);
        parts
    }

    /// Returns the number `scaled · 1e-15`, the inverse of [`scaled`](Self::scaled).
    #[must_use]
    pub fn from_scaled(scaled: i128) -> Self {
        Self(scaled)
    }

    /// Returns the number in units of 1e-15.
    #[must_use]
    pub fn scaled(self) -> i128 {
        self.0
    }

    /// Returns whether the magnitude is at most [`LIMIT`](Self::LIMIT), as in every stored sum.
    #[must_use]
    pub fn is_within_limit(self) -> bool {
        self.0.abs() <= Self::LIMIT.0
    }

    /// Returns the nearest `f64`, ties to even.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.mean_over(1)
    }

    /// Returns the exact mean of a sum of `count` values, rounded once to the nearest `f64`; 0 without
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
    /// Writes all digits, without trailing zeros of the fraction.
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

/// Returns `numerator / denominator`, rounded once to the nearest `f64`, ties to even.
///
/// Long division in binary, until the quotient has more bits than an `f64`. A remainder sets the last bit,
/// which decides only on which side of a tie the quotient is. The conversion of an integer to `f64` rounds to
/// nearest even, and scaling by a power of two is exact: the smallest quotient, 1e-15 over 2^64 values, is
/// far from subnormal.
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
    #[allow(clippy::cast_precision_loss, reason = "the only rounding")]
    let rounded = (quotient | sticky) as f64;
    rounded * 0.5_f64.powi(halvings)
}

#[cfg(test)]
mod tests;
