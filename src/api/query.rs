//! The parameters of the query string, and what they mean together.

use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaParamIn, MetaSchema, MetaSchemaRef};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use super::cursor::Cursor;
use super::fields::{Checked, Problem, both};
use crate::domain::{Slice, Span};

/// A value that a parameter can have.
pub(super) trait Parameter: Sized + Send {
    /// What would be right, to stand after "must be".
    const EXPECTED: &'static str;

    /// How the document describes it.
    fn schema() -> MetaSchema;

    /// Reads its text, which may be empty.
    fn parse(text: &str) -> Option<Self>;
}

/// A parameter that may be left out, as far as it is right.
///
/// Not poem-openapi's own, which takes the first of several and fails by itself: nothing that was
/// asked for may silently become something else, and all problems are told at once.
pub(super) struct Query<T>(pub(super) Checked<Option<T>>);

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

fn invalid(field: &'static str, expected: &'static str) -> Vec<Problem> {
    vec![Problem {
        field,
        missing: false,
        expected,
    }]
}

impl Parameter for OffsetDateTime {
    const EXPECTED: &'static str = "a time in RFC 3339 with an offset, such as 2026-01-15T08:30:00Z or 2026-01-15T09:30:00%2B01:00 (in a query, + is a space)";

    fn schema() -> MetaSchema {
        MetaSchema::new_with_format("string", "date-time")
    }

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text, &Rfc3339).ok()
    }
}

impl Parameter for Date {
    const EXPECTED: &'static str = "a date such as 2026-01-15";

    fn schema() -> MetaSchema {
        MetaSchema::new_with_format("string", "date")
    }

    fn parse(text: &str) -> Option<Self> {
        // Its length tells it from years with a sign.
        let text = Some(text).filter(|text| text.len() == "2026-01-15".len())?;
        Self::parse(text, format_description!("[year]-[month]-[day]")).ok()
    }
}

/// How many items a page may have.
pub(super) struct Limit(usize);

impl Limit {
    const DEFAULT: usize = 50;
    /// The document's bounds of a page say the same.
    const MAX: usize = 500;
}

impl Parameter for Limit {
    const EXPECTED: &'static str = "a whole number from 1 to 500";

    fn schema() -> MetaSchema {
        MetaSchema {
            default: Some(Self::DEFAULT.into()),
            minimum: Some(1.0),
            maximum: Some(500.0),
            ..MetaSchema::new("integer")
        }
    }

    fn parse(text: &str) -> Option<Self> {
        // A number in Rust may also have a sign.
        let digits = Some(text).filter(|text| text.bytes().all(|c| c.is_ascii_digit()))?;
        let limit = digits.parse().ok()?;
        (1..=Self::MAX).contains(&limit).then_some(Self(limit))
    }
}

/// The instants from `from` until just before `to`.
pub(super) fn span(from: Query<OffsetDateTime>, to: Query<OffsetDateTime>) -> Checked<Span> {
    let (from, to) = both(from.0, to.0)?;
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err(invalid("to", "a time that is not before from"));
    }
    Ok(Span {
        from: from.map_or(Span::ALL.from, next_millis),
        last: to.map_or(Span::ALL.last, |to| next_millis(to) - 1),
    })
}

/// The first whole millisecond that is not before a time: sessions have no finer ones.
fn next_millis(time: OffsetDateTime) -> i64 {
    let millis = (time.unix_timestamp_nanos() + 999_999).div_euclid(1_000_000);
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a time has four digits of years"
    )]
    let millis = millis as i64;
    millis
}

/// The part of a list that a page has.
pub(super) fn slice<const LIST: u8>(
    limit: Query<Limit>,
    cursor: Query<Cursor<LIST>>,
) -> Checked<Slice> {
    let (limit, cursor) = both(limit.0, cursor.0)?;
    Ok(Slice {
        after: cursor.map(|cursor| cursor.0),
        limit: limit.map_or(Limit::DEFAULT, |limit| limit.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_whole_number_from_1_to_500() {
        for (text, limit) in [("1", 1), ("050", 50), ("500", 500)] {
            assert_eq!(Limit::parse(text).map(|limit| limit.0), Some(limit));
        }
        let huge = "9".repeat(1_000);
        for text in [
            "", "0", "501", "-1", "+1", "5.0", "5e1", " 5", "5 ", "٥", "x", &huge,
        ] {
            assert!(Limit::parse(text).is_none(), "{text}");
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

    #[test]
    fn a_span_has_the_whole_milliseconds_from_one_time_until_before_another() {
        let at = |text| Query(Ok(<OffsetDateTime as Parameter>::parse(text)));
        for (from, to, first, last) in [
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z", 0, 999),
            (
                "1970-01-01T00:00:00.0001Z",
                "1970-01-01T00:00:00.0011Z",
                1,
                1,
            ),
            ("1969-12-31T23:59:59.9991Z", "1970-01-01T00:00:00Z", 0, -1),
            (
                "1970-01-01T01:00:00+01:00",
                "1969-12-31T23:00:00.001-01:00",
                0,
                0,
            ),
        ] {
            let expected = Span { from: first, last };
            assert_eq!(span(at(from), at(to)), Ok(expected), "{from} {to}");
        }
        let all = span(Query(Ok(None)), Query(Ok(None)));
        assert_eq!(all, Ok(Span::ALL));
        assert!(span(at("1970-01-01T00:00:00Z"), at("1969-12-31T23:59:59.9999Z")).is_err());
    }
}
