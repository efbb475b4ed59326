//! Learner of a request, from the header `X-User-Id`.

use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaParamIn, MetaSchema, MetaSchemaRef};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::domain::LearnerId;
use crate::wire::validation::{ApiId, Checked};

/// Learner of the request, or the problem of the header.
///
/// Not poem-openapi's header parameter, which skips values that are no text and takes the first of
/// several values: the learner must be beyond doubt.
pub(crate) struct Learner(pub(crate) Checked<LearnerId>);

impl Learner {
    /// Name of the header with the learner's id.
    pub(crate) const HEADER: &'static str = "X-User-Id";
}

impl<'a> ApiExtractor<'a> for Learner {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = true;

    type ParamType = ();
    type ParamRawType = ();

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        // Not the format `uuid`: generated clients fail to write it into a header.
        let schema = MetaSchema {
            pattern: Some("^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$".into()),
            example: Some(LearnerId::EXAMPLE.into()),
            ..MetaSchema::new("string")
        };
        Some(MetaSchemaRef::Inline(Box::new(schema)))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let mut values = request.headers().get_all(Self::HEADER).iter();
        let text = match (values.next(), values.next()) {
            (None, _) => None,
            // An invalid id, for several values and for a value that is no text.
            (Some(_), Some(_)) => Some("several"),
            (Some(value), None) => Some(value.to_str().unwrap_or("not text")),
        };
        Ok(Self(LearnerId::check(text)))
    }
}
