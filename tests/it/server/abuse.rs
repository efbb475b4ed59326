//! Clients that break the rules of HTTP, idle or half-close, over real sockets.

use serde_json::Value;
use study_stats::server::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::api::{Api, Settings, new_id};
use crate::support::eventually;
use crate::support::http::raw;
use crate::support::processes::service::{Service, embedded};
use crate::support::stores::fixture::Fixture;

/// API on an empty store, with a maximum number of connections.
async fn serve(max_connections: usize) -> (Api, Fixture) {
    let fixture = Fixture::embedded().await;
    let settings = Settings::default();
    let settings = Settings {
        limits: Limits {
            max_connections,
            ..settings.limits
        },
        ..settings
    };
    let api = Api::serve_with(fixture.store.clone(), settings).await;
    (api, fixture)
}

/// Status of a response, and the code of the error. Asserts the shape of the error.
fn error_of(answer: &str) -> (String, String) {
    let (head, body) = answer.split_once("\r\n\r\n").expect(answer);
    let body: Value = serde_json::from_str(body).expect(answer);
    let id = body["requestId"].as_str().unwrap();
    assert!(head.contains(&format!("x-request-id: {id}")), "{answer}");
    assert!(head.contains("cache-control: no-store"), "{answer}");
    assert!(head.contains("connection: close"), "{answer}");
    assert_eq!(body["errors"], Value::Array(Vec::new()), "{answer}");
    let status = head.split(' ').nth(1).unwrap();
    (status.to_owned(), body["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_request_against_the_rules_of_http_gets_an_error_of_the_usual_shape() {
    let (api, _fixture) = serve(100).await;
    let long = "y".repeat(20 << 10);
    let get = "GET /health/live HTTP/1.1\r\n";
    let post = format!("POST /courses/{} HTTP/1.1\r\nhost: x\r\n", new_id());
    for (request, status, code) in [
        ("nonsense\r\n\r\n", "400", "malformed_request"),
        (
            "GET / HTTP/1.1\r\nhost x\r\n\r\n",
            "400",
            "malformed_request",
        ),
        (
            "GET / HTTP/3.7\r\nhost: x\r\n\r\n",
            "400",
            "malformed_request",
        ),
        (
            &*format!("{get}x: {long}\r\n\r\n"),
            "431",
            "header_too_large",
        ),
        (&*format!("{get}\r\n"), "400", "malformed_request"),
        (
            &*format!("{get}host: x\r\nHost: y\r\n\r\n"),
            "400",
            "malformed_request",
        ),
        (
            &*format!("{post}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
            "501",
            "unknown_transfer_coding",
        ),
        (
            &*format!(
                "{post}transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            "501",
            "unknown_transfer_coding",
        ),
        (
            &*format!("{post}content-length: 1\r\ncontent-length: 2\r\n\r\nxx"),
            "400",
            "malformed_request",
        ),
    ] {
        let answer = api.client.raw(request.as_bytes()).await;
        let expected = (status.to_owned(), code.to_owned());
        assert_eq!(error_of(&answer), expected, "{request}");
    }
    // HTTP/1.0 has no `Host`.
    let answer = api.client.raw(b"GET /health/live HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
}

#[tokio::test]
async fn a_huge_chunk_is_too_large_at_once() {
    let (api, _fixture) = serve(100).await;
    let head = format!(
        "POST /courses/{} HTTP/1.1\r\nhost: x\r\nx-user-id: {}\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\n",
        new_id(),
        new_id()
    );
    // In one write with the head, and after it. Without the check, the response comes after the timeout of a test.
    let request = format!("{head}ffffffffffffffff\r\n");
    let together = api.client.raw(request.as_bytes());
    assert_eq!(error_of(&together.await).0, "413");
    let mut stream = raw::connect(api.client.address, 1).await.remove(0);
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"1\r\n{\r\n").await.unwrap();
    tokio::task::yield_now().await;
    stream.write_all(b"fffffffffff\r\n").await.unwrap();
    let answer = raw::closed(&mut stream).await;
    assert_eq!(error_of(&answer).0, "413");
}

#[tokio::test]
async fn the_end_of_a_body_that_looks_like_a_huge_chunk_concerns_no_later_request() {
    let (api, _fixture) = serve(100).await;
    let mut stream = raw::connect(api.client.address, 1).await.remove(0);
    let body = "\r\nfffffffff\r\n";
    let request = format!("{}\r\n{body}", raw::post_head(body.len()));
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 400");
    let chunked = raw::post_head(0).replace(
        "content-length: 0",
        "connection: close\r\ntransfer-encoding: chunked",
    );
    stream
        .write_all(format!("{chunked}\r\n").as_bytes())
        .await
        .unwrap();
    tokio::task::yield_now().await;
    stream.write_all(b"2\r\n{}\r\n0\r\n\r\n").await.unwrap();
    let answer = raw::closed(&mut stream).await;
    assert!(answer.contains("sessionId required"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_of_the_http_library_are_counted_and_logged() {
    const REQUESTS: usize = 50;
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(embedded(directory.path()).env("METRICS_PORT", "0"));
    for _ in 0..REQUESTS {
        let answer = service.client().raw(b"nonsense\r\n\r\n").await;
        assert_eq!(error_of(&answer).0, "400");
    }
    let metrics = service.metrics().await.get("", "/metrics").await.text;
    let counted = format!(
        r#"study_stats_http_request_duration_seconds_count{{method="other",route="none",status="400"}} {REQUESTS}"#
    );
    assert!(metrics.contains(&counted), "{metrics}");
    let lines = eventually("all refusals are logged", || async {
        let lines = service.lines("are no HTTP");
        let logged = lines.iter().map(|line| line["requests"].as_u64().unwrap());
        (logged.sum::<u64>() == REQUESTS as u64).then_some(lines)
    })
    .await;
    assert!(lines.len() < REQUESTS / 2, "{lines:?}");
    assert_eq!(lines[0]["status"], 400);
}

#[tokio::test]
async fn a_client_that_half_closes_after_a_request_gets_the_response() {
    let (api, _fixture) = serve(100).await;
    for path in ["/health/live", "/docs", "/courses"] {
        let request = raw::get_head(path);
        let mut stream = raw::connect(api.client.address, 1).await.remove(0);
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = raw::closed(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 "), "{path}: {answer}");
    }
}

#[tokio::test]
async fn the_longest_idle_connection_gives_its_place_to_a_new_one() {
    let (api, _fixture) = serve(3).await;
    let mut streams = raw::connect(api.client.address, 3).await;
    for stream in &mut streams {
        raw::get(stream, "/health/live").await;
    }
    raw::get(&mut streams[0], "/health/live").await;
    // The second stream idles longest, and then the third.
    for longest in [1, 2, 0] {
        let mut new = raw::connect(api.client.address, 1).await.remove(0);
        let answer = raw::get(&mut new, "/courses").await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert_eq!(raw::closed(&mut streams[longest]).await, "");
        streams[longest] = new;
        let others = (0..3).filter(|other| *other != longest);
        for other in others {
            assert!(raw::is_open(&streams[other]), "{other} after {longest}");
        }
    }
}

#[tokio::test]
async fn probes_have_a_place_where_all_connections_have_requests() {
    let (api, _fixture) = serve(2).await;
    let mut busy = raw::connect(api.client.address, 2).await;
    for stream in &mut busy {
        raw::partial_post(stream, "{}").await;
    }
    // Silent connections over the limit idle, and give way.
    let _silent = raw::connect(api.client.address, 30).await;
    for path in ["/health/live", "/health/ready"] {
        let mut probe = raw::connect(api.client.address, 1).await.remove(0);
        let answer = raw::get(&mut probe, path).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    let request = raw::get_head("/courses");
    let answer = api.client.raw(request.as_bytes()).await;
    let overloaded = ("503".to_owned(), "overloaded".to_owned());
    assert_eq!(error_of(&answer), overloaded);
    for stream in &mut busy {
        stream.write_all(b"}").await.unwrap();
        let answer = raw::answer(stream).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_service_drains_each_response_closes_its_connection() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(embedded(directory.path()).env("DRAIN_DELAY", "1h"));
    let mut stream = raw::connect(service.address(), 1).await.remove(0);
    let answer = raw::get(&mut stream, "/health/live").await;
    assert!(!answer.contains("connection: close"), "{answer}");
    service.signal("TERM");
    let client = service.client();
    eventually("it is not ready", || async {
        (client.ready().await.message() == "draining").then_some(())
    })
    .await;
    let answer = raw::get(&mut stream, "/health/live").await;
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(raw::closed(&mut stream).await, "");
}
