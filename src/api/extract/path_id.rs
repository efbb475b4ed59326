//! Ids in the path.

use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaParamIn, MetaSchema, MetaSchemaRef};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::wire::validation::{ApiId, Checked};

/// Id in the path, or the problem of the id.
///
/// Not poem-openapi's path parameter, which fails on a wrong id and hides the other problems of the
/// request. The name is `Path` because poem-openapi's macro recognizes path parameters by the name of the
/// type.
pub(crate) struct Path<T>(pub(crate) Checked<T>);

impl<'a, T: ApiId> ApiExtractor<'a> for Path<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = true;

    type ParamType = ();
    type ParamRawType = ();

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Path)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        let schema = MetaSchema {
            example: Some(T::EXAMPLE.into()),
            ..MetaSchema::new_with_format("string", "uuid")
        };
        Some(MetaSchemaRef::Inline(Box::new(schema)))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        // The route always has the parameter; poem drops a value that does not decode to UTF-8.
        let text = request.raw_path_param(options.name).unwrap_or("not text");
        Ok(Self(T::check(Some(text))))
    }
}
