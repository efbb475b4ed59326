//! `GET /courses/{courseId}/sessions/{sessionId}`: one session, as it was recorded.

use serde_json::{Value, json};

use super::answer::Verdict;
use super::api::{Api, id_of, new_id, recording, stats, stats_at, without};
use super::checks;

checks!("sessions":
    a_session_has_exactly_its_members,
    a_session_has_no_time_in_it,
    every_digit_of_a_number_comes_back,
    an_integral_number_has_no_fraction,
    another_learners_session_is_not_found,
    a_session_of_another_course_is_not_found,
    one_id_in_two_courses_is_two_sessions,
);

async fn a_session_has_exactly_its_members(api: &Api) -> Verdict {
    let (learner, course, body) = (api.learner(), new_id(), stats(5, 82.5, 120_000));
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    let found = api.session(&learner, &course, id_of(&body)).await?;
    found.is(200, &body)
}

async fn a_session_has_no_time_in_it(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let body = stats_at("2024-05-01T10:00:00Z", 1, 2, 3);
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    let found = api.session(&learner, &course, id_of(&body)).await?;
    found.is(200, &without(body, "occurredAt"))
}

async fn every_digit_of_a_number_comes_back(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    for number in [
        0.840_136_556_537_863_9,
        0.300_000_000_000_000_04,
        1e-7,
        5e-324,
        123_456_789_012.345_67,
        999_999_999_999.999_9,
    ] {
        let body = stats(number, -number, number);
        api.store(&learner, &course, std::slice::from_ref(&body))
            .await?;
        let found = api.session(&learner, &course, id_of(&body)).await?;
        found.is(200, &body)?;
    }
    Ok(())
}

async fn an_integral_number_has_no_fraction(api: &Api) -> Verdict {
    let (learner, course, session) = (api.learner(), new_id(), new_id());
    let sent = format!(
        r#"{{"sessionId":"{session}","totalModulesStudied":5.0,"averageScore":-80.50,"timeStudied":1.2e5}}"#
    );
    let call = recording(&course)
        .of(&learner)
        .text("application/json", sent);
    api.send(call).await?.has(201)?;
    let expected = json!({
        "sessionId": session,
        "totalModulesStudied": 5,
        "averageScore": -80.5,
        "timeStudied": 120_000,
    });
    let found = api.session(&learner, &course, &session).await?;
    found.is(200, &expected)
}

async fn another_learners_session_is_not_found(api: &Api) -> Verdict {
    let (learner, course, body) = (api.learner(), new_id(), stats(1, 2, 3));
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    let other = api.learner();
    let found = api.session(&other, &course, id_of(&body)).await?;
    found.finds_nothing()
}

async fn a_session_of_another_course_is_not_found(api: &Api) -> Verdict {
    let (learner, course, body) = (api.learner(), new_id(), stats(1, 2, 3));
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    for (course, session) in [(new_id(), id_of(&body)), (course, &new_id())] {
        let found = api.session(&learner, &course, session).await?;
        found.finds_nothing()?;
    }
    Ok(())
}

async fn one_id_in_two_courses_is_two_sessions(api: &Api) -> Verdict {
    let (learner, first) = (api.learner(), stats(1, 2, 3));
    let mut second: Value = first.clone();
    second["totalModulesStudied"] = json!(4);
    let courses = [(new_id(), first), (new_id(), second)];
    for (course, body) in &courses {
        api.store(&learner, course, std::slice::from_ref(body))
            .await?;
    }
    for (course, body) in &courses {
        let found = api.session(&learner, course, id_of(body)).await?;
        found.is(200, body)?;
    }
    Ok(())
}
