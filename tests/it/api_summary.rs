//! The summary of a course over real sockets, on both stores.

use poem::http::Method;
use study_stats::domain::Enrolment;

use crate::for_both_stores;
use crate::support::api::{Answer, Api, assert_error, body, fields, new_id, send};
use crate::support::fixture::Fixture;
use crate::support::id;

for_both_stores!(
    the_summary_is_of_all_learners,
    no_learner_need_be_named,
    a_course_that_nobody_has_studied_has_none,
    a_wrong_course_is_invalid,
);

/// The summary of a course, asked for without a learner.
async fn summary(api: &Api, course: &str) -> Answer {
    let path = format!("/courses/{course}/summary");
    send(api.client.request(Method::GET, &path)).await.unwrap()
}

async fn the_summary_is_of_all_learners(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (course, learner) = (new_id(), new_id());
    let mut replaced = body(100, 100, 100);
    for body in [&body(3, 7.5, 2), &body(8, 8, 3), &replaced] {
        assert_eq!(api.client.post(&learner, &course, body).await.status, 201);
    }
    for (field, number) in [
        ("totalModulesStudied", 4.0),
        ("averageScore", 9.0),
        ("timeStudied", 6.0),
    ] {
        replaced[field] = number.into();
    }
    assert_eq!(
        api.client.post(&learner, &course, &replaced).await.status,
        201
    );
    let answer = summary(&api, &course).await;
    let expected = r#"{"averageScore":8.166666666666666,"learners":1,"sessions":3,"timeStudied":11,"totalModulesStudied":15}"#;
    assert_eq!((answer.status, answer.text.as_str()), (200, expected));
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=utf-8")
    );

    // Learners of many buckets.
    for _ in 0..40 {
        assert_eq!(
            api.client
                .post(&new_id(), &course, &body(0.1, -5, 0.25))
                .await
                .status,
            201
        );
    }
    // Other courses are none of this one's.
    assert_eq!(
        api.client
            .post(&learner, &new_id(), &body(1, 1, 1))
            .await
            .status,
        201
    );
    let answer = summary(&api, &course).await;
    let mean = (24.5 - 200.0) / 43.0;
    let expected = format!(
        r#"{{"averageScore":{mean},"learners":41,"sessions":43,"timeStudied":21,"totalModulesStudied":19}}"#
    );
    assert_eq!(answer.text, expected);
}

async fn no_learner_need_be_named(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let course = new_id();
    api.client.post(&new_id(), &course, &body(1, 2, 3)).await;
    let path = format!("/courses/{course}/summary");
    for learner in ["", "7", &new_id()] {
        assert_eq!(
            api.client.get(learner, &path).await.status,
            200,
            "{learner}"
        );
    }
}

async fn a_course_that_nobody_has_studied_has_none(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let (learner, course) = (id(), id());
    let texts = (format!("{learner}"), format!("{course}"));
    assert_error(
        &summary(&api, &texts.1).await,
        404,
        "no stats found",
        "no_stats_found",
    );
    api.client.post(&texts.0, &texts.1, &body(1, 2, 3)).await;
    assert_eq!(summary(&api, &texts.1).await.status, 200);
    fixture
        .store
        .delete_course(Enrolment::new(learner, course))
        .await
        .unwrap();
    assert_error(
        &summary(&api, &texts.1).await,
        404,
        "no stats found",
        "no_stats_found",
    );
}

async fn a_wrong_course_is_invalid(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    for course in ["7", "%FF", "%20", &new_id().replace('-', "")] {
        let answer = summary(&api, course).await;
        assert_error(&answer, 400, "invalid courseId", "invalid_request");
        assert_eq!(fields(&answer), ["courseId"]);
    }
}
