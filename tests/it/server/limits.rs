//! Limits on clients: request heads, timeouts, connections, over real sockets.

use std::future::pending;
use std::time::Duration;

use poem::endpoint::{make, make_sync};
use poem::http::Method;
use poem::{Endpoint, Request, Response};
use study_stats::server::{self, Limits, Worker, allow_open_files};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::support::api::{Api, Client, Settings, body, new_id, send};
use crate::support::http::raw;
use crate::support::processes::service::{Service, embedded, under_limit};
use crate::support::stores::fixture::Fixture;
use crate::support::{TIMEOUT, eventually};

/// Short timeout, which the test waits for.
const SHORT: Duration = Duration::from_millis(100);
/// Maximum number of connections of a test, and of the service in the same process.
const FILES: usize = 8_192;

/// API on an empty store, under changed limits.
async fn serve(change: impl FnOnce(&mut Limits)) -> (Api, Fixture) {
    let fixture = Fixture::embedded().await;
    let mut settings = Settings::default();
    change(&mut settings.limits);
    (
        Api::serve_with(fixture.store.clone(), settings).await,
        fixture,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_silent_and_slow_clients_do_not_block_a_client() {
    const EACH: usize = 1_000;
    allow_open_files(FILES);
    let directory = tempfile::tempdir().unwrap();
    // No timeout closes the slow connections.
    let service = Service::start(embedded(directory.path()).envs([
        ("HEADER_TIMEOUT", "1h"),
        ("REQUEST_TIMEOUT", "1h"),
        ("STORE_TIMEOUT", "1h"),
        ("MAX_REQUESTS", "1"),
    ]));
    let silent = raw::connect(service.address(), EACH).await;
    let heads = raw::drip(
        raw::connect(service.address(), EACH).await,
        b"GET / HTTP/1.1\r\nx: ",
    );
    let mut bodies = raw::connect(service.address(), EACH).await;
    for stream in &mut bodies {
        raw::partial_post(stream, &" ".repeat(10_000)).await;
    }
    let bodies = raw::drip(bodies, b" ");

    let (client, learner, course) = (service.client(), new_id(), new_id());
    for sessions in 1..=100 {
        let recorded = client.post(&learner, &course, &body(1, 2, 3)).await;
        assert_eq!(recorded.status, 201, "{recorded:?}");
        let totals = client.totals(&learner, &course).await.json();
        assert_eq!(totals["totalModulesStudied"], sessions);
    }
    assert_eq!(client.ready().await.status, 200);
    assert!(silent.iter().all(raw::is_open), "they were there all along");
    assert_eq!((heads.len(), bodies.len()), (EACH, EACH));
}

#[tokio::test]
async fn a_request_head_past_the_timeout_closes_the_connection() {
    let (api, _fixture) = serve(|limits| limits.header_timeout = SHORT).await;
    let address = api.client.address;
    let mut used = raw::connect_and_send(address, raw::get_head("/health/live").as_bytes());
    raw::answer(&mut used).await;
    for begun in ["", "GET / HTTP/1.1\r\nx: "] {
        let mut stream = raw::connect_and_send(address, begun.as_bytes());
        assert_eq!(raw::closed(&mut stream).await, "");
    }
    let slow = raw::drip(raw::connect(address, 1).await, b"x").join_all();
    let slow = timeout(TIMEOUT, slow).await;
    assert!(slow.is_ok(), "it cannot send for longer");
    // Longer than the timeout of a first request head.
    let answer = raw::get(&mut used, "/health/live").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn a_connection_past_the_idle_timeout_is_closed() {
    let (api, _fixture) = serve(|limits| limits.idle_timeout = SHORT).await;
    let mut streams = raw::connect(api.client.address, 2).await;
    let (new, used) = streams.split_at_mut(1);
    raw::get(&mut used[0], "/health/live").await;
    assert_eq!(raw::closed(&mut used[0]).await, "");
    let answer = raw::get(&mut new[0], "/health/live").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn a_request_head_may_have_16_kib() {
    const LIMIT: usize = 16 << 10;
    let (api, _fixture) = serve(|_| {}).await;
    let head = |length: usize| {
        let (start, end) = ("GET /health/live HTTP/1.1\r\nhost: x\r\nx: ", "\r\n\r\n");
        format!(
            "{start}{}{end}",
            "y".repeat(length - start.len() - end.len())
        )
    };
    for (length, status) in [(LIMIT, "200"), (LIMIT + 1, "431")] {
        let mut stream = raw::connect(api.client.address, 1).await.remove(0);
        stream.write_all(head(length).as_bytes()).await.unwrap();
        let answer = raw::answer(&mut stream).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
    }
}

#[tokio::test]
async fn a_client_with_a_too_large_body_can_read_the_refusal() {
    let (api, _fixture) = serve(|_| {}).await;
    // More than the socket buffers of the kernel.
    let too_much = " ".repeat(16 << 20);
    for (request, status) in [
        (format!("GET / HTTP/1.1\r\nx: {too_much}"), "431"),
        (raw::post_head(too_much.len()) + "\r\n" + &too_much, "413"),
    ] {
        let mut stream = raw::connect(api.client.address, 1).await.remove(0);
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = raw::closed(&mut stream).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
    }
}

#[tokio::test]
async fn a_body_past_the_timeout_closes_the_connection() {
    let fixture = Fixture::embedded().await;
    let settings = Settings {
        request_timeout: SHORT,
        ..Settings::default()
    };
    let api = Api::serve_with(fixture.store.clone(), settings).await;
    let begun = raw::post_head(100) + "\r\n{";
    let mut stream = raw::connect_and_send(api.client.address, begun.as_bytes());
    let answer = raw::closed(&mut stream).await;
    assert!(answer.contains(r#""code":"request_timeout""#), "{answer}");
}

/// Serves an endpoint without the request middleware of the API.
async fn serve_endpoint(app: impl Endpoint<Output = Response> + 'static) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(listener.local_addr().unwrap());
    let limits = Settings::default().limits;
    let workers = vec![Worker::new(Handle::current(), app)];
    tokio::spawn(server::serve(listener, workers, limits, pending()));
    client
}

#[tokio::test]
async fn large_bodies_pass_whole_in_both_directions() {
    let echo = make(async |request: Request| {
        let body = request.into_body().into_bytes().await?;
        Ok::<_, poem::Error>(Response::builder().body(body))
    });
    let client = serve_endpoint(echo).await;
    let body: String = (0..200_000).map(|number| format!("{number},")).collect();
    assert!(body.len() > 1 << 20);
    let request = client.request(Method::POST, "/").body(body.clone());
    assert!(send(request).await.unwrap().text == body);
}

#[tokio::test]
async fn an_uncaught_panic_closes_only_the_connection_of_the_request() {
    let client = serve_endpoint(make_sync(|request: Request| {
        assert_eq!(request.uri().path(), "/", "a test's own");
        Response::default()
    }))
    .await;
    let mut other = raw::connect(client.address, 1).await.remove(0);
    raw::get(&mut other, "/").await;
    assert_eq!(client.raw(raw::get_head("/x").as_bytes()).await, "");
    raw::get(&mut other, "/").await;
    assert_eq!(client.get("", "/").await.status, 200);
}

#[tokio::test]
async fn a_client_without_reads_is_disconnected() {
    let (api, _fixture) = serve(|limits| {
        limits.write_timeout = SHORT;
        limits.max_connections = 1;
    })
    .await;
    // The responses exceed the socket buffers of the kernel.
    let requests = raw::get_head("/docs").repeat(100);
    let mut deaf = raw::connect_and_send(api.client.address, requests.as_bytes());
    let next = timeout(TIMEOUT, api.client.ready()).await;
    assert_eq!(next.expect("a connection is free").status, 200);
    let mut answers = Vec::new();
    let end = deaf.read_to_end(&mut answers).await;
    assert!(end.is_err(), "what was not sent is not kept: it is reset");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_on_open_files_is_raised_to_the_need_of_the_connections() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = embedded(directory.path());
    let service = Service::start(&mut under_limit(
        command.env("MAX_CONNECTIONS", "200"),
        "-Sn 100",
    ));
    let mut streams = raw::connect(service.address(), 200).await;
    for stream in &mut streams {
        raw::get(stream, "/health/live").await;
    }
    assert!(!service.log().contains("files open"), "{}", service.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_low_limit_on_open_files_reduces_the_connections_with_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(&mut under_limit(&embedded(directory.path()), "-n 148"));
    let log = service.log();
    assert!(
        log.contains("ulimit -n 10128") && log.contains("set MAX_CONNECTIONS=20"),
        "{log}"
    );
    for _ in 0..2 {
        let mut streams = raw::connect(service.address(), 20).await;
        for stream in &mut streams {
            raw::get(stream, "/health/ready").await;
        }
    }
    let mut streams = raw::connect(service.address(), 20).await;
    let mut further = raw::connect(service.address(), 5).await;
    for stream in streams[5..].iter_mut().chain(&mut further) {
        raw::get(stream, "/health/ready").await;
    }
    eventually("that all are taken is logged", || async {
        service
            .log()
            .contains("MAX_CONNECTIONS are open")
            .then_some(())
    })
    .await;
    assert!(
        !service.log().contains("could not be accepted"),
        "{}",
        service.log()
    );
}
