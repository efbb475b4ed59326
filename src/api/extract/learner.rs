//! Who the request is about: the learner that `X-User-Id` names.

use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaParamIn, MetaSchemaRef};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::path_id::id_schema;
use crate::domain::LearnerId;
use crate::wire::validation::{ApiId, Checked};

/// The learner, as far as the header names one.
///
/// Not poem-openapi's own header parameter, which passes over values that are no text and takes the
/// first of several: whose data is meant must be beyond doubt.
pub(crate) struct Learner(pub(crate) Checked<LearnerId>);

impl<'a> ApiExtractor<'a> for Learner {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = true;

    type ParamType = ();
    type ParamRawType = ();

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(id_schema())
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let mut values = request.headers().get_all(options.name).iter();
        let text = match (values.next(), values.next()) {
            (None, _) => None,
            // A text that is no id stands for several values, and for one that is no text.
            (Some(_), Some(_)) => Some("several"),
            (Some(value), None) => Some(value.to_str().unwrap_or("not text")),
        };
        Ok(Self(LearnerId::check(text)))
    }
}
