//! Refusal of requests whose framing hyper accepts, but another server on the way could read differently.

use std::sync::Arc;

use futures_util::FutureExt;
use poem::Request;
use poem::http::{HeaderMap, HeaderName, Version, header};
use tokio::sync::Notify;

use crate::api::respond::error::ApiError;

/// Mark on the requests of a connection over the limit of connections: only probes are served.
#[derive(Debug, Clone, Copy)]
pub struct OnlyProbes;

/// Mark on a request with a chunked body; notified where the client announces a chunk that no body may have.
#[derive(Debug, Clone, Default)]
pub struct HugeChunk(Arc<Notify>);

impl HugeChunk {
    /// Reports such a chunk where `read`, the bytes of a read from the connection, ends with the line of its size. hyper
    /// would wait for the data of the chunk until the request times out.
    pub fn find_in(&self, read: &[u8]) {
        let line = read.strip_suffix(b"\r\n").unwrap_or_default();
        let start = line.windows(2).rposition(|end| end == b"\r\n");
        let line = start.map_or(&b""[..], |start| &line[start + 2..]);
        let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let size = size.trim_ascii();
        if size.len() > HUGE_DIGITS && size.iter().all(u8::is_ascii_hexdigit) {
            self.0.notify_one();
        }
    }

    /// Forgets a report at the end of a request: the end of a body that is not chunked can have the form of such a
    /// line.
    pub fn forget(&self) {
        // A new `Notified` is ready at once where a report is kept.
        let _ = self.announced().now_or_never();
    }

    /// Waits for such a chunk.
    pub(crate) async fn announced(&self) {
        self.0.notified().await;
    }
}

/// Maximum number of hexadecimal digits of the size of a chunk: 4 GiB, far beyond every limit of a body.
const HUGE_DIGITS: usize = 8;

/// Start of the paths of the probes.
const PROBES: &str = "/health/";

/// Checks the framing of a request.
///
/// # Errors
///
/// A request of HTTP/1.1 has no header `Host` or several (RFC 9112, 3.2), a body has another transfer coding
/// than `chunked` (RFC 9112, 6.1), or the connection is only for probes.
pub(super) fn check(request: &Request) -> Result<(), ApiError> {
    let headers = request.headers();
    let hosts = headers.get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Err(ApiError::malformed_request().closing());
    }
    let mut codings = elements(headers, &header::TRANSFER_ENCODING);
    if !codings.all(|coding| coding.eq_ignore_ascii_case(b"chunked")) {
        return Err(ApiError::unknown_transfer_coding().closing());
    }
    let is_probe = request.uri().path().starts_with(PROBES);
    if !is_probe && request.extensions().get::<OnlyProbes>().is_some() {
        return Err(ApiError::overloaded().closing());
    }
    Ok(())
}

/// Elements of a header that is a list, of all its lines.
pub(crate) fn elements<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(name).iter();
    let elements = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    elements.map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_size_of_a_huge_chunk_at_the_end_of_a_read_is_reported() {
        for (read, is_huge) in [
            ("POST / HTTP/1.1\r\n\r\nffffffffffffffff\r\n", true),
            ("\r\n1FFFFFFFF;x=y\r\n", true),
            ("\r\nffffffff\r\n", false),
            ("\r\nfffffffffffffffg\r\n", false),
            ("ffffffffffffffff\r\n", false),
            ("\r\nffffffffffffffff\r\n{", false),
            ("\r\n\r\n", false),
            ("", false),
        ] {
            let chunk = HugeChunk::default();
            chunk.find_in(read.as_bytes());
            let reported = chunk.announced().now_or_never().is_some();
            assert_eq!(reported, is_huge, "{read:?}");
        }
    }
}
