//! Validation of fields, and the combination of the results: a response reports all wrong fields.

use std::borrow::Cow;

use crate::domain::{CourseId, Enrolment, InvalidId, LearnerId, SessionId};

/// Problem of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Name of the field in the API, or the name of an unknown parameter.
    pub(crate) field: Cow<'static, str>,
    /// True for a missing or empty field, false for a wrong value.
    pub(crate) missing: bool,
    /// Valid values, as the end of a sentence after "must be".
    pub(crate) expected: Cow<'static, str>,
}

impl Problem {
    /// Short text for the `message` of an error response.
    pub(crate) fn summary(&self) -> String {
        let field = &self.field;
        if self.missing {
            format!("{field} required")
        } else {
            format!("invalid {field}")
        }
    }

    /// Sentence for the client about valid values.
    pub(crate) fn advice(&self) -> String {
        let verb = if self.missing {
            "is required: it"
        } else {
            "is invalid: it"
        };
        format!("{} {verb} must be {}.", self.field, self.expected)
    }
}

/// Value, or all problems of the value in the order of the checks.
pub(crate) type Checked<T> = Result<T, Vec<Problem>>;

/// Combines two results: both values, or the problems of both.
pub(crate) fn both<A, B>(first: Checked<A>, second: Checked<B>) -> Checked<(A, B)> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(mut problems), Err(more)) => {
            problems.extend(more);
            Err(problems)
        }
        (Err(problems), _) | (_, Err(problems)) => Err(problems),
    }
}

/// Combines two ids: the enrolment, or the problems of both ids.
pub(crate) fn enrolment(
    learner: Checked<LearnerId>,
    course: Checked<CourseId>,
) -> Checked<Enrolment> {
    let (learner, course) = both(learner, course)?;
    Ok(Enrolment::new(learner, course))
}

/// Id in the API.
pub(crate) trait ApiId: Sized + Send + Sync {
    /// Name of the field with the id.
    const FIELD: &'static str;
    /// Id in the examples of the document.
    const EXAMPLE: &'static str;

    /// Parses an id.
    fn parse(text: &str) -> Result<Self, InvalidId>;

    /// Validates the text of the field; an empty text counts as missing.
    fn check(text: Option<&str>) -> Checked<Self> {
        const EXPECTED: &str = "a hyphenated UUID such as 0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f";
        let problem = |missing| {
            vec![Problem {
                field: Self::FIELD.into(),
                missing,
                expected: EXPECTED.into(),
            }]
        };
        // The full path, as poem-openapi's `Type` has an `is_empty` that is false for every text.
        let text = text
            .filter(|text| !str::is_empty(text))
            .ok_or_else(|| problem(true))?;
        Self::parse(text).map_err(|_| problem(false))
    }
}

impl ApiId for LearnerId {
    const FIELD: &'static str = "userId";
    const EXAMPLE: &'static str = "0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e01";

    fn parse(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}

impl ApiId for CourseId {
    const FIELD: &'static str = "courseId";
    const EXAMPLE: &'static str = "5f2b8a52-6d0e-4c8e-9a57-3c1d2e4f5a6b";

    fn parse(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}

impl ApiId for SessionId {
    const FIELD: &'static str = "sessionId";
    const EXAMPLE: &'static str = "0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f";

    fn parse(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}
