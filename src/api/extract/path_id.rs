//! The id in a path.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromParameter, ParseResult, Type};

use crate::wire::validation::{ApiId, Checked};

/// The schema of an id.
pub(crate) fn id_schema() -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "uuid")))
}

/// An id in the path. A wrong one does not fail the extraction, so that the handler can tell all
/// problems of the request at once.
pub(crate) struct PathId<T>(pub(crate) Checked<T>);

impl<T: ApiId> Type for PathId<T> {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> std::borrow::Cow<'static, str> {
        "string_uuid".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        id_schema()
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

impl<T: ApiId> ParseFromParameter for PathId<T> {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        Ok::<_, ParseError<Self>>(Self(T::check(Some(value))))
    }

    fn parse_from_parameters<I: IntoIterator<Item = A>, A: AsRef<str>>(
        values: I,
    ) -> ParseResult<Self> {
        // The path always has the parameter; poem leaves out one that does not decode to UTF-8.
        match values.into_iter().next() {
            Some(value) => Self::parse_from_parameter(value.as_ref()),
            None => Self::parse_from_parameter("not text"),
        }
    }
}
