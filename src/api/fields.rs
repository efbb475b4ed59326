//! Checks of single fields, and their combination: a request tells all that is wrong with it at
//! once.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromParameter, ParseResult, Type};

use crate::domain::{CourseId, InvalidId, LearnerId, SessionId};

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// The field's name in the API.
    pub(super) field: &'static str,
    /// Whether the field is missing or empty; else it is there and wrong.
    pub(super) missing: bool,
    /// What would be right, to stand after "must be".
    pub(super) expected: &'static str,
}

impl Problem {
    /// The short text that names the problem as an answer's `message`.
    pub(super) fn summary(&self) -> String {
        let field = self.field;
        if self.missing {
            format!("{field} required")
        } else {
            format!("invalid {field}")
        }
    }

    /// A sentence that says what would be right.
    pub(super) fn advice(&self) -> String {
        let verb = if self.missing {
            "is required: it"
        } else {
            "is invalid: it"
        };
        format!("{} {verb} must be {}.", self.field, self.expected)
    }
}

/// A value, or all that is wrong with it in the order of the checks.
pub(super) type Checked<T> = Result<T, Vec<Problem>>;

/// Both values, or the problems of both.
pub(super) fn both<A, B>(first: Checked<A>, second: Checked<B>) -> Checked<(A, B)> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(mut problems), Err(more)) => {
            problems.extend(more);
            Err(problems)
        }
        (Err(problems), _) | (_, Err(problems)) => Err(problems),
    }
}

/// One of the API's ids.
pub(super) trait ApiId: Sized + Send + Sync {
    /// Its name in the API.
    const FIELD: &'static str;

    /// Reads its text.
    fn parse(text: &str) -> Result<Self, InvalidId>;

    /// Checks what arrived in its place.
    fn check(text: Option<&str>) -> Checked<Self> {
        const EXPECTED: &str = "a hyphenated UUID such as 0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f";
        let problem = |missing| {
            vec![Problem {
                field: Self::FIELD,
                missing,
                expected: EXPECTED,
            }]
        };
        // Spelled out: poem-openapi's `Type` has an `is_empty` too, which says no of any text.
        let text = text
            .filter(|text| !str::is_empty(text))
            .ok_or_else(|| problem(true))?;
        Self::parse(text).map_err(|_| problem(false))
    }
}

impl ApiId for LearnerId {
    const FIELD: &'static str = "userId";

    fn parse(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}

impl ApiId for CourseId {
    const FIELD: &'static str = "courseId";

    fn parse(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}

impl ApiId for SessionId {
    const FIELD: &'static str = "sessionId";

    fn parse(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}

/// The schema of an id.
pub(super) fn id_schema() -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "uuid")))
}

/// An id in the path. A wrong one does not fail the extraction, so that the handler can tell all
/// problems of the request at once.
pub(super) struct PathId<T>(pub(super) Checked<T>);

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
