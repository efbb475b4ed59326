//! Batches over real sockets, on both stores: an outcome for each record.

use std::collections::HashMap;

use poem::http::Method;
use serde_json::{Value, json};

use crate::for_both_stores;
use crate::support::api::{Answer, Api, at, new_id, send};
use crate::support::batch::{
    assert_invalid, batch_record, modules, new_record, post_batch, stored,
};
use crate::support::fixture::Fixture;
use crate::support::id;

for_both_stores!(
    each_record_has_its_outcome_in_their_order,
    a_thousand_records_of_many_learners_are_stored,
    a_session_that_is_twice_in_a_batch_is_recorded_twice_in_order,
    a_record_past_the_limit_of_a_sum_is_invalid,
    the_header_of_a_learner_is_not_looked_at,
);

async fn each_record_has_its_outcome_in_their_order(fixture: &Fixture) {
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let (learner, erased, course) = (new_id(), new_id(), new_id());
    let mut known = at(
        &batch_record(&learner, &course),
        "2026-01-15T09:30:00+01:00",
    );
    assert_eq!(post_batch(client, &[known.clone()]).await, [stored()]);
    assert_eq!(client.delete(&erased, "/courses").await.status, 204);

    known["totalModulesStudied"] = 7.into();
    let older = at(&known, "2026-01-15T08:29:59Z");
    let gone = at(&batch_record(&erased, &course), "2026-01-15T08:30:00Z");
    let mut wrong = batch_record(&learner, &course);
    wrong["timeStudied"] = (-1).into();
    let (new, anew) = (
        batch_record(&learner, &course),
        batch_record(&erased, &course),
    );
    let records = [new, older, gone, wrong, anew];
    let results = post_batch(client, &records).await;
    assert_eq!(results[0], stored());
    assert_eq!(results[1], json!({"outcome": "superseded"}));
    assert_eq!(results[2], json!({"outcome": "gone"}));
    assert_invalid(&results[3], &["timeStudied"]);
    assert_eq!(results[4], stored());
    assert_eq!(
        client.totals(&learner, &course).await.json(),
        json!({"totalModulesStudied": 2, "averageScore": 2, "timeStudied": 6})
    );
    assert_eq!(modules(client, &records[4]).await, 1);
    assert_eq!(modules(client, &records[2]).await, Value::Null);
}

async fn a_thousand_records_of_many_learners_are_stored(fixture: &Fixture) {
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let learners: [_; 50] = std::array::from_fn(|_| new_id());
    let courses: [_; 3] = std::array::from_fn(|_| new_id());
    let mut sums: HashMap<_, usize> = HashMap::new();
    let records: Vec<_> = (0..1_000)
        .map(|n| {
            let (learner, course) = (&learners[n * 7 % 50], &courses[n % 3]);
            *sums.entry((learner, course)).or_default() += n;
            let mut record = batch_record(learner, course);
            record["totalModulesStudied"] = n.into();
            record
        })
        .collect();
    for _ in 0..2 {
        assert!(
            post_batch(client, &records)
                .await
                .iter()
                .all(|result| *result == stored())
        );
        for ((learner, course), sum) in &sums {
            let totals = client.totals(learner, course).await.json();
            assert_eq!(totals["totalModulesStudied"], *sum);
        }
    }
}

async fn a_session_that_is_twice_in_a_batch_is_recorded_twice_in_order(fixture: &Fixture) {
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let session = new_record();
    let turn = |modules: u64, occurred_at| {
        let mut record = at(&session, occurred_at);
        record["totalModulesStudied"] = modules.into();
        record
    };
    let records = [
        turn(1, "2026-01-15T09:00:00Z"),
        turn(2, "2026-01-15T09:00:00Z"),
        turn(3, "2026-01-15T08:59:59Z"),
        turn(4, "2026-01-15T09:00:01Z"),
        turn(5, "2026-01-15T09:00:00Z"),
    ];
    let results = post_batch(client, &records).await;
    let outcomes: Vec<_> = results.iter().map(|result| &result["outcome"]).collect();
    assert_eq!(
        outcomes,
        ["stored", "stored", "superseded", "stored", "superseded"]
    );
    assert_eq!(modules(client, &session).await, 4);
}

async fn a_record_past_the_limit_of_a_sum_is_invalid(fixture: &Fixture) {
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    let (learner, course) = (id(), id());
    fixture.fill(learner, course).await;
    let (learner, course) = (learner.to_string(), course.to_string());
    let full = client.totals(&learner, &course).await.text;
    let results = post_batch(
        client,
        &[new_record(), batch_record(&learner, &course), new_record()],
    )
    .await;
    assert_eq!([&results[0], &results[2]], [&stored(), &stored()]);
    assert_invalid(&results[1], &["sessions"]);
    let sentence = results[1]["errors"][0]["message"].as_str().unwrap();
    assert!(sentence.contains("no sum passes 9e15"), "{sentence}");
    assert_eq!(client.totals(&learner, &course).await.text, full);
}

async fn the_header_of_a_learner_is_not_looked_at(fixture: &Fixture) {
    let Api { client, .. } = &Api::serve(fixture.store.clone()).await;
    for header in ["7", &new_id()] {
        let record = new_record();
        let request = client
            .request(Method::POST, "/sessions")
            .header("X-User-Id", header);
        let answer: Answer = send(request.json(&json!({"sessions": [record]})))
            .await
            .unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(modules(client, &record).await, 1);
    }
}
