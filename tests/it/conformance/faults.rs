//! The conformance command against a proxy that changes responses: the checks of the changed response fail,
//! and no others.

use std::net::SocketAddr;

use poem::endpoint::make;
use poem::http::{Method, StatusCode, header};
use poem::listener::TcpAcceptor;
use poem::{Request, Response, Server};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::support::conformance::{lines, play};
use crate::support::processes::service::{Service, embedded};

/// A change of a response: gets method and path of the request, the response, and the JSON body to return.
type Fault = fn(&Method, &str, &mut Response, Value) -> Value;

/// Passes requests below `/some/prefix` on to the service, and changes the responses.
struct Fake {
    url: String,
    _server: JoinSet<()>,
}

impl Fake {
    async fn start(target: SocketAddr, fault: Fault) -> Self {
        const PREFIX: &str = "/some/prefix";
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}{PREFIX}", listener.local_addr().unwrap());
        let redirect = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().redirect(redirect).no_proxy();
        let http = http.build().unwrap();
        let app = make(move |request: Request| {
            let http = http.clone();
            async move {
                let path = request.original_uri().to_string();
                let path = path.strip_prefix(PREFIX).unwrap_or("/nowhere").to_owned();
                pass_on(&http, &format!("http://{target}{path}"), request, fault).await
            }
        });
        let mut server = JoinSet::new();
        server.spawn(async move {
            let acceptor = TcpAcceptor::from_tokio(listener).unwrap();
            Server::new_with_acceptor(acceptor).run(app).await.unwrap();
        });
        Self {
            url,
            _server: server,
        }
    }
}

async fn pass_on(
    http: &reqwest::Client,
    url: &str,
    mut request: Request,
    fault: Fault,
) -> poem::Result<Response> {
    let mut headers = request.headers().clone();
    headers.remove(header::HOST);
    headers.remove(header::CONTENT_LENGTH);
    let body = request.take_body().into_bytes().await?;
    let method = request.method().clone();
    let sent = http
        .request(method.clone(), url)
        .headers(headers)
        .body(body);
    let answer = sent.send().await.map_err(poem::error::BadGateway)?;
    let mut response = Response::default();
    response.set_status(answer.status());
    for (name, value) in answer.headers() {
        if *name != header::CONTENT_LENGTH && *name != header::TRANSFER_ENCODING {
            response.headers_mut().append(name, value.clone());
        }
    }
    let body = answer.bytes().await.map_err(poem::error::BadGateway)?;
    match serde_json::from_slice(&body) {
        Ok(json) => {
            let path = url.splitn(4, '/').last().unwrap_or_default();
            let json = fault(&method, path, &mut response, json);
            response.set_body(json.to_string());
        }
        Err(_) => response.set_body(body),
    }
    Ok(response)
}

fn no_fault(_: &Method, _: &str, _: &mut Response, body: Value) -> Value {
    body
}

/// Plays the checks against a proxy with a fault. Returns name and mismatch of each failed check.
async fn failed_with(fault: Fault) -> Vec<(String, String)> {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(&mut embedded(directory.path()));
    let fake = Fake::start(service.address(), fault).await;
    let output = play(&fake.url, &[]).await;
    let mut lines = lines(&output.stdout);
    let last = lines.pop().unwrap();
    let failed: Vec<_> = lines
        .iter()
        .filter_map(|line| {
            let (name, reason) = line.strip_prefix("FAILED ")?.split_once(": ")?;
            Some((name.to_owned(), reason.to_owned()))
        })
        .collect();
    let passed = lines.len() - failed.len();
    assert_eq!(last, format!("{passed} passed, {} failed", failed.len()));
    assert_eq!(output.status.code(), Some(i32::from(!failed.is_empty())));
    failed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_behind_a_prefix_passes() {
    assert_eq!(failed_with(no_fault).await, []);
}

/// Asserts the names of all failed checks.
fn assert_failed(failed: &[(String, String)], expected: &[&str]) {
    let names: Vec<_> = failed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, expected, "{failed:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_superseded_record_with_another_status_is_found() {
    let failed = failed_with(|_, _, response, body| {
        if body["message"] == "superseded" {
            response.set_status(StatusCode::CREATED);
        }
        body
    });
    let failed = failed.await;
    assert_failed(
        &failed,
        &[
            "records/an_older_record_is_superseded_and_changes_nothing",
            "records/one_instant_may_be_written_in_any_offset",
            "versions/an_older_update_is_superseded_whatever_its_start",
        ],
    );
    let mismatch = &failed[0].1;
    assert!(
        mismatch.starts_with("POST /courses/")
            && mismatch.contains(r#": expected 200 {"message":"superseded"}, got 201 {"message":"#),
        "{mismatch}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_weighted_mean_is_found() {
    let failed = failed_with(|method, path, _, mut body| {
        let is_totals = method == Method::GET && path.matches('/').count() == 1;
        if is_totals && body["averageScore"] == 15 && body["totalModulesStudied"] == 10 {
            body["averageScore"] = 19.into();
        }
        body
    });
    assert_failed(&failed.await, &["totals/the_mean_is_not_weighted"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_integral_number_with_a_fraction_is_found() {
    let failed = failed_with(|method, path, _, mut body| {
        if method == Method::GET && path.contains("/sessions/") && body["averageScore"] == -80.5 {
            body["timeStudied"] = 120_000.0.into();
        }
        body
    });
    assert_failed(
        &failed.await,
        &["sessions/an_integral_number_has_no_fraction"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_etag_is_found() {
    let failed = failed_with(|_, path, response, body| {
        if path.contains("/sessions/") {
            response.headers_mut().remove(header::ETAG);
        }
        body
    });
    let failed = failed.await;
    assert!(
        failed
            .iter()
            .all(|(name, _)| name.starts_with("conditional/")),
        "{failed:#?}"
    );
    let (name, mismatch) = &failed[0];
    assert_eq!(name, "conditional/totals_and_sessions_carry_an_etag");
    assert!(
        mismatch.contains("expected an ETag in quotes, got 200 "),
        "{mismatch}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_member_is_found() {
    let failed = failed_with(|method, path, _, mut body| {
        if method == Method::GET && path == "health/live" {
            body["uptime"] = 5.into();
        }
        body
    });
    assert_failed(&failed.await, &["service/it_is_live"]);
}
