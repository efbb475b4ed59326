//! Files of the pages: compressed once, with ETags and the headers of a page.

use std::io::{self, Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use poem::http::header::{self, HeaderName};
use poem::http::{HeaderMap, StatusCode};
use poem::{Endpoint, Request, Response};

use crate::api::middleware::framing::elements;
use crate::api::respond::error::ApiError;
use crate::api::respond::etag;

/// Policy of the pages: nothing from another origin, and no script but the files of the service. Swagger UI sets
/// styles of elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Headers of every file. A browser asks whether its copy is current, as the files change with the service.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "no-cache"),
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::VARY, "Accept-Encoding"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// Constant file.
pub(super) struct Asset {
    content_type: &'static str,
    gzip: Bytes,
    tag: String,
}

impl Asset {
    /// Compresses a text.
    ///
    /// # Errors
    ///
    /// The compression fails.
    pub(super) fn compress(content_type: &'static str, text: &str) -> io::Result<Self> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text.as_bytes())?;
        Ok(Self::compressed(content_type, encoder.finish()?))
    }

    /// File that is compressed already.
    pub(super) fn compressed(content_type: &'static str, gzip: impl Into<Bytes>) -> Self {
        let gzip = gzip.into();
        Self {
            content_type,
            tag: etag::tag(&gzip),
            gzip,
        }
    }

    fn respond(&self, headers: &HeaderMap) -> Result<Response, ApiError> {
        let mut response = Response::builder().header(header::ETAG, &self.tag);
        for (name, value) in HEADERS {
            response = response.header(name, value);
        }
        let known = headers.get(header::IF_NONE_MATCH);
        if known.is_some_and(|known| etag::lists(known.as_bytes(), &self.tag)) {
            return Ok(response.status(StatusCode::NOT_MODIFIED).finish());
        }
        let response = response.content_type(self.content_type);
        if accepts_gzip(headers) {
            let response = response.header(header::CONTENT_ENCODING, "gzip");
            return Ok(response.body(self.gzip.clone()));
        }
        let mut plain = Vec::new();
        let read = GzDecoder::new(&*self.gzip).read_to_end(&mut plain);
        read.map_err(ApiError::internal)?;
        Ok(response.body(plain))
    }
}

impl Endpoint for Asset {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        Ok(self.respond(request.headers())?)
    }
}

/// Returns whether the client accepts gzip (RFC 9110, 12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    elements(headers, &header::ACCEPT_ENCODING).any(|element| {
        let mut parts = element.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let is_gzip = parts
            .next()
            .is_some_and(|coding| coding.eq_ignore_ascii_case(b"gzip"));
        let is_refused =
            |weight: &[u8]| matches!(weight, b"q=0" | b"q=0.0" | b"q=0.00" | b"q=0.000");
        is_gzip && !parts.any(is_refused)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_clients_that_accept_it() {
        for (accepted, is_accepted) in [
            ("", false),
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0, br", false),
            ("deflate, br", false),
            ("xgzip", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, accepted.parse().unwrap());
            assert_eq!(accepts_gzip(&headers), is_accepted, "{accepted}");
        }
    }
}
