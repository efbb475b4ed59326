//! Every error of the API over real sockets, on both stores: one shape, and nothing changed.

use std::time::Duration;

use async_trait::async_trait;
use poem::http::Method;
use serde_json::{Value, json};
use study_stats::domain::{CourseId, LearnerId, Outcome, Record, Session, SessionId, Totals};
use study_stats::store::{StatsStore, StoreError};

use crate::for_every_store;
use crate::support::api::{Answer, Api, Client, body, new_id, send};
use crate::support::fixture::Fixture;

for_every_store!(
    each_field_that_is_missing_is_required,
    each_field_that_is_wrong_is_invalid,
    the_first_failing_check_decides_and_all_are_listed,
    a_learner_must_be_beyond_doubt,
    wrong_ids_in_a_path_are_invalid,
    a_body_that_is_no_json_object_is_invalid_json,
    a_field_that_stands_twice_is_invalid_json,
    other_content_types_are_unsupported,
    a_body_over_the_limit_is_too_large,
    unknown_paths_are_not_found,
    other_methods_are_not_allowed_and_the_right_ones_are_told,
    a_sane_request_id_is_kept_and_another_is_not,
    odd_requests_do_no_harm,
);

/// Asserts that an answer has the one error shape.
fn assert_error(answer: &Answer, status: u16, message: &str, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=utf-8"),
        "{answer:?}"
    );
    let error = answer.json();
    let members: Vec<_> = error
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(members, ["code", "errors", "message", "requestId"]);
    assert_eq!(
        (error["message"].as_str(), error["code"].as_str()),
        (Some(message), Some(code))
    );
    assert_eq!(error["requestId"].as_str(), answer.header("x-request-id"));
    assert!(error["errors"].is_array());
}

/// The fields that an answer lists as wrong.
fn fields(answer: &Answer) -> Vec<String> {
    let error = answer.json();
    let errors = error["errors"].as_array().unwrap();
    assert!(errors.iter().all(|error| {
        error["message"]
            .as_str()
            .is_some_and(|sentence| sentence.ends_with('.'))
    }));
    errors
        .iter()
        .map(|error| error["field"].as_str().unwrap().to_owned())
        .collect()
}

async fn assert_nothing_stored(client: &Client, learner: &str, course: &str) {
    assert_eq!(client.totals(learner, course).await.status, 404);
}

const BODY_FIELDS: [&str; 4] = [
    "sessionId",
    "totalModulesStudied",
    "averageScore",
    "timeStudied",
];

async fn each_field_that_is_missing_is_required(fixture: Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    for field in BODY_FIELDS {
        for missing in [None, Some(Value::Null), Some("".into())] {
            let mut body = body(1, 2, 3);
            body.as_object_mut().unwrap().remove(field);
            if let Some(missing) = missing {
                body[field] = missing;
            }
            let answer = api.client.post(&learner, &course, &body).await;
            assert_error(
                &answer,
                400,
                &format!("{field} required"),
                "invalid_request",
            );
            assert_eq!(fields(&answer), [field]);
        }
    }
    for answer in [
        api.client.post("", &course, &body(1, 2, 3)).await,
        send(
            api.client
                .request(Method::POST, &format!("/courses/{course}"))
                .json(&body(1, 2, 3)),
        )
        .await
        .unwrap(),
        api.client.totals("", &course).await,
        api.client
            .get("", &format!("/courses/{course}/sessions/{}", new_id()))
            .await,
    ] {
        assert_error(&answer, 400, "userId required", "invalid_request");
    }
    assert_nothing_stored(&api.client, &learner, &course).await;
}

async fn each_field_that_is_wrong_is_invalid(fixture: Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    let not_numbers = [json!("5"), json!(true), json!([]), json!({}), json!(" ")];
    let past = json!(1e12_f64.next_up());
    let wrong_numbers = |more: &[Value]| [&not_numbers, more].concat();
    for (field, wrong) in [
        (
            "sessionId",
            vec![
                json!(5),
                json!("x"),
                json!(true),
                json!([]),
                json!({}),
                json!(new_id().replace('-', "")),
            ],
        ),
        (
            "totalModulesStudied",
            wrong_numbers(&[json!(-1), json!(-1e-9), past.clone(), json!(1e300)]),
        ),
        ("averageScore", wrong_numbers(&[past.clone(), json!(-1e13)])),
        ("timeStudied", wrong_numbers(&[json!(-0.5), past])),
        (
            "occurredAt",
            vec![
                json!(""),
                json!("x"),
                json!(0),
                json!("2026-01-15"),
                json!("2026-01-15T09:30:00"),
            ],
        ),
        (
            "occurredAt",
            vec![
                json!("2026-02-30T00:00:00Z"),
                json!("2026-01-15 09:30"),
                json!([]),
                json!(in_two_days()),
            ],
        ),
    ] {
        for wrong in wrong {
            let mut body = body(1, 2, 3);
            body[field] = wrong;
            let answer = api.client.post(&learner, &course, &body).await;
            assert_error(&answer, 400, &format!("invalid {field}"), "invalid_request");
            assert_eq!(fields(&answer), [field], "{body}");
        }
    }
    // Numbers that JSON can write and no f64 can hold.
    let text = body(1, 2, 3)
        .to_string()
        .replace(r#""averageScore":2"#, r#""averageScore":1e400"#);
    let request = api
        .client
        .posting(&learner, &course)
        .header("content-type", "application/json")
        .body(text);
    assert_error(
        &send(request).await.unwrap(),
        400,
        "invalid averageScore",
        "invalid_request",
    );
    assert_nothing_stored(&api.client, &learner, &course).await;
}

fn in_two_days() -> String {
    humantime::format_rfc3339(std::time::SystemTime::now() + Duration::from_secs(2 * 86_400))
        .to_string()
}

async fn the_first_failing_check_decides_and_all_are_listed(fixture: Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let checks = [
        ("userId", "userId required"),
        ("courseId", "invalid courseId"),
        ("sessionId", "invalid sessionId"),
        ("totalModulesStudied", "invalid totalModulesStudied"),
        ("averageScore", "averageScore required"),
        ("timeStudied", "invalid timeStudied"),
        ("occurredAt", "invalid occurredAt"),
    ];
    for first in 0..checks.len() {
        // All checks from the first on fail.
        let learner = if first == 0 { String::new() } else { new_id() };
        let course = if first <= 1 { "7".into() } else { new_id() };
        let mut body = body(1, 2, 3);
        let wrong = [
            ("sessionId", json!(1)),
            ("totalModulesStudied", json!(-1)),
            ("averageScore", json!(null)),
        ];
        let wrong = wrong
            .into_iter()
            .chain([("timeStudied", json!("x")), ("occurredAt", json!("x"))]);
        for (field, value) in wrong.skip(first.saturating_sub(2)) {
            body[field] = value;
        }
        let answer = api.client.post(&learner, &course, &body).await;
        assert_error(&answer, 400, checks[first].1, "invalid_request");
        assert_eq!(
            fields(&answer),
            checks[first..]
                .iter()
                .map(|(field, _)| *field)
                .collect::<Vec<_>>()
        );
    }
}

async fn a_learner_must_be_beyond_doubt(fixture: Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let course = format!("/courses/{}", new_id());
    let get = |values: &[&[u8]]| {
        values.iter().fold(
            api.client.request(Method::GET, &course),
            |request, value| {
                request.header(
                    "X-User-Id",
                    reqwest::header::HeaderValue::from_bytes(value).unwrap(),
                )
            },
        )
    };
    let (one, other) = (new_id(), new_id());
    let braced = format!("{{{one}}}");
    for request in [
        get(&[b"7"]),
        get(&[b"\xff\xfe"]),
        get(&[braced.as_bytes()]),
        get(&[one.as_bytes(), other.as_bytes()]),
        get(&[b"", one.as_bytes()]),
    ] {
        let answer = send(request).await.unwrap();
        assert_error(&answer, 400, "invalid userId", "invalid_request");
    }
    assert_eq!(send(get(&[one.as_bytes()])).await.unwrap().status, 404);
}

async fn wrong_ids_in_a_path_are_invalid(fixture: Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    for path in [
        "/courses/7",
        "/courses/%00",
        "/courses/%FF",
        "/courses/a%2Fb",
        "/courses/%20",
    ] {
        let answer = api.client.get(&new_id(), path).await;
        assert_error(&answer, 400, "invalid courseId", "invalid_request");
    }
    let answer = api
        .client
        .get(&new_id(), &format!("/courses/{}/sessions/7", new_id()))
        .await;
    assert_error(&answer, 400, "invalid sessionId", "invalid_request");
    let answer = api.client.get(&new_id(), "/courses/7/sessions/7").await;
    assert_error(&answer, 400, "invalid courseId", "invalid_request");
    assert_eq!(fields(&answer), ["courseId", "sessionId"]);
}

/// Posts text as a record of the learner in the course.
async fn post_text(
    client: &Client,
    learner: &str,
    course: &str,
    content_type: &str,
    text: impl Into<Vec<u8>>,
) -> Answer {
    let request = client
        .posting(learner, course)
        .header("content-type", content_type)
        .body(text.into());
    send(request).await.unwrap()
}

async fn a_body_that_is_no_json_object_is_invalid_json(fixture: Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    let good = body(1, 2, 3).to_string();
    let array = json!([new_id(), 1, 2, 3, null]).to_string();
    let latin = good.replace("sessionId", "session\u{e9}").into_bytes();
    let latin: Vec<u8> = latin.into_iter().filter(|byte| *byte != 0xc3).collect();
    let texts: [Vec<u8>; 11] = [
        b"".into(),
        b" ".into(),
        b"null".into(),
        b"5".into(),
        b"\"x\"".into(),
        array.into(),
        b"{".into(),
        b"{\"sessionId\":}".into(),
        good[..good.len() - 1].into(),
        format!("{good}{good}").into(),
        latin,
    ];
    for text in texts {
        let shown = String::from_utf8_lossy(&text).into_owned();
        let answer = post_text(&api.client, &learner, &course, "application/json", text).await;
        assert_eq!(answer.message(), "invalid JSON", "{shown}");
        assert_error(&answer, 400, "invalid JSON", "invalid_json");
    }
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    let answer = post_text(&api.client, &learner, &course, "application/json", deep).await;
    assert_eq!(answer.status, 400);
    assert_nothing_stored(&api.client, &learner, &course).await;
}

async fn a_field_that_stands_twice_is_invalid_json(fixture: Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    let twice = body(1, 2, 3)
        .to_string()
        .replace('}', r#","averageScore":9}"#);
    let answer = post_text(&api.client, &learner, &course, "application/json", twice).await;
    assert_error(&answer, 400, "invalid JSON", "invalid_json");
    assert_nothing_stored(&api.client, &learner, &course).await;
}

async fn other_content_types_are_unsupported(fixture: Fixture) {
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

async fn a_body_over_the_limit_is_too_large(fixture: Fixture) {
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

async fn unknown_paths_are_not_found(fixture: Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let course = format!("/courses/{}/x", new_id());
    for path in [
        "/x",
        "/courses",
        "/courses/",
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

async fn other_methods_are_not_allowed_and_the_right_ones_are_told(fixture: Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let course = format!("/courses/{}", new_id());
    let session = format!("{course}/sessions/{}", new_id());
    for (path, allowed) in [
        (course.as_str(), "GET, HEAD, POST"),
        (&session, "GET, HEAD"),
        ("/health/live", "GET, HEAD"),
        ("/health/ready", "GET, HEAD"),
        ("/openapi.json", "GET, HEAD"),
        ("/docs", "GET, HEAD"),
        ("/", "GET, HEAD"),
    ] {
        for method in [
            "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "POST", "NONSENSE",
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

async fn a_sane_request_id_is_kept_and_another_is_not(fixture: Fixture) {
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

async fn odd_requests_do_no_harm(fixture: Fixture) {
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
        // A client that is still sending when the service closes may see a reset in its place.
        let reset = answer.is_empty() && request.len() > 1 << 20;
        assert!(
            reset || answer.split(' ').nth(1) == Some(status),
            "{}: {answer}",
            &request[..20.min(request.len())]
        );
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

/// A store that fails in a way of its own.
struct Failing(fn() -> StoreError);

#[async_trait]
impl StatsStore for Failing {
    fn name(&self) -> &'static str {
        "failing"
    }

    async fn record_many(&self, records: &[Record]) -> Vec<Result<Outcome, StoreError>> {
        records.iter().map(|_| Err(self.0())).collect()
    }

    async fn session(
        &self,
        _: LearnerId,
        _: CourseId,
        _: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        Err(self.0())
    }

    async fn totals(&self, _: LearnerId, _: CourseId) -> Result<Option<Totals>, StoreError> {
        Err(self.0())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Err(self.0())
    }
}

/// The answers to a record, a session and totals of a store that fails.
async fn answers_of(store: Failing) -> [Answer; 3] {
    let api = Api::serve(std::sync::Arc::new(store)).await;
    let (learner, course) = (new_id(), new_id());
    assert_eq!(api.client.get("", "/health/live").await.status, 200);
    let ready = api.client.ready().await;
    assert!(ready.status == 503 || ready.status == 500, "{ready:?}");
    [
        api.client.post(&learner, &course, &body(1, 2, 3)).await,
        api.client
            .get(
                &learner,
                &format!("/courses/{course}/sessions/{}", new_id()),
            )
            .await,
        api.client.totals(&learner, &course).await,
    ]
}

#[tokio::test]
async fn a_store_that_is_away_is_503_with_a_time_to_retry() {
    for answer in answers_of(Failing(|| StoreError::Unavailable("secret".into()))).await {
        assert_error(&answer, 503, "store unavailable", "store_unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(!answer.text.contains("secret"));
    }
}

#[tokio::test]
async fn a_store_that_answers_wrongly_is_500() {
    for answer in answers_of(Failing(|| StoreError::Unexpected("secret".into()))).await {
        assert_error(&answer, 500, "internal server error", "internal_error");
        assert!(!answer.text.contains("secret"));
    }
}

#[tokio::test]
async fn a_panic_is_500_and_the_connection_goes_on() {
    for answer in answers_of(Failing(|| panic!("a test's own"))).await {
        assert_error(&answer, 500, "internal server error", "internal_error");
    }
}

#[tokio::test]
async fn a_request_that_is_not_done_in_time_is_503() {
    let fixture = Fixture::embedded().await;
    let api = Api::serve_within(fixture.store.clone(), Duration::from_millis(100)).await;
    // The body never comes.
    let head = format!(
        "POST /courses/{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-user-id: {}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{",
        new_id(),
        new_id()
    );
    let answer = api.client.raw(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(
        answer.contains("retry-after: 1\r\n") && answer.contains(r#""code":"request_timeout""#),
        "{answer}"
    );
}

#[tokio::test]
async fn a_draining_service_is_not_ready_and_still_serves() {
    let fixture = Fixture::embedded().await;
    let api = Api::serve(fixture.store.clone()).await;
    assert_eq!(
        api.client.ready().await.json(),
        json!({"status": "ready", "store": "embedded"})
    );
    api.context.start_draining();
    assert_error(&api.client.ready().await, 503, "draining", "draining");
    assert_eq!(
        api.client.get("", "/health/live").await.json(),
        json!({"status": "live"})
    );
    assert_eq!(
        api.client
            .post(&new_id(), &new_id(), &body(1, 2, 3))
            .await
            .status,
        201
    );
}
