//! The API and the rows of the store, on both stores: records that only the store accepts, stored times, two
//! servers over one store.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use study_stats::domain::{CourseId, LearnerId, OccurredAt, Record};

use crate::for_both_stores;
use crate::support::api::{Api, Client, body, body_at, new_id, session_path};
use crate::support::id;
use crate::support::stores::fixture::Fixture;
use crate::support::stores::history::{record, stats};

for_both_stores!(
    every_session_of_thousands_counts_on_its_local_day,
    sessions_of_one_instant_are_listed_by_id,
    the_stored_day_is_the_written_date,
    instances_over_one_store_send_the_same_strong_etags,
);

async fn every_session_of_thousands_counts_on_its_local_day(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (id(), id());
    // The local days alternate; all instants are within one day of UTC.
    let records: Vec<_> = (0..2_500)
        .map(|number| at(learner, course, number / 4, i32::from(number % 2 == 1)))
        .collect();
    for batch in records.chunks(1_000) {
        for outcome in fixture.store.record_many(batch).await {
            outcome.unwrap();
        }
    }
    let path = format!("/courses/{course}/activity?from=1970-01-01&to=1970-01-02");
    let activity = api.client.get(&learner.to_string(), &path).await.json();
    let day = |day| json!({"day": day, "sessions": 1_250, "totalModulesStudied": 125, "averageScore": 5, "timeStudied": 1_250});
    assert_eq!(
        activity["days"],
        json!([day("1970-01-01"), day("1970-01-02")])
    );
}

/// A record of a new session at an instant on a local day.
fn at(learner: LearnerId, course: CourseId, millis: i64, local_day: i32) -> Record {
    let at = OccurredAt { millis, local_day };
    record(learner, course, stats(0.1, 5.0, 1.0)).at(at)
}

async fn sessions_of_one_instant_are_listed_by_id(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (id(), id());
    let mut ids: Vec<String> = Vec::new();
    for local_day in 0..9 {
        let record = at(learner, course, 1_000, local_day);
        fixture.store.record(&record).await.unwrap();
        ids.push(record.session.to_string());
    }
    ids.sort_unstable_by(|a, b| b.cmp(a));
    let path = format!("/courses/{course}/sessions");
    for limit in [1, 2, 4, 9] {
        let found = walk(&api.client, &learner.to_string(), &path, limit).await;
        assert_eq!(found, ids);
    }
}

/// The session ids of all pages of a list.
async fn walk(client: &Client, learner: &str, path: &str, limit: usize) -> Vec<Value> {
    let mut found = Vec::new();
    let mut query = format!("?limit={limit}");
    loop {
        let page = client.get(learner, &format!("{path}{query}")).await.json();
        let sessions = page["sessions"].as_array().unwrap();
        found.extend(sessions.iter().map(|session| session["sessionId"].clone()));
        match page.get("nextCursor") {
            Some(cursor) => query = format!("?limit={limit}&cursor={}", cursor.as_str().unwrap()),
            None => return found,
        }
    }
}

async fn the_stored_day_is_the_written_date(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let Record {
        enrolment, session, ..
    } = record(id(), id(), stats(0.0, 0.0, 0.0));
    let mut body = body(1, 2, 3);
    body["sessionId"] = session.to_string().into();
    let (learner, course) = (enrolment.learner.to_string(), enrolment.course.to_string());
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
        let answer = api.client.post(&learner, &course, &body).await;
        assert_eq!(answer.status, 201, "{occurred_at}: {answer:?}");
        let stored = fixture.store.session(enrolment, session).await;
        let stored = stored.unwrap().unwrap();
        assert_eq!(
            (stored.occurred_at.millis, stored.occurred_at.local_day),
            (millis, local_day),
            "{occurred_at}"
        );
    }
    let before_tomorrow = SystemTime::now() + Duration::from_secs(23 * 3_600);
    let before_tomorrow = humantime::format_rfc3339(before_tomorrow).to_string();
    body["occurredAt"] = before_tomorrow.into();
    let answer = api.client.post(&learner, &course, &body).await;
    assert_eq!(answer.status, 201);
}

async fn instances_over_one_store_send_the_same_strong_etags(fixture: &Fixture) {
    let [api, replica] = [
        Api::serve(fixture.store.clone()).await,
        Api::serve(fixture.store.clone()).await,
    ];
    let (learner, course) = (new_id(), new_id());
    let body = body_at("2026-01-15T09:30:00+01:00", 1, 2, 3);
    assert_eq!(api.client.post(&learner, &course, &body).await.status, 201);
    let path = format!("/courses/{course}");
    let mut tags = Vec::new();
    for path in [
        "/courses",
        &path,
        &format!("{path}/sessions"),
        &session_path(&course, &body),
        &format!("{path}/activity?to=2026-01-15"),
        &format!("{path}/summary"),
        &format!("{path}/learners"),
    ] {
        let answer = api.client.get(&learner, path).await;
        assert_eq!(
            (answer.status, answer.header("cache-control")),
            (200, Some("private, no-cache"))
        );
        let tag = answer.header("etag").unwrap().to_owned();
        let inner = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        assert!(
            inner.is_some_and(|tag| !tag.contains(['"', ',', ' '])),
            "{tag}"
        );
        let same = replica.client.get(&learner, path).await;
        assert_eq!(same.header("etag"), Some(&*tag));
        assert!(!tags.contains(&tag), "another body has another ETag");
        tags.push(tag);
    }
}
