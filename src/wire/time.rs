//! Times and days in JSON.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{Example, ToJSON, Type};
use serde_json::Value;
use time::{Date, UtcDateTime};

use crate::domain::rfc_3339;

// Defines a string type with a format of JSON Schema. A stored value may have no text, so the text is
// formatted before the response begins.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident in $format:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub(crate) struct $name(String);

        impl Type for $name {
            const IS_REQUIRED: bool = true;

            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                concat!("string_", $format).into()
            }

            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", $format)))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(self.as_raw_value().into_iter())
            }
        }

        impl ToJSON for $name {
            fn to_json(&self) -> Option<Value> {
                Some(Value::String(self.0.clone()))
            }
        }
    };
}

text! {
    /// Instant in RFC 3339 and UTC, without a fraction of zero.
    Instant in "date-time"
}
text! {
    /// Calendar day.
    Day in "date"
}

/// Error of a stored value without a text in the format; no record can have the value. The message is for
/// the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unwritable(pub(crate) String);

impl Instant {
    /// Instant of milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) fn new(millis: i64) -> Result<Self, Unwritable> {
        let text = rfc_3339(millis);
        let text = text.ok_or_else(|| Unwritable("a stored time cannot be written".into()))?;
        Ok(Self(text))
    }
}

impl Day {
    /// Day of a [`day_number`].
    pub(crate) fn new(number: i32) -> Result<Self, Unwritable> {
        let julian = number.saturating_add(UtcDateTime::UNIX_EPOCH.to_julian_day());
        let date = Date::from_julian_day(julian).map_err(|error| Unwritable(error.to_string()))?;
        Ok(Self(date.to_string()))
    }
}

impl Example for Instant {
    fn example() -> Self {
        Self("2026-01-15T08:30:00Z".into())
    }
}

impl Example for Day {
    fn example() -> Self {
        Self("2026-01-15".into())
    }
}

/// Number of a day: days since 1970-01-01.
pub(crate) fn day_number(date: Date) -> i32 {
    date.to_julian_day() - UtcDateTime::UNIX_EPOCH.to_julian_day()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_have_no_fraction_of_zero() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (1_768_465_800_500, "2026-01-15T08:30:00.5Z"),
            (-62_167_219_200_000, "0000-01-01T00:00:00Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Instant::new(millis).unwrap().0, text);
        }
        for millis in [i64::MIN, -62_167_219_200_001, 253_402_300_800_000, i64::MAX] {
            assert!(Instant::new(millis).is_err(), "{millis}");
        }
    }

    #[test]
    fn days_convert_to_numbers_and_back() {
        for (number, text) in [
            (0, "1970-01-01"),
            (-719_528, "0000-01-01"),
            (20_468, "2026-01-15"),
        ] {
            assert_eq!(Day::new(number).unwrap().0, text);
        }
        for number in [i32::MIN, i32::MAX] {
            assert!(Day::new(number).is_err(), "{number}");
        }
        assert_eq!(day_number(time::macros::date!(2026 - 01 - 15)), 20_468);
    }
}
