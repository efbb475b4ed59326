//! The memory budget of large request bodies: stalled bodies use the budget up, small bodies need no budget.

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

use crate::support::api::{Answer, Api, Settings, assert_error, body, new_id, post_text};
use crate::support::eventually;
use crate::support::http::raw;
use crate::support::stores::fixture::Fixture;

/// Bytes of the budget for one peer: two large bodies, no third.
const BUDGET: usize = 120 << 10;
/// Bytes of a large body, within the limit of a record.
const LARGE: usize = 60 << 10;

async fn serve() -> (Api, Fixture) {
    let fixture = Fixture::embedded().await;
    let settings = Settings {
        // A peer has at most half.
        body_bytes: 2 * BUDGET,
        ..Settings::default()
    };
    (
        Api::serve_with(fixture.store.clone(), settings).await,
        fixture,
    )
}

/// Posts a record in a body of `length` bytes.
async fn post(api: &Api, length: usize) -> Answer {
    let record = body(1, 2, 3).to_string();
    let padded = " ".repeat(length - record.len()) + &record;
    post_text(
        &api.client,
        &new_id(),
        &new_id(),
        "application/json",
        padded,
    )
    .await
}

async fn post_batch(api: &Api, length: usize) -> Answer {
    let mut record = body(1, 2, 3);
    record["userId"] = new_id().into();
    record["courseId"] = new_id().into();
    let batch = json!({ "sessions": [record] }).to_string();
    api.client
        .batch(" ".repeat(length - batch.len()) + &batch)
        .await
}

/// The headers of a batch, without the empty line after them.
fn batch_head(length: &str) -> String {
    format!(
        "POST /sessions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-type: application/json\r\n{length}\r\n"
    )
}

/// Sends headers, and a body without the last byte.
async fn stall(api: &Api, head: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(api.client.address).await.unwrap();
    let sent = format!("{head}\r\n{body}");
    stream.write_all(sent.as_bytes()).await.unwrap();
    stream
}

fn assert_overloaded(answer: &Answer) {
    assert_error(answer, 503, "overloaded", "overloaded");
    assert_eq!(answer.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn stalled_bodies_use_up_the_budget_and_small_bodies_need_none() {
    let (api, _fixture) = serve().await;
    let spaces = " ".repeat(LARGE - 1);
    let record = raw::post_head(LARGE);
    let batch = batch_head(&format!("content-length: {LARGE}"));
    let stalled = eventually("stalled bodies use up the budget", || async {
        let stalled = [
            stall(&api, &record, &spaces).await,
            stall(&api, &batch, &spaces).await,
        ];
        // Two refusals in a row: a request refused first may have taken budget from a stalled body.
        let mut refusals = 0;
        while refusals < 2 && stalled.iter().all(raw::is_open) {
            let answer = post(&api, LARGE).await;
            refusals = if answer.status == 503 {
                refusals + 1
            } else {
                0
            };
        }
        (refusals == 2).then_some(stalled)
    })
    .await;
    assert_overloaded(&post(&api, LARGE).await);
    assert_overloaded(&post_batch(&api, LARGE).await);
    for _ in 0..10 {
        assert_eq!(post(&api, 4 << 10).await.status, 201);
        assert_eq!(post_batch(&api, 4 << 10).await.status, 200);
    }
    assert!(
        stalled.iter().all(raw::is_open),
        "stalled connections stay open"
    );

    drop(stalled);
    eventually("the budget is released", || async {
        (post(&api, LARGE).await.status == 201).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_budget_is_released_after_every_response() {
    let (api, _fixture) = serve().await;
    for _ in 0..20 {
        assert_eq!(post(&api, LARGE).await.status, 201);
        assert_eq!(post_batch(&api, LARGE).await.status, 200);
        assert_eq!(post(&api, (64 << 10) + 1).await.status, 413);
        let wrong = api.client.batch(" ".repeat(LARGE)).await;
        assert_error(&wrong, 400, "invalid JSON", "invalid_json");
        assert_overloaded(&post_batch(&api, BUDGET + (5 << 10)).await);
        // A chunked body: no length in the headers.
        let chunk = " ".repeat(2 * BUDGET);
        let chunked =
            batch_head("transfer-encoding: chunked") + &format!("\r\n{:x}\r\n{chunk}", chunk.len());
        let answer = api.client.raw(chunked.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 503 ") && answer.contains("overloaded"),
            "{answer}"
        );
    }
    // A body that needs the whole budget.
    assert_eq!(post_batch(&api, BUDGET + (4 << 10)).await.status, 200);
}

#[tokio::test]
async fn large_responses_use_the_budget_too() {
    let (api, _fixture) = serve().await;
    // Each record lacks all fields: the response is far larger than the request.
    let batch = |records: usize| json!({ "sessions": vec![json!({}); records] }).to_string();
    for _ in 0..20 {
        let answer = api.client.batch(batch(100)).await;
        assert_eq!(answer.status, 200);
        assert!(answer.text.len() > 20_000);
        assert_overloaded(&api.client.batch(batch(1_000)).await);
    }
}

#[tokio::test]
async fn pages_use_the_budget_until_they_are_read() {
    let (api, _fixture) = serve().await;
    let (learner, course) = (new_id(), new_id());
    let record = || {
        let mut record = body(1, 2, 3);
        record["userId"] = learner.clone().into();
        record["courseId"] = course.clone().into();
        record
    };
    let records: Vec<_> = (0..150).map(|_| record()).collect();
    api.client
        .batch(json!({ "sessions": records }).to_string())
        .await;
    let path = format!("/courses/{course}/sessions?limit=500");
    let page = api.client.get(&learner, &path).await;
    assert_eq!(page.status, 200);
    assert!(page.text.len() > 16 << 10 && page.text.len() < BUDGET);
    // More than the socket buffers of the kernel, in each of which a few pages wait.
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nx-user-id: {learner}\r\n\r\n");
    let request = request.repeat(1_000);
    let mut deaf = Vec::new();
    eventually("pages without readers use up the budget", || {
        let stream = raw::connect_and_send(api.client.address, request.as_bytes());
        deaf.push(stream);
        let client = api.client.clone();
        let (learner, path) = (learner.clone(), path.clone());
        async move { (client.get(&learner, &path).await.status == 503).then_some(()) }
    })
    .await;
    assert_eq!(post(&api, 4 << 10).await.status, 201);
    drop(deaf);
    eventually("the budget is released", || async {
        (api.client.get(&learner, &path).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_peer_takes_at_most_half_of_the_budget() {
    let (api, _fixture) = serve().await;
    let begun = raw::post_head(LARGE) + "\r\n" + &" ".repeat(LARGE - 1);
    let mut stalled = Vec::new();
    while post(&api, LARGE).await.status != 503 {
        stalled.push(raw::connect_and_send(api.client.address, begun.as_bytes()));
    }
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = socket.connect(api.client.address).await.unwrap();
    other.write_all((begun + " ").as_bytes()).await.unwrap();
    let answer = raw::answer(&mut other).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_overloaded(&post(&api, LARGE).await);
}
