//! The lists over real sockets, on both stores: sessions and courses, page by page.

use serde_json::Value;
use study_stats::domain::{CourseId, Enrolment, LearnerId, OccurredAt, Record, SessionId};

use crate::for_both_stores;
use crate::support::api::{Api, Client, body_at, new_id};
use crate::support::fixture::Fixture;
use crate::support::history::{record, stats};
use crate::support::id;

for_both_stores!(
    sessions_come_newest_first_with_their_times,
    sessions_are_of_the_span_that_is_asked_for,
    sessions_of_one_instant_come_by_their_ids,
    courses_come_by_their_latest_sessions_with_their_totals,
    pages_of_any_size_have_each_item_once,
    a_page_has_50_items_unless_it_is_told_otherwise,
    a_walk_sees_what_stands_still_once_whatever_else_happens,
    a_list_of_nothing_is_empty,
);

/// All pages of a list, from the first to the last.
async fn walk(client: &Client, learner: &str, path: &str, limit: usize) -> Vec<Value> {
    let mut pages = vec![
        client
            .get(learner, &format!("{path}?limit={limit}"))
            .await
            .json(),
    ];
    while let Some(cursor) = pages[pages.len() - 1].get("nextCursor") {
        let path = format!("{path}?limit={limit}&cursor={}", cursor.as_str().unwrap());
        pages.push(client.get(learner, &path).await.json());
    }
    pages
}

/// One member of each item on some pages.
fn members(pages: &[Value], list: &str, member: &str) -> Vec<Value> {
    let items = pages.iter().flat_map(|page| page[list].as_array().unwrap());
    items.map(|item| item[member].clone()).collect()
}

async fn sessions_come_newest_first_with_their_times(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    let mut expected = Vec::new();
    for (modules, (occurred_at, answered)) in [
        ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
        ("2026-01-15T09:30:00.50+01:00", "2026-01-15T08:30:00.5Z"),
        ("2026-01-15T00:30:01.000-08:00", "2026-01-15T08:30:01Z"),
        ("2026-01-16T00:10:00.007+14:00", "2026-01-15T10:10:00.007Z"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = body_at(occurred_at, modules, 0.5, 1e-7);
        assert_eq!(api.client.post(&learner, &course, &body).await.status, 201);
        let session = &body["sessionId"];
        expected.push(format!(
            r#"{{"averageScore":0.5,"occurredAt":"{answered}","sessionId":{session},"timeStudied":1e-7,"totalModulesStudied":{modules}}}"#
        ));
    }
    expected.reverse();
    let path = format!("/courses/{course}/sessions");
    let answer = api.client.get(&learner, &path).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json; charset=utf-8"))
    );
    assert_eq!(
        answer.text,
        format!(r#"{{"sessions":[{}]}}"#, expected.join(","))
    );
}

async fn sessions_are_of_the_span_that_is_asked_for(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    // Modules are what they are told apart by.
    for (modules, occurred_at) in [
        (1, "2026-01-15T08:29:59.999Z"),
        (2, "2026-01-15T08:30:00Z"),
        (3, "2026-01-15T08:30:00.001Z"),
        (4, "2026-01-15T08:30:00.002Z"),
    ] {
        let body = body_at(occurred_at, modules, 0, 0);
        assert_eq!(api.client.post(&learner, &course, &body).await.status, 201);
    }
    for (query, modules) in [
        ("", &[4, 3, 2, 1][..]),
        ("from=2026-01-15T08:30:00Z", &[4, 3, 2]),
        ("to=2026-01-15T08:30:00Z", &[1]),
        (
            "from=2026-01-15T08:30:00Z&to=2026-01-15T08:30:00.002Z",
            &[3, 2],
        ),
        (
            "from=2026-01-15T09:30:00%2B01:00&to=2026-01-15T00:30:00.001-08:00",
            &[2],
        ),
        // Finer than sessions are kept: what occurred at .001 is not at .0011 or later.
        ("from=2026-01-15T08:30:00.0011Z", &[4]),
        ("to=2026-01-15T08:30:00.0011Z", &[3, 2, 1]),
        ("from=2026-01-15T08:30:00Z&to=2026-01-15T08:30:00Z", &[]),
        ("from=2026-01-15T08:30:00.002001Z", &[]),
        ("to=2026-01-15T08:29:59.999Z", &[]),
        ("from=2026-01-15T08:30:00Z&limit=2", &[4, 3]),
        (
            "from=0000-01-01T00:00:00%2B23:59&to=9999-12-31T23:59:59-23:59",
            &[4, 3, 2, 1],
        ),
    ] {
        let path = format!("/courses/{course}/sessions?{query}");
        let page = [api.client.get(&learner, &path).await.json()];
        let found = members(&page, "sessions", "totalModulesStudied");
        assert_eq!(found, modules, "{query}");
    }
}

async fn sessions_of_one_instant_come_by_their_ids(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (id(), id());
    let mut ids: Vec<String> = Vec::new();
    for local_day in 0..9 {
        let record = at(learner, course, id(), 1_000, local_day);
        fixture.store.record(&record).await.unwrap();
        ids.push(record.session.to_string());
    }
    ids.sort_unstable_by(|a, b| b.cmp(a));
    let path = format!("/courses/{course}/sessions");
    for limit in [1, 2, 4, 9] {
        let pages = walk(&api.client, &learner.to_string(), &path, limit).await;
        assert_eq!(members(&pages, "sessions", "sessionId"), ids);
    }
}

/// A record of a session that occurred then.
fn at(
    learner: LearnerId,
    course: CourseId,
    session: SessionId,
    millis: i64,
    local_day: i32,
) -> Record {
    Record {
        session,
        occurred_at: Some(OccurredAt { millis, local_day }),
        ..record(learner, course, stats(1.0, 2.0, 3.0))
    }
}

async fn courses_come_by_their_latest_sessions_with_their_totals(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, one, other) = (new_id(), new_id(), new_id());
    let post = async |course: &str, body: Value| {
        assert_eq!(api.client.post(&learner, course, &body).await.status, 201);
    };
    post(&one, body_at("2026-01-15T09:30:00+01:00", 1, 10, 0.25)).await;
    post(&other, body_at("2026-01-15T09:00:00.125Z", 3, 7.5, 2)).await;
    post(&other, body_at("2026-01-14T09:00:00Z", 8, 8, 3)).await;
    post(&other, body_at("2026-01-13T09:00:00Z", 4, 9, 6)).await;
    // Another learner's, which is none of this one's.
    let stranger = body_at("2026-01-16T09:00:00Z", 9, 9, 9);
    api.client.post(&new_id(), &one, &stranger).await;
    let listed = format!(
        r#"{{"averageScore":8.166666666666666,"courseId":"{other}","lastOccurredAt":"2026-01-15T09:00:00.125Z","sessions":3,"timeStudied":11,"totalModulesStudied":15}}"#
    );
    let answer = api.client.get(&learner, "/courses").await;
    let expected = format!(
        r#"{{"courses":[{listed},{{"averageScore":10,"courseId":"{one}","lastOccurredAt":"2026-01-15T08:30:00Z","sessions":1,"timeStudied":0.25,"totalModulesStudied":1}}]}}"#
    );
    assert_eq!((answer.status, answer.text), (200, expected));

    post(&one, body_at("2026-01-15T09:00:00.126Z", 2, 20, 0.5)).await;
    let answer = api.client.get(&learner, "/courses").await;
    let expected = format!(
        r#"{{"courses":[{{"averageScore":15,"courseId":"{one}","lastOccurredAt":"2026-01-15T09:00:00.126Z","sessions":2,"timeStudied":0.75,"totalModulesStudied":3}},{listed}]}}"#
    );
    assert_eq!(answer.text, expected);
}

async fn pages_of_any_size_have_each_item_once(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (id(), id());
    // Six courses with a session each, and six sessions in one more; some at one instant.
    let mut courses: Vec<CourseId> = vec![course];
    for millis in [5, 5, 5, 4, 3, 3] {
        fixture
            .store
            .record(&at(learner, course, id(), 10 + millis, 0))
            .await
            .unwrap();
        courses.push(id());
        let last = courses[courses.len() - 1];
        fixture
            .store
            .record(&at(learner, last, id(), millis, 0))
            .await
            .unwrap();
    }
    let learner = learner.to_string();
    for (path, list, member, count) in [
        (
            format!("/courses/{course}/sessions"),
            "sessions",
            "sessionId",
            6,
        ),
        ("/courses".to_owned(), "courses", "courseId", 7),
    ] {
        let whole = [api.client.get(&learner, &path).await.json()];
        let all = members(&whole, list, member);
        assert_eq!(all.len(), count);
        for limit in 1..=count + 1 {
            let pages = walk(&api.client, &learner, &path, limit).await;
            assert_eq!(members(&pages, list, member), all, "{path} {limit}");
            // No empty page at the end.
            assert_eq!(pages.len(), count.div_ceil(limit), "{path} {limit}");
            let sizes: Vec<_> = pages
                .iter()
                .map(|page| page[list].as_array().unwrap().len())
                .collect();
            assert!(
                sizes[..sizes.len() - 1].iter().all(|size| *size == limit),
                "{sizes:?}"
            );
        }
    }
}

async fn a_page_has_50_items_unless_it_is_told_otherwise(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (id(), id());
    let records: Vec<_> = (0..501)
        .map(|millis| at(learner, course, id(), millis, 0))
        .collect();
    for outcome in fixture.store.record_many(&records).await {
        outcome.unwrap();
    }
    let (learner, path) = (learner.to_string(), format!("/courses/{course}/sessions"));
    for (query, size) in [("", 50), ("limit=500", 500)] {
        let page = api
            .client
            .get(&learner, &format!("{path}?{query}"))
            .await
            .json();
        assert_eq!(page["sessions"].as_array().unwrap().len(), size);
        assert!(page["nextCursor"].is_string());
        let rest = format!(
            "{path}?limit=500&cursor={}",
            page["nextCursor"].as_str().unwrap()
        );
        let rest = api.client.get(&learner, &rest).await.json();
        assert_eq!(rest["sessions"].as_array().unwrap().len(), 501 - size);
        assert_eq!(rest.get("nextCursor"), None);
    }
}

async fn a_walk_sees_what_stands_still_once_whatever_else_happens(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (id(), id());
    let records: Vec<_> = (0..8)
        .map(|millis| at(learner, course, id(), millis, 0))
        .collect();
    for record in &records {
        fixture.store.record(record).await.unwrap();
    }
    let path = format!("/courses/{course}/sessions?limit=3");
    let first = api.client.get(&learner.to_string(), &path).await.json();

    // What the cursor stands on goes, one behind it goes, one before it comes; one moves forward.
    for gone in [5, 3] {
        let gone = records[gone].session;
        fixture
            .store
            .delete_session(Enrolment::new(learner, course), gone)
            .await
            .unwrap();
    }
    fixture
        .store
        .record(&at(learner, course, id(), 9, 0))
        .await
        .unwrap();
    fixture
        .store
        .record(&at(learner, course, records[1].session, 10, 0))
        .await
        .unwrap();

    let cursor = first["nextCursor"].as_str().unwrap();
    let path = format!("{path}&cursor={cursor}");
    let second = api.client.get(&learner.to_string(), &path).await.json();
    let ids = |places: [usize; 3]| places.map(|place| records[place].session.to_string());
    assert_eq!(members(&[first], "sessions", "sessionId"), ids([7, 6, 5]));
    assert_eq!(second.get("nextCursor"), None);
    assert_eq!(members(&[second], "sessions", "sessionId"), ids([4, 2, 0]));
}

async fn a_list_of_nothing_is_empty(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (new_id(), new_id());
    api.client
        .post(&learner, &course, &body_at("2026-01-15T09:30:00Z", 1, 2, 3))
        .await;
    for (learner, path, text) in [
        (&new_id(), "/courses".to_owned(), r#"{"courses":[]}"#),
        (
            &new_id(),
            format!("/courses/{course}/sessions"),
            r#"{"sessions":[]}"#,
        ),
        (
            &learner,
            format!("/courses/{}/sessions", new_id()),
            r#"{"sessions":[]}"#,
        ),
        (
            &learner,
            format!("/courses/{course}/sessions?from=2026-01-16T00:00:00Z"),
            r#"{"sessions":[]}"#,
        ),
    ] {
        let answer = api.client.get(learner, &path).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, text), "{path}");
    }
}
