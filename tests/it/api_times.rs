//! When a session occurred, over real sockets, on both stores: the later record wins, and the day is
//! the one that was written.

use std::time::{Duration, SystemTime};

use serde_json::json;
use study_stats::domain::{Enrolment, Record};

use crate::for_both_stores;
use crate::support::api::{Api, body, new_id};
use crate::support::fixture::Fixture;
use crate::support::history::{record, stats};
use crate::support::id;

for_both_stores!(
    an_older_record_is_superseded,
    the_day_of_a_session_is_the_one_that_was_written,
);

async fn an_older_record_is_superseded(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course, mut body) = (new_id(), new_id(), body(1, 2, 3));
    for (occurred_at, modules, status, text) in [
        ("2026-01-15T09:30:00+01:00", 1, 201, r#"{"message":"OK"}"#),
        // The same instant, written otherwise.
        ("2026-01-15T08:30:00.000Z", 2, 201, r#"{"message":"OK"}"#),
        (
            "2026-01-15T10:29:59.999+02:00",
            3,
            200,
            r#"{"message":"superseded"}"#,
        ),
        ("2026-01-15T08:30:00.001Z", 4, 201, r#"{"message":"OK"}"#),
    ] {
        body["occurredAt"] = occurred_at.into();
        body["totalModulesStudied"] = modules.into();
        let answer = api.client.post(&learner, &course, &body).await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (status, text),
            "{occurred_at}"
        );
        assert_eq!(
            answer.header("content-type"),
            Some("application/json; charset=utf-8")
        );
    }
    assert_eq!(
        api.client.totals(&learner, &course).await.json()["totalModulesStudied"],
        json!(4)
    );

    body.as_object_mut().unwrap().remove("occurredAt");
    assert_eq!(
        api.client.post(&learner, &course, &body).await.status,
        201,
        "without a time it is as of now"
    );
    body["occurredAt"] = "2026-01-16T00:00:00Z".into();
    assert_eq!(api.client.post(&learner, &course, &body).await.status, 200);
}

async fn the_day_of_a_session_is_the_one_that_was_written(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let Record {
        enrolment: Enrolment { learner, course },
        session,
        ..
    } = record(id(), id(), stats(0.0, 0.0, 0.0));
    let mut body = body(1, 2, 3);
    body["sessionId"] = session.to_string().into();
    for (occurred_at, millis, local_day) in [
        ("0000-01-01T00:00:00Z", -62_167_219_200_000, -719_528),
        ("1969-12-31T23:59:59.9999Z", -1, -1),
        ("1969-12-31T22:30:00-02:00", 1_800_000, -1),
        ("2026-01-15T23:30:00-08:00", 1_768_548_600_000, 20_468),
        (
            "2026-01-17T00:30:00.123456789+14:00",
            1_768_559_400_123,
            20_470,
        ),
    ] {
        body["occurredAt"] = occurred_at.into();
        let answer = api
            .client
            .post(&learner.to_string(), &course.to_string(), &body)
            .await;
        assert_eq!(answer.status, 201, "{occurred_at}: {answer:?}");
        let stored = fixture
            .store
            .session(Enrolment::new(learner, course), session)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (stored.occurred_at.millis, stored.occurred_at.local_day),
            (millis, local_day),
            "{occurred_at}"
        );
    }
    let before_tomorrow = SystemTime::now() + Duration::from_secs(23 * 3_600);
    body["occurredAt"] = humantime::format_rfc3339(before_tomorrow)
        .to_string()
        .into();
    assert_eq!(
        api.client
            .post(&learner.to_string(), &course.to_string(), &body)
            .await
            .status,
        201
    );
}
