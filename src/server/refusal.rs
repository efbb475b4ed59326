//! Refusals of requests that are no HTTP. hyper answers them by itself, without a body: the stream of the
//! connection replaces these answers by errors of the API's shape.

use std::sync::Arc;
use std::time::Duration;

use poem::http::StatusCode;

use crate::api;
use crate::telemetry::Throttle;
use crate::telemetry::metrics;

/// Start of an answer with a status of 400 to 499.
const START: &[u8] = b"HTTP/1.1 4";
/// Header that every answer of the API has, and no answer of hyper.
const REQUEST_ID: &[u8] = b"x-request-id";
/// Length of the answer in hyper's head, which has no body.
const NO_BODY: &str = "content-length: 0\r\n";

/// Log of refusals, shared by all connections.
#[derive(Clone, Default)]
pub(super) struct Refusals(Arc<Throttle>);

impl Refusals {
    /// Returns the answer to send in place of the answer of hyper that `bytes` are; `None` for all other
    /// bytes. Logs and counts the refusal.
    pub(super) fn in_place_of(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if !bytes.starts_with(START) {
            return None;
        }
        let end = bytes.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
        let is_own = bytes[..end]
            .windows(REQUEST_ID.len())
            .any(|name| name.eq_ignore_ascii_case(REQUEST_ID));
        if is_own || end != bytes.len() {
            return None;
        }
        let head = str::from_utf8(bytes).ok()?;
        let status = StatusCode::from_bytes(head.get(9..12)?.as_bytes()).ok()?;
        let (request_id, body) = api::refusal(status);
        let headers = format!(
            "content-type: application/json; charset=utf-8\r\ncontent-length: {}\r\n\
             cache-control: no-store\r\nconnection: close\r\nx-request-id: {request_id}\r\n",
            body.len()
        );
        if let Some(metrics) = metrics::get() {
            metrics
                .http
                .other(None, "", status.as_u16(), Duration::ZERO);
        }
        self.0.add(move |requests| {
            let status = status.as_u16();
            tracing::info!(
                requests,
                status,
                request_id,
                "requests that are no HTTP were refused"
            );
        });
        Some((head.replacen(NO_BODY, &headers, 1) + &body).into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_an_answer_of_hyper_is_replaced() {
        let refusals = Refusals::default();
        let bare = "HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\
                    date: Fri, 27 Nov 2026 12:00:00 GMT\r\n\r\n";
        let answer = refusals.in_place_of(bare.as_bytes()).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}\r\n", body.len())),
            "{head}"
        );
        assert!(head.contains("date: Fri"), "{head}");
        assert!(body.contains(r#""code":"header_too_large""#), "{body}");
        for other in [
            bare.replacen("431", "500", 1),
            bare.replacen("date:", "X-Request-Id: 7\r\ndate:", 1),
            bare.to_owned() + "{}",
            bare[..20].to_owned(),
        ] {
            assert_eq!(refusals.in_place_of(other.as_bytes()), None, "{other}");
        }
    }
}
