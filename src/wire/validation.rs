//! Validation of single fields and the combination of its results: a request reports all its wrong
//! fields at once.

use crate::domain::{CourseId, Enrolment, InvalidId, LearnerId, SessionId};

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The field's name in the API.
    pub(crate) field: &'static str,
    /// Whether the field is missing or empty; else it is there and wrong.
    pub(crate) missing: bool,
    /// What would be right, to stand after "must be".
    pub(crate) expected: &'static str,
}

impl Problem {
    /// The short text that names the problem as an answer's `message`.
    pub(crate) fn summary(&self) -> String {
        let field = self.field;
        if self.missing {
            format!("{field} required")
        } else {
            format!("invalid {field}")
        }
    }

    /// A sentence that says what would be right.
    pub(crate) fn advice(&self) -> String {
        let verb = if self.missing {
            "is required: it"
        } else {
            "is invalid: it"
        };
        format!("{} {verb} must be {}.", self.field, self.expected)
    }
}

/// A value, or all that is wrong with it in the order of the checks.
pub(crate) type Checked<T> = Result<T, Vec<Problem>>;

/// Both values, or the problems of both.
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

/// The enrolment of a learner in a course, or the problems of both ids.
pub(crate) fn enrolment(
    learner: Checked<LearnerId>,
    course: Checked<CourseId>,
) -> Checked<Enrolment> {
    let (learner, course) = both(learner, course)?;
    Ok(Enrolment::new(learner, course))
}

/// One of the API's ids.
pub(crate) trait ApiId: Sized + Send + Sync {
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
