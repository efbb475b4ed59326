//! Parameters of the query string.

use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaParamIn, MetaSchema, MetaSchemaRef};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use crate::wire::validation::{Checked, Problem};

/// Type of a parameter.
pub(crate) trait Parameter: Sized + Send {
    /// Valid values, as the end of a sentence after "must be".
    const EXPECTED: &'static str;

    /// Schema in the document.
    fn schema() -> MetaSchema;

    /// Parses a value, which may be empty.
    fn parse(text: &str) -> Option<Self>;
}

/// Optional parameter, or the problem of the value.
///
/// Not poem-openapi's query parameter, which takes the first of several values and fails on a wrong value:
/// no value is ignored silently, and one response reports all problems.
pub(crate) struct Query<T>(pub(crate) Checked<Option<T>>);

impl<'a, T: Parameter> ApiExtractor<'a> for Query<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = ();
    type ParamRawType = ();

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Query)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(MetaSchemaRef::Inline(Box::new(T::schema())))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let parameters: Vec<(String, String)> = request.params()?;
        let mut values = parameters
            .iter()
            .filter(|(name, _)| name == options.name)
            .map(|(_, value)| value);
        Ok(Self(match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => match T::parse(value) {
                Some(value) => Ok(Some(value)),
                None => Err(invalid(options.name, T::EXPECTED)),
            },
            (Some(_), Some(_)) => Err(invalid(options.name, "given once")),
        }))
    }
}

/// Problem of a wrong value.
pub(crate) fn invalid(field: &'static str, expected: &'static str) -> Vec<Problem> {
    vec![Problem {
        field: field.into(),
        missing: false,
        expected: expected.into(),
    }]
}

impl Parameter for OffsetDateTime {
    const EXPECTED: &'static str = "a time in RFC 3339 with an offset, such as 2026-01-15T08:30:00Z or 2026-01-15T09:30:00%2B01:00 (in a query, + is a space)";

    fn schema() -> MetaSchema {
        MetaSchema::new_with_format("string", "date-time")
    }

    fn parse(text: &str) -> Option<Self> {
        // Also an offset without a colon, as ISO 8601 has it in its basic form: clients of generators send it.
        let basic = text
            .len()
            .checked_sub(2)
            .and_then(|at| text.split_at_checked(at));
        let extended = basic.map(|(hours, minutes)| format!("{hours}:{minutes}"));
        let parse = |text: &str| Self::parse(text, &Rfc3339).ok();
        parse(text).or_else(|| parse(&extended?))
    }
}

impl Parameter for Date {
    const EXPECTED: &'static str = "a date such as 2026-01-15";

    fn schema() -> MetaSchema {
        MetaSchema::new_with_format("string", "date")
    }

    fn parse(text: &str) -> Option<Self> {
        // The length excludes years with a sign.
        let text = Some(text).filter(|text| text.len() == "2026-01-15".len())?;
        Self::parse(text, format_description!("[year]-[month]-[day]")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_of_a_time_may_have_no_colon() {
        let parse = |text| <OffsetDateTime as Parameter>::parse(text);
        for (basic, extended) in [
            ("2026-01-15T08:30:00+0130", "2026-01-15T08:30:00+01:30"),
            ("2026-01-15T08:30:00.5-1145", "2026-01-15T08:30:00.5-11:45"),
        ] {
            assert!(parse(basic).is_some());
            assert_eq!(parse(basic), parse(extended));
        }
        for text in [
            "",
            "7",
            "2026-01-15T08:30:00",
            "2026-01-15T08:30:00+01",
            "2026-01-15T08:3000Z",
            "é",
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_date_has_four_digits_two_and_two() {
        for text in ["0000-01-01", "2024-02-29", "9999-12-31"] {
            assert!(<Date as Parameter>::parse(text).is_some(), "{text}");
        }
        for text in [
            "",
            "2026-1-15",
            "2026-02-29",
            "2026-13-01",
            "20260115",
            "2026/01/15",
            "-2026-01-15",
            "+2026-1-15",
            "-202-01-15",
            "2026-01-15Z",
            "12026-01-1",
        ] {
            assert!(<Date as Parameter>::parse(text).is_none(), "{text}");
        }
    }
}
