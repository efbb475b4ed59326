//! What is wrong with a request as such, over real sockets, on both stores: its path, its method, its
//! type, its size, its form.

use poem::http::Method;

use crate::for_both_stores;
use crate::support::api::{
    Answer, Api, assert_error, assert_nothing_stored, body, new_id, post_text, send,
};
use crate::support::fixture::Fixture;

for_both_stores!(
    other_content_types_are_unsupported,
    a_body_over_the_limit_is_too_large,
    unknown_paths_are_not_found,
    other_methods_are_not_allowed_and_the_right_ones_are_told,
    a_sane_request_id_is_kept_and_another_is_not,
    odd_requests_do_no_harm,
);

async fn other_content_types_are_unsupported(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course, good) = (new_id(), new_id(), body(1, 2, 3).to_string());
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
        "x",
        "json",
    ] {
        let answer = post_text(&api.client, &learner, &course, content_type, good.clone()).await;
        assert_error(
            &answer,
            415,
            "unsupported content type",
            "unsupported_content_type",
        );
    }
    let without = send(api.client.posting(&learner, &course).body(good.clone()))
        .await
        .unwrap();
    assert_error(
        &without,
        415,
        "unsupported content type",
        "unsupported_content_type",
    );
    assert_closes(&without);
    let packed = api
        .client
        .posting(&learner, &course)
        .header("content-type", "application/json");
    let packed = send(packed.header("content-encoding", "gzip").body(good.clone()))
        .await
        .unwrap();
    assert_error(
        &packed,
        415,
        "unsupported content type",
        "unsupported_content_type",
    );
    assert_nothing_stored(&api.client, &learner, &course).await;

    for content_type in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/ld+json",
    ] {
        let answer = post_text(&api.client, &learner, &course, content_type, good.clone()).await;
        assert_eq!(answer.status, 201, "{content_type}");
    }
}

/// The rest of the body was not read: who sent it must not use the connection again.
fn assert_closes(answer: &Answer) {
    assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
}

async fn a_body_over_the_limit_is_too_large(fixture: &Fixture) {
    const LIMIT: usize = 64 << 10;
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    let padded = |length: usize| {
        let good = body(1, 2, 3).to_string();
        format!("{}{good}", " ".repeat(length - good.len()))
    };
    let answer = post_text(
        &api.client,
        &learner,
        &course,
        "application/json",
        padded(LIMIT + 1),
    )
    .await;
    assert_error(&answer, 413, "body too large", "body_too_large");
    assert_closes(&answer);
    assert_nothing_stored(&api.client, &learner, &course).await;

    // Without a length in front; it must not be read to its end either.
    let chunk = format!("{:x}\r\n{}\r\n", LIMIT, " ".repeat(LIMIT));
    let head = format!(
        "POST /courses/{course} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-user-id: {learner}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{chunk}1\r\n \r\n"
    );
    let answer = api.client.raw(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");

    let answer = post_text(
        &api.client,
        &learner,
        &course,
        "application/json",
        padded(LIMIT),
    )
    .await;
    assert_eq!(answer.status, 201);
}

async fn unknown_paths_are_not_found(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let course = format!("/courses/{}/x", new_id());
    for path in [
        "/x",
        "/courses/",
        "/sessions/",
        &course,
        "/docs/x",
        "/health",
        "/favicon.ico",
        "//",
    ] {
        for method in [Method::GET, Method::POST] {
            let request = api
                .client
                .request(method, path)
                .header("X-User-Id", new_id())
                .json(&body(1, 2, 3));
            assert_error(&send(request).await.unwrap(), 404, "not found", "not_found");
        }
    }
}

async fn other_methods_are_not_allowed_and_the_right_ones_are_told(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let course = format!("/courses/{}", new_id());
    let sessions = format!("{course}/sessions");
    let session = format!("{sessions}/{}", new_id());
    let (activity, summary) = (format!("{course}/activity"), format!("{course}/summary"));
    for (path, allowed) in [
        ("/courses", "DELETE, GET, HEAD"),
        (course.as_str(), "DELETE, GET, HEAD, POST"),
        (&sessions, "GET, HEAD"),
        (&session, "DELETE, GET, HEAD"),
        (&activity, "GET, HEAD"),
        (&summary, "GET, HEAD"),
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

async fn a_sane_request_id_is_kept_and_another_is_not(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let long = "x".repeat(129);
    let asked = async |id: Option<&str>| {
        let request = api.client.request(Method::GET, "/x");
        let answer = send(
            id.into_iter()
                .fold(request, |request, id| request.header("X-Request-Id", id)),
        )
        .await;
        let answer = answer.unwrap();
        assert_error(&answer, 404, "not found", "not_found");
        answer.header("x-request-id").unwrap().to_owned()
    };
    for sane in ["7", "a-b_c.d:e/f+g=", &long[1..]] {
        assert_eq!(asked(Some(sane)).await, sane);
    }
    let mut new = vec![asked(None).await];
    for other in ["", " ", "a b", "<script>", "é", &long] {
        new.push(asked(Some(other)).await);
    }
    assert!(
        new.iter().all(|id| uuid::Uuid::parse_str(id).is_ok()),
        "{new:?}"
    );
    new.dedup();
    assert_eq!(new.len(), 7);
    let fine = api
        .client
        .request(Method::GET, "/health/live")
        .header("X-Request-Id", "7");
    assert_eq!(send(fine).await.unwrap().header("x-request-id"), Some("7"));
}

async fn odd_requests_do_no_harm(fixture: &Fixture) {
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
