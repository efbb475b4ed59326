//! Large bodies share one budget of memory: clients that stall with them keep nobody but each other
//! from being served.

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::api::{Answer, Api, Settings, assert_error, body, new_id, post_text};
use crate::support::fixture::Fixture;
use crate::support::{eventually, raw};

/// Room for two large bodies, and not for a third.
const BUDGET: usize = 120 << 10;
/// Bytes of a large body that is within the limit of a record.
const LARGE: usize = 60 << 10;

async fn serve() -> (Api, Fixture) {
    let fixture = Fixture::embedded().await;
    let settings = Settings {
        body_bytes: BUDGET,
        ..Settings::default()
    };
    (
        Api::serve_with(fixture.store.clone(), settings).await,
        fixture,
    )
}

/// Posts a record in a body of so many bytes.
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

/// The head of a batch, without the line that ends it.
fn batch_head(length: &str) -> String {
    format!(
        "POST /sessions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-type: application/json\r\n{length}\r\n"
    )
}

/// Sends a head and a body but for its last byte.
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
async fn stalled_bodies_hold_the_budget_and_records_do_not_need_it() {
    let (api, _fixture) = serve().await;
    let spaces = " ".repeat(LARGE - 1);
    let record = raw::post_head(LARGE);
    let batch = batch_head(&format!("content-length: {LARGE}"));
    let stalled = eventually("stalled bodies use up the budget", || async {
        let stalled = [
            stall(&api, &record, &spaces).await,
            stall(&api, &batch, &spaces).await,
        ];
        // Two refusals in a row: the first may have kept a stalled body from getting all that it needs.
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
        "they were there all along"
    );

    drop(stalled);
    eventually("the budget is given back", || async {
        (post(&api, LARGE).await.status == 201).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_was_taken_is_given_back_whatever_became_of_the_body() {
    let (api, _fixture) = serve().await;
    for _ in 0..20 {
        assert_eq!(post(&api, LARGE).await.status, 201);
        assert_eq!(post_batch(&api, LARGE).await.status, 200);
        assert_eq!(post(&api, (64 << 10) + 1).await.status, 413);
        let wrong = api.client.batch(" ".repeat(LARGE)).await;
        assert_error(&wrong, 400, "invalid JSON", "invalid_json");
        assert_overloaded(&post_batch(&api, BUDGET + (5 << 10)).await);
        // Its length is not known before it has arrived.
        let chunk = " ".repeat(2 * BUDGET);
        let chunked =
            batch_head("transfer-encoding: chunked") + &format!("\r\n{:x}\r\n{chunk}", chunk.len());
        let answer = api.client.raw(chunked.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 503 ") && answer.contains("overloaded"),
            "{answer}"
        );
    }
    // All of it: a body that takes no less.
    assert_eq!(post_batch(&api, BUDGET + (4 << 10)).await.status, 200);
}

#[tokio::test]
async fn large_answers_take_of_the_budget_too() {
    let (api, _fixture) = serve().await;
    // All fields are missing in each, so that the answer is far larger than what was sent.
    let batch = |records: usize| json!({ "sessions": vec![json!({}); records] }).to_string();
    for _ in 0..20 {
        let answer = api.client.batch(batch(100)).await;
        assert_eq!(answer.status, 200);
        assert!(answer.text.len() > BUDGET / 2);
        assert_overloaded(&api.client.batch(batch(500)).await);
    }
}
