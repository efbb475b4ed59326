//! Deletes of a session and of an enrolment.

use serde_json::json;

use crate::conformance::harness::{
    CheckResult, Instance, Request, checks, id_of, new_id, sample, sample_at, session_path, totals,
};

checks!("deletes":
    a_forgotten_session_is_gone_and_the_totals_follow,
    the_last_session_takes_the_course_along,
    a_session_that_is_not_there_is_not_found,
    a_forgotten_course_is_gone_and_the_others_are_not,
    a_course_that_is_not_there_is_not_found,
    a_forgotten_session_may_be_recorded_again,
    a_forgotten_course_is_no_erasure,
    wrong_ids_are_told,
);

async fn a_forgotten_session_is_gone_and_the_totals_follow(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let bodies = [sample(0.1, 10, 100), sample(0.7, -999_999.9, 7)];
    api.store(&learner, &course, &bodies).await?;
    let session = id_of(&bodies[1]);
    let deleted = api
        .delete_session(&learner.to_uppercase(), &course, session)
        .await?;
    deleted.is_deleted()?;
    let found = api.session(&learner, &course, session).await?;
    found.is_not_found()?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(0.1, 10, 100))
}

async fn the_last_session_takes_the_course_along(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(1, 2, 3));
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    let deleted = api.delete_session(&learner, &course, id_of(&body)).await?;
    deleted.is_deleted()?;
    api.totals(&learner, &course).await?.is_not_found()?;
    api.summary(&course).await?.is_not_found()?;
    let found = api.get(&learner, "/courses").await?;
    found.is(200, &json!({"courses": []}))?;
    let deleted = api.delete_session(&learner, &course, id_of(&body)).await?;
    deleted.is_not_found()?;
    let deleted = api.delete_course(&learner, &course).await?;
    deleted.is_not_found()
}

async fn a_session_that_is_not_there_is_not_found(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(1, 2, 3));
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    let (other, session) = (api.learner(), id_of(&body));
    for (learner, course, session) in [
        (&learner, &course, &*new_id()),
        (&learner, &new_id(), session),
        (&other, &course, session),
    ] {
        let deleted = api.delete_session(learner, course, session).await?;
        deleted.is_not_found()?;
    }
    let found = api.session(&learner, &course, session).await?;
    found.is(200, &body)
}

async fn a_forgotten_course_is_gone_and_the_others_are_not(api: &Instance) -> CheckResult {
    let (one, other) = (api.learner(), api.learner());
    let (course, kept) = (new_id(), new_id());
    let bodies = [sample(1, 2, 3), sample(1, 2, 3), sample(1, 2, 3)];
    for (learner, course) in [(&one, &course), (&one, &kept), (&other, &course)] {
        api.store(learner, course, &bodies).await?;
    }
    api.delete_course(&one, &course).await?.is_deleted()?;
    api.totals(&one, &course).await?.is_not_found()?;
    for body in &bodies {
        let found = api.session(&one, &course, id_of(body)).await?;
        found.is_not_found()?;
    }
    let found = api.sessions(&one, &course, "").await?;
    found.is(200, &json!({"sessions": []}))?;
    for (learner, course) in [(&one, &kept), (&other, &course)] {
        let found = api.totals(learner, course).await?;
        found.is(200, &totals(3, 2, 9))?;
    }
    Ok(())
}

async fn a_course_that_is_not_there_is_not_found(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let deleted = api.delete_course(&learner, &course).await?;
    deleted.is_not_found()?;
    api.store(&learner, &course, &[sample(1, 2, 3)]).await?;
    let deleted = api.delete_course(&api.learner(), &course).await?;
    deleted.is_not_found()?;
    api.delete_course(&learner, &course).await?.is_deleted()?;
    let deleted = api.delete_course(&learner, &course).await?;
    deleted.is_not_found()
}

async fn a_forgotten_session_may_be_recorded_again(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(1, 2, 3));
    let session = id_of(&body);
    for _ in 0..2 {
        api.store(&learner, &course, std::slice::from_ref(&body))
            .await?;
        let found = api.totals(&learner, &course).await?;
        found.is(200, &totals(1, 2, 3))?;
        let found = api.session(&learner, &course, session).await?;
        found.is(200, &body)?;
        let deleted = api.delete_session(&learner, &course, session).await?;
        deleted.is_deleted()?;
    }
    Ok(())
}

async fn a_forgotten_course_is_no_erasure(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let body = sample_at("2024-05-01T10:00:00Z", 1, 2, 3);
    for _ in 0..2 {
        api.store(&learner, &course, std::slice::from_ref(&body))
            .await?;
        api.delete_course(&learner, &course).await?.is_deleted()?;
    }
    Ok(())
}

async fn wrong_ids_are_told(api: &Instance) -> CheckResult {
    let (learner, course, session) = (api.learner(), new_id(), new_id());
    let all = ["userId", "courseId", "sessionId"];
    let response = api.delete_session("7", "8", "9").await?;
    response.is_invalid("invalid userId", &all)?;
    let response = api.delete_session("", "7", "7").await?;
    response.is_invalid("userId required", &all)?;
    let response = api.delete_session(&learner, &course, "7").await?;
    response.is_invalid("invalid sessionId", &["sessionId"])?;
    let response = api.delete_course(&learner, "8").await?;
    response.is_invalid("invalid courseId", &["courseId"])?;
    let response = api.erase_learner("").await?;
    response.is_invalid("userId required", &["userId"])?;
    for path in [
        "/learner".to_owned(),
        format!("/courses/{course}"),
        session_path(&course, &session),
    ] {
        let response = api.send(Request::delete(&path)).await?;
        response.is_invalid("userId required", &["userId"])?;
        let response = api.send(Request::delete(&path).of("7")).await?;
        response.is_invalid("invalid userId", &["userId"])?;
    }
    Ok(())
}
