//! Conditional reads: who has an answer already need not be sent it again.

use std::hash::{DefaultHasher, Hasher};
use std::marker::PhantomData;

use poem::http::{StatusCode, header};
use poem::{IntoResponse, Request, RequestBody, Response};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaParamIn, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef,
    Registry,
};
use poem_openapi::types::{ToJSON, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions};

/// The tags of the answers that the client has, as the header `If-None-Match` lists them.
pub(crate) struct IfNoneMatch(Vec<u8>);

impl IfNoneMatch {
    /// The answer to a read of `body`.
    pub(crate) fn answer<T: ToJSON>(&self, body: &T) -> Read<T> {
        let body = body.to_json_string();
        let tag = tag(&body);
        Read {
            body: Some(body).filter(|_| !self.lists(&tag)),
            tag,
            of: PhantomData,
        }
    }

    /// Whether a tag is listed, be it as a weak one. Ours has no comma, nor can a tag have its
    /// quotes within, so that commas part the list well enough.
    fn lists(&self, tag: &str) -> bool {
        let mut tags = self.0.split(|c| *c == b',').map(<[u8]>::trim_ascii);
        self.0.trim_ascii() == b"*"
            || tags.any(|listed| listed.strip_prefix(b"W/").unwrap_or(listed) == tag.as_bytes())
    }
}

/// The tag of a body: of its bytes and nothing else, so that all replicas give the same one. Those of
/// another release may give another; then an answer is sent once more.
fn tag(body: &str) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(body.as_bytes());
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
        Ok(Self(lines.join(&b',')))
    }
}

/// The answer to a conditional read of a `T`.
pub(crate) struct Read<T> {
    tag: String,
    /// The JSON of the `T`, where the client does not have it.
    body: Option<String>,
    of: PhantomData<T>,
}

impl<T: Type + ToJSON> IntoResponse for Read<T> {
    fn into_response(self) -> Response {
        let response = Response::builder()
            .header(header::ETAG, self.tag)
            // Else a cache might answer with what was true a while ago, or for another learner.
            .header(header::CACHE_CONTROL, "no-cache");
        match self.body {
            Some(body) => response.content_type(Json::<T>::CONTENT_TYPE).body(body),
            None => response.status(StatusCode::NOT_MODIFIED).finish(),
        }
    }
}

impl<T: Type + ToJSON> ApiResponse for Read<T> {
    fn meta() -> MetaResponses {
        let json = MetaMediaType {
            content_type: Json::<T>::CONTENT_TYPE,
            schema: T::schema_ref(),
        };
        MetaResponses {
            responses: vec![
                documented(StatusCode::OK, "What is asked for.", vec![json]),
                documented(
                    StatusCode::NOT_MODIFIED,
                    "If-None-Match lists the tag of what is asked for: the client has it.",
                    Vec::new(),
                ),
            ],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

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
        description: Some("Names this very answer; to be sent as If-None-Match.".into()),
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
    use super::*;

    #[test]
    fn a_tag_is_found_in_any_list_that_has_it() {
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
            let condition = IfNoneMatch(header.into());
            assert_eq!(condition.lists(tag), lists, "{header}");
        }
    }
}
