//! What can be wrong with a batch and its records, over real sockets, on both stores.

use poem::http::Method;
use serde_json::{Map, Value, json};

use crate::for_both_stores;
use crate::support::api::{Api, assert_error, body, fields, new_id, send};
use crate::support::batch::{assert_invalid, batch, modules, new_record, post_batch, stored};
use crate::support::fixture::Fixture;

for_both_stores!(
    all_that_is_wrong_with_a_record_is_told,
    what_is_no_record_is_invalid_by_itself,
    a_body_that_is_no_json_object_is_invalid_json,
    there_must_be_one_to_a_thousand_sessions,
    a_body_may_have_a_mebibyte,
    other_content_types_are_unsupported,
);

async fn all_that_is_wrong_with_a_record_is_told(fixture: &Fixture) {
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let all = [
        "userId",
        "courseId",
        "sessionId",
        "totalModulesStudied",
        "averageScore",
        "timeStudied",
        "occurredAt",
    ];
    let good = new_record();
    let empty = json!({"averageScore": null, "userId": "", "occurredAt": null});
    let wrong: Value = all
        .iter()
        .map(|field| ((*field).to_owned(), json!([])))
        .collect::<Map<_, _>>()
        .into();
    let one_by_one = all.iter().map(|field| {
        let mut record = new_record();
        record[*field] = json!("x");
        record
    });
    let mut records = vec![empty, wrong, good.clone()];
    records.extend(one_by_one);
    let results = post_batch(client, &records).await;
    assert_invalid(&results[0], &all[..6]);
    assert_invalid(&results[1], &all);
    for (result, field) in results[3..].iter().zip(all) {
        assert_invalid(result, &[field]);
    }
    assert_eq!(results[2], stored());
    assert_eq!(modules(client, &good).await, 1);

    // As the single POST says it.
    let mut single = body(1, 2, 3);
    single["averageScore"] = json!([]);
    let answer = client.post(&new_id(), &new_id(), &single).await.json();
    assert_eq!(answer["errors"][0], results[1]["errors"][4]);
}

async fn what_is_no_record_is_invalid_by_itself(fixture: &Fixture) {
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let good = new_record();
    let twice = |field: &str| {
        good.to_string()
            .replace('}', &format!(r#","{field}":"x"}}"#))
    };
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let huge = good
        .to_string()
        .replace(r#""averageScore":2"#, r#""averageScore":1e400"#);
    let mut elements: Vec<String> = ["5", "null", "\"x\"", "[]", "true"].map(Into::into).into();
    elements.extend([
        deep,
        twice("userId"),
        twice("occurredAt").replace(",\"occurredAt\"", ",\"occurredAt\":null,\"occurredAt\""),
        twice("timeStudied"),
    ]);
    let no_records = elements.len();
    elements.extend([huge, good.to_string()]);
    let answer = client
        .batch(format!(r#"{{"sessions":[{}]}}"#, elements.join(" ,\n")))
        .await;
    let results = &answer.json()["results"];
    for index in 0..no_records {
        assert_invalid(&results[index], &["sessions"]);
    }
    assert_invalid(&results[no_records], &["averageScore"]);
    assert_eq!(results[no_records + 1], stored());
}

async fn a_body_that_is_no_json_object_is_invalid_json(fixture: &Fixture) {
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let good = batch([new_record()]);
    let array = json!([[new_record()]]).to_string();
    let twice = good.replacen('{', r#"{"sessions":[],"#, 1);
    for text in [
        "",
        "null",
        "5",
        "{",
        "{\"sessions\":}",
        &array,
        &good[..good.len() - 1],
        &good.repeat(2),
        &twice,
    ] {
        let answer = client.batch(text.to_owned()).await;
        assert_error(&answer, 400, "invalid JSON", "invalid_json");
        assert_eq!(fields(&answer), [""; 0]);
    }
}

async fn there_must_be_one_to_a_thousand_sessions(fixture: &Fixture) {
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let required = [
        "{}",
        r#"{"sessions":null}"#,
        r#"{"sessions":[]}"#,
        r#"{"sessions":""}"#,
        r#"{"Sessions":[1]}"#,
    ];
    for text in required {
        let answer = client.batch(text).await;
        assert_error(&answer, 400, "sessions required", "invalid_request");
        assert_eq!(fields(&answer), ["sessions"], "{text}");
    }
    let mut records = vec![new_record(); 1_001];
    for wrong in [
        json!({}),
        json!("x"),
        json!(5),
        json!({"0": new_record()}),
        records.clone().into(),
    ] {
        let answer = client.batch(batch(wrong)).await;
        assert_error(&answer, 400, "invalid sessions", "invalid_request");
        assert_eq!(fields(&answer), ["sessions"]);
    }
    assert_eq!(
        modules(client, &records[0]).await,
        Value::Null,
        "none is stored"
    );
    records.pop();
    post_batch(client, &records).await;
    assert_eq!(modules(client, &records[0]).await, 1);
}

async fn a_body_may_have_a_mebibyte(fixture: &Fixture) {
    const LIMIT: usize = 1 << 20;
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let record = new_record();
    let padded = |length: usize| {
        let batch = batch([record.clone()]);
        format!("{}{batch}", " ".repeat(length - batch.len()))
    };
    let answer = client.batch(padded(LIMIT + 1)).await;
    assert_error(&answer, 413, "body too large", "body_too_large");

    // Without a length in front; it must not be read to its end either.
    let chunked = |body: &str, end: &str| {
        format!(
            "POST /sessions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
             transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n{end}",
            body.len()
        )
    };
    let answer = client
        .raw(chunked(&padded(LIMIT), "1\r\n \r\n").as_bytes())
        .await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(
        modules(client, &record).await,
        Value::Null,
        "nothing is stored"
    );

    let answer = client
        .raw(chunked(&padded(LIMIT), "0\r\n\r\n").as_bytes())
        .await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = client.batch(padded(LIMIT)).await;
    assert_eq!(
        (answer.status, answer.json()["results"][0].clone()),
        (200, stored())
    );
    assert_eq!(modules(client, &record).await, 1);
}

async fn other_content_types_are_unsupported(fixture: &Fixture) {
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let request = || {
        client
            .request(Method::POST, "/sessions")
            .body(batch([new_record()]))
    };
    let json = || request().header("content-type", "application/json");
    let refused = [
        request(),
        request().header("content-type", "text/plain"),
        json().header("content-encoding", "gzip"),
    ];
    for request in refused {
        let answer = send(request).await.unwrap();
        assert_error(
            &answer,
            415,
            "unsupported content type",
            "unsupported_content_type",
        );
    }
    assert_eq!(send(json()).await.unwrap().status, 200);
}
