//! HTTP/1.1 on both stores: requests written by hand; methods, paths and headers that proxies change.

use poem::http::Method;

use crate::for_both_stores;
use crate::support::api::{
    Answer, Api, assert_error, assert_nothing_stored, body, new_id, post_text, send, session_path,
};
use crate::support::http::batch::{batch, modules, new_record};
use crate::support::stores::fixture::Fixture;

for_both_stores!(
    a_refused_body_closes_the_connection,
    a_chunked_record_over_the_limit_is_too_large,
    a_chunked_batch_may_have_a_mebibyte,
    paths_that_proxies_change_are_refused,
    other_methods_are_405_with_the_allowed_methods,
    head_has_the_length_of_the_body,
    unusual_and_malformed_requests_do_no_harm,
);

/// Asserts that the response closes the connection: the server has not read the rest of the body.
fn assert_closes(answer: &Answer) {
    assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
}

async fn a_refused_body_closes_the_connection(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course, good) = (new_id(), new_id(), body(1, 2, 3).to_string());
    let untyped = api.client.posting(&learner, &course).body(good.clone());
    let untyped = send(untyped).await.unwrap();
    assert_eq!(untyped.status, 415);
    assert_closes(&untyped);
    let large = format!("{}{good}", " ".repeat((64 << 10) + 1 - good.len()));
    let large = post_text(&api.client, &learner, &course, "application/json", large).await;
    assert_eq!(large.status, 413);
    assert_closes(&large);
    assert_nothing_stored(&api.client, &learner, &course).await;
}

async fn a_chunked_record_over_the_limit_is_too_large(fixture: &Fixture) {
    const LIMIT: usize = 64 << 10;
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    // The server responds before the last chunk; the client never sends the last chunk.
    let chunk = format!("{:x}\r\n{}\r\n", LIMIT, " ".repeat(LIMIT));
    let head = format!(
        "POST /courses/{course} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-user-id: {learner}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{chunk}1\r\n \r\n"
    );
    let answer = api.client.raw(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

async fn a_chunked_batch_may_have_a_mebibyte(fixture: &Fixture) {
    const LIMIT: usize = 1 << 20;
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let record = new_record();
    let batch = batch([record.clone()]);
    let padded = format!("{}{batch}", " ".repeat(LIMIT - batch.len()));
    let chunked = |end: &str| {
        format!(
            "POST /sessions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
             transfer-encoding: chunked\r\n\r\n{LIMIT:x}\r\n{padded}\r\n{end}",
        )
    };
    // The server responds before the last chunk; the client never sends the last chunk.
    let answer = client.raw(chunked("1\r\n \r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(
        modules(client, &record).await,
        serde_json::Value::Null,
        "no session is stored"
    );
    let answer = client.raw(chunked("0\r\n\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(modules(client, &record).await, 1);
}

async fn paths_that_proxies_change_are_refused(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let learner = new_id();
    for method in [Method::GET, Method::POST] {
        let request = api.client.request(method, "//");
        let request = request.header("X-User-Id", &learner).json(&body(1, 2, 3));
        let answer = send(request).await.unwrap();
        assert_error(&answer, 404, "not found", "not_found");
    }
    let answer = api.client.get(&learner, "/courses/%00").await;
    assert_error(&answer, 400, "invalid courseId", "invalid_request");
}

async fn other_methods_are_405_with_the_allowed_methods(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let course = format!("/courses/{}", new_id());
    let sessions = format!("{course}/sessions");
    let session = format!("{sessions}/{}", new_id());
    let (activity, summary) = (format!("{course}/activity"), format!("{course}/summary"));
    let learners = format!("{course}/learners");
    for (path, allowed) in [
        ("/courses", "GET, HEAD"),
        ("/learner", "DELETE"),
        ("/activity", "GET, HEAD"),
        (course.as_str(), "DELETE, GET, HEAD, POST"),
        (&sessions, "GET, HEAD"),
        (&session, "DELETE, GET, HEAD"),
        (&activity, "GET, HEAD"),
        (&summary, "GET, HEAD"),
        (&learners, "GET, HEAD"),
        ("/sessions", "POST"),
        ("/health/live", "GET, HEAD"),
        ("/health/ready", "GET, HEAD"),
        ("/openapi.json", "GET, HEAD"),
        ("/docs", "GET, HEAD"),
        ("/", "GET, HEAD"),
    ] {
        for method in [
            "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "POST", "GET", "NONSENSE",
        ] {
            if allowed.contains(method) {
                continue;
            }
            let request = api
                .client
                .request(Method::from_bytes(method.as_bytes()).unwrap(), path);
            let answer = send(request.header("X-User-Id", new_id())).await.unwrap();
            assert_error(&answer, 405, "method not allowed", "method_not_allowed");
            assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
        }
    }
}

async fn head_has_the_length_of_the_body(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course, body) = (new_id(), new_id(), body(1, 2, 3));
    api.client.post(&learner, &course, &body).await;
    let session = session_path(&course, &body);
    let missing = format!("/courses/{}", new_id());
    let course = format!("/courses/{course}");
    let [sessions, activity, summary] =
        ["sessions", "activity", "summary"].map(|below| format!("{course}/{below}"));
    for path in [
        &course,
        &session,
        &missing,
        &sessions,
        &activity,
        &summary,
        "/courses",
        "/courses?limit=0",
        "/health/live",
        "/health/ready",
        "/openapi.json",
        "/docs",
    ] {
        let get = api.client.get(&learner, path).await;
        let head = api.client.request(Method::HEAD, path);
        let head = send(head.header("X-User-Id", &learner)).await.unwrap();
        assert!(!get.text.is_empty(), "{path}");
        let length = get.text.len().to_string();
        assert_eq!(get.header("content-length"), Some(&*length), "{path}");
        assert_eq!(head.header("content-length"), Some(&*length), "{path}");
    }
}

async fn unusual_and_malformed_requests_do_no_harm(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let course = format!("/courses/{}", new_id());
    let huge_header = format!(
        "GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n",
        "y".repeat(10 << 20)
    );
    for (request, status) in [
        (
            "CONNECT example.org:80 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
            "404",
        ),
        (
            "OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
            "404",
        ),
        (
            "GET http://example.org/health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
            "200",
        ),
        ("GET /health/live HTTP/1.0\r\n\r\n", "200"),
        (
            "GET /../health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
            "404",
        ),
        ("nonsense\r\n\r\n", "400"),
        (&huge_header, "431"),
    ] {
        let answer = api.client.raw(request.as_bytes()).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
    }
    let broken = format!(
        "POST {course} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-user-id: {}\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\nnot a length\r\n",
        new_id()
    );
    let answer = api.client.raw(broken.as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 400 ") && answer.contains("incomplete body"),
        "{answer}"
    );
    assert_eq!(api.client.ready().await.status, 200);
}
