//! Numbers in JSON.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ToJSON, Type};
use serde_json::Value;

/// Finite number in a response. Whole numbers have no fraction: 15, not 15.0.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Number(pub(crate) f64);

impl Type for Number {
    const IS_REQUIRED: bool = true;

    type RawValueType = f64;
    type RawElementValueType = f64;

    fn name() -> Cow<'static, str> {
        "number_double".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("number", "double")))
    }

    fn as_raw_value(&self) -> Option<&f64> {
        Some(&self.0)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a f64> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

impl ToJSON for Number {
    fn to_json(&self) -> Option<Value> {
        Some(json(self.0))
    }
}

/// JSON of a finite number.
pub(crate) fn json(number: f64) -> Value {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "compared with the number below"
    )]
    let whole = number as i64;
    #[allow(
        clippy::cast_precision_loss,
        clippy::float_cmp,
        reason = "the comparison is exact"
    )]
    let is_whole = whole as f64 == number && whole != i64::MAX;
    if is_whole {
        whole.into()
    } else {
        number.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_no_fraction_and_fractions_keep_every_digit() {
        for (number, text) in [
            (5.0, "5"),
            (0.0, "0"),
            (-3.0, "-3"),
            (1e12, "1000000000000"),
            (9.216e18, "9216000000000000000"),
            (0.840_136_556_537_863_9, "0.8401365565378639"),
            (8.166_666_666_666_666, "8.166666666666666"),
            (-1e-7, "-1e-7"),
        ] {
            assert_eq!(Number(number).to_json().unwrap().to_string(), text);
        }
    }
}
