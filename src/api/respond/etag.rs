//! Conditional reads: a response that the client has already is sent as 304, without a body.

use std::hash::{DefaultHasher, Hasher};
use std::marker::PhantomData;

use bytes::Bytes;
use poem::http::{StatusCode, header};
use poem::{IntoResponse, Request, RequestBody, Response};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaParamIn, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef,
    Registry,
};
use poem_openapi::types::{ToJSON, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions};

use super::error::ApiError;
use crate::api::middleware::body_budget::{Budget, Peer};

/// ETags of responses that the client has, from the header `If-None-Match`.
pub(crate) struct IfNoneMatch {
    tags: Vec<u8>,
    peer: Peer,
}

impl IfNoneMatch {
    /// Name of the header.
    pub(crate) const HEADER: &'static str = "If-None-Match";

    /// Response with `body`, with memory from `budget`, or 304 if the header lists the ETag of the body.
    pub(crate) fn respond<T: ToJSON>(
        &self,
        body: &T,
        budget: &Budget,
    ) -> Result<Conditional<T>, ApiError> {
        let body = body.to_json_string();
        let tag = tag(body.as_bytes());
        let body = if lists(&self.tags, &tag) {
            None
        } else {
            Some(budget.account(self.peer).body(body)?)
        };
        Ok(Conditional {
            body,
            tag,
            schema: PhantomData,
        })
    }
}

/// Returns whether the value of the header lists an ETag, also as a weak ETag. Splits at commas: the
/// service's ETags have no comma, and no ETag has a quote inside.
pub(crate) fn lists(header: &[u8], tag: &str) -> bool {
    let mut tags = header.split(|c| *c == b',').map(<[u8]>::trim_ascii);
    header.trim_ascii() == b"*"
        || tags.any(|listed| listed.strip_prefix(b"W/").unwrap_or(listed) == tag.as_bytes())
}

/// ETag of a body: a hash of the bytes alone, equal on all replicas. Another release may hash differently;
/// the response is then sent in full once.
pub(crate) fn tag(body: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    format!("\"{:016x}\"", hasher.finish())
}

impl<'a> ApiExtractor<'a> for IfNoneMatch {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = ();
    type ParamRawType = ();

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(String::schema_ref())
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let lines = request.headers().get_all(header::IF_NONE_MATCH);
        let lines: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
        Ok(Self {
            tags: lines.join(&b','),
            peer: request.into(),
        })
    }
}

/// Response to a conditional read, with a `T` in JSON.
pub(crate) struct Conditional<T> {
    tag: String,
    /// JSON of the `T`; `None` for 304.
    body: Option<Bytes>,
    schema: PhantomData<fn() -> T>,
}

impl<T: Type + ToJSON> IntoResponse for Conditional<T> {
    fn into_response(self) -> Response {
        let response = Response::builder()
            .header(header::ETAG, self.tag)
            // A shared cache could respond with the data of another learner, any cache with old data.
            .header(header::CACHE_CONTROL, "private, no-cache")
            .header(header::VARY, "X-User-Id, Authorization");
        match self.body {
            Some(body) => response.content_type(Json::<T>::CONTENT_TYPE).body(body),
            None => response.status(StatusCode::NOT_MODIFIED).finish(),
        }
    }
}

impl<T: Type + ToJSON> ApiResponse for Conditional<T> {
    fn meta() -> MetaResponses {
        let json = MetaMediaType {
            content_type: Json::<T>::CONTENT_TYPE,
            schema: T::schema_ref(),
        };
        MetaResponses {
            responses: vec![
                documented(StatusCode::OK, "The requested data.", vec![json]),
                documented(
                    StatusCode::NOT_MODIFIED,
                    "The client has the requested data: If-None-Match lists their ETag. There is no body, so clients must take 304 for a success.",
                    Vec::new(),
                ),
            ],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// Response with the header `ETag` in the document.
fn documented(
    status: StatusCode,
    description: &'static str,
    content: Vec<MetaMediaType>,
) -> MetaResponse {
    let schema = MetaSchema {
        example: Some("\"5d1b8f5cd0a3e29b\"".into()),
        ..MetaSchema::new("string")
    };
    let tag = MetaHeader {
        name: "ETag".into(),
        description: Some("Tag of this body, to be sent as If-None-Match.".into()),
        required: true,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(schema)),
    };
    MetaResponse {
        description,
        status: Some(status.as_u16()),
        status_range: None,
        content,
        headers: vec![tag],
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_etag_is_found_in_every_form_of_the_list() {
        let tag = "\"a\"";
        for (header, lists) in [
            ("", false),
            ("*", true),
            (" * ", true),
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("w/\"a\"", false),
            ("a", false),
            ("\"b\"", false),
            ("\"A\"", false),
            ("\"b\",\"a\"", true),
            ("\"b\" ,\t W/\"a\" , ", true),
            ("\"b\", *", false),
            ("\"a", false),
            ("\"aa\"", false),
            ("W/W/\"a\"", false),
        ] {
            assert_eq!(super::lists(header.as_bytes(), tag), lists, "{header}");
        }
    }
}
