//! Exact fixed-point arithmetic for sums.
//!
//! Stores keep sums by additions and subtractions. A sum of floats depends on the order of the values, and
//! drifts when values are added and subtracted again. A sum of integers does neither, so a sum is a whole
//! number of 1e-22: any order of records, replacements and deletes gives the same digits as a recount.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};
use std::str::FromStr;

use ethnum::{I256, U256};

/// Number of decimal places.
const PLACES: usize = 22;
/// Scaled value of 1: 10 to the power of [`PLACES`].
const SCALE: I256 = I256::new(10_000_000_000_000_000_000_000);

/// Exact number with 22 decimal places: an integer, scaled by 1e-22.
///
/// 22 places are enough for the shortest decimal text of every `f64` from 5e-7, with its up to 17 significant
/// digits; [`rounded`](Self::rounded) numbers have no more. An integer of 256 bits has room for the sums of
/// 1e30 learners at the limit of an enrolment.
///
/// Redis computes the same in `store/redis/scripts/arithmetic.lua`; a test runs the same random histories on
/// both and compares the digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(I256);

/// Error of a text that is not the canonical text of a [`Decimal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number in its canonical spelling")]
pub struct InvalidDecimal;

impl Decimal {
    /// Maximum magnitude of a sum of an enrolment after a record: 9e15.
    pub const LIMIT: Self = Self(I256::new(
        9_000_000_000_000_000 * 10_000_000_000_000_000_000_000,
    ));

    /// Rounds a number to 22 decimal places, half to even, and then to the nearest `f64`. Zero has no sign.
    ///
    /// Only magnitudes below 5e-7 can change. The shortest decimal text of the result has at most 22 places.
    #[must_use]
    pub fn rounded(value: f64) -> f64 {
        // Shortest texts have up to 17 significant digits.
        if value.abs() >= 5e-7 || value == 0.0 || !value.is_finite() {
            return value + 0.0;
        }
        let text = value.to_string();
        let (sign, digits) = text
            .strip_prefix('-')
            .map_or(("", &*text), |digits| ("-", digits));
        let Some((kept, rest)) = digits.split_at_checked("0.".len() + PLACES) else {
            return value;
        };
        // Below 5e-7, the units are 0, and the digits of the fraction fit in an `u128`.
        let scaled = kept.bytes().skip(2).fold(0, add_digit);
        let is_tie = rest.trim_end_matches('0') == "5";
        let rises = if is_tie { scaled % 2 == 1 } else { rest >= "5" };
        let nearest = format!("{sign}{}e-{PLACES}", scaled + u128::from(rises));
        nearest.parse::<f64>().unwrap_or(value) + 0.0
    }

    /// Returns the contribution of `value` to a sum: the shortest decimal text of the `f64`, whole.
    ///
    /// `value` must be [`rounded`](Self::rounded), with a magnitude up to
    /// [`MAX_MAGNITUDE`](super::MAX_MAGNITUDE), as [`Amount`](super::Amount) and [`Score`](super::Score)
    /// ensure.
    #[must_use]
    pub fn contribution_of(value: f64) -> Self {
        if value.fract() == 0.0 {
            #[allow(
                clippy::cast_possible_truncation,
                reason = "whole, and within MAX_MAGNITUDE"
            )]
            let whole = value as i64;
            return Self(I256::from(whole) * SCALE);
        }
        // Rust's text of an f64 is the shortest decimal that parses to the same f64, without exponent.
        let text = value.to_string();
        let magnitude = text.trim_start_matches('-');
        let (units, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
        let kept = fraction.bytes().chain(std::iter::repeat(b'0')).take(PLACES);
        // 13 digits of the units and 22 of the fraction fit in 128 bits.
        let scaled = I256::from(units.bytes().chain(kept).fold(0, add_digit));
        Self(if value < 0.0 { -scaled } else { scaled })
    }

    /// Returns the number `scaled · 1e-22`, the inverse of [`scaled`](Self::scaled).
    #[must_use]
    pub fn from_scaled(scaled: I256) -> Self {
        Self(scaled)
    }

    /// Returns the number in units of 1e-22.
    #[must_use]
    pub fn scaled(self) -> I256 {
        self.0
    }

    /// Returns whether the magnitude is at most [`LIMIT`](Self::LIMIT).
    #[must_use]
    pub fn is_within_limit(self) -> bool {
        self.0.unsigned_abs() <= Self::LIMIT.0.unsigned_abs()
    }

    /// Returns the sum of two numbers; `None` where the sum has no room in 256 bits, as no sum of sessions
    /// has.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
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
        let denominator = SCALE.unsigned_abs() * U256::from(count);
        let quotient = nearest_quotient(self.0.unsigned_abs(), denominator);
        if self.0 < 0 { -quotient } else { quotient }
    }
}

/// Appends a decimal digit, as ASCII, to a number.
fn add_digit(number: u128, digit: u8) -> u128 {
    number * 10 + u128::from(digit - b'0')
}

impl fmt::Display for Decimal {
    /// Writes all digits, without trailing zeros of the fraction: the canonical text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (scaled, one) = (self.0.unsigned_abs(), SCALE.unsigned_abs());
        let (units, fraction) = (scaled / one, scaled % one);
        if fraction == 0 {
            return write!(f, "{sign}{units}");
        }
        let fraction = format!("{fraction:0>width$}", width = PLACES);
        write!(f, "{sign}{units}.{}", fraction.trim_end_matches('0'))
    }
}

impl FromStr for Decimal {
    type Err = InvalidDecimal;

    /// Parses the canonical text of a number, as [`Display`](fmt::Display) writes the text.
    fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
        let magnitude = text.strip_prefix('-').unwrap_or(text);
        let (units, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
        if fraction.len() > PLACES {
            return Err(InvalidDecimal);
        }
        let digits = format!("{units}{fraction:0<PLACES$}");
        let scaled = I256::from_str(&digits).map_err(|_| InvalidDecimal)?;
        let decimal = Self(if text.starts_with('-') {
            -scaled
        } else {
            scaled
        });
        // Any other spelling, such as "+1", "01", "1.0" or "-0", is not canonical.
        if decimal.to_string() == text {
            Ok(decimal)
        } else {
            Err(InvalidDecimal)
        }
    }
}

impl Add for Decimal {
    type Output = Self;

    /// Wraps around at 2^256: only numbers that no client can record reach the bound.
    fn add(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

impl Sub for Decimal {
    type Output = Self;

    /// Wraps around, as the addition does.
    fn sub(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }
}

impl Sum for Decimal {
    fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
        values.fold(Self::default(), Self::add)
    }
}

/// Returns `numerator / denominator`, rounded once to the nearest `f64`, ties to even. Both are below 2^255.
///
/// Long division in binary, until the quotient has more bits than an `f64`. A remainder, or bits that are cut
/// off, set the last bit, which decides only on which side of a tie the quotient is. The conversion of an
/// integer to `f64` rounds to nearest even, and scaling by a power of two is exact: the smallest quotient,
/// 1e-22 over 2^64 values, is far from subnormal.
fn nearest_quotient(numerator: U256, denominator: U256) -> f64 {
    let mut quotient = numerator / denominator;
    let mut remainder = numerator % denominator;
    let mut exponent = 0;
    while remainder != 0 && quotient < U256::from(1_u128 << 64) {
        remainder <<= 1;
        quotient <<= 1;
        if remainder >= denominator {
            remainder -= denominator;
            quotient |= 1;
        }
        exponent -= 1;
    }
    let mut is_cut = remainder != 0;
    while quotient > U256::from(u128::MAX) {
        is_cut |= quotient & 1 == 1;
        quotient >>= 1;
        exponent += 1;
    }
    #[allow(clippy::cast_precision_loss, reason = "the only rounding")]
    let rounded = (quotient.as_u128() | u128::from(is_cut)) as f64;
    rounded * 2.0_f64.powi(exponent)
}

#[cfg(test)]
mod tests;
