//! What is forgotten: a session, a learner's course, a learner.

use serde_json::json;

use super::answer::Verdict;
use super::api::{Api, from_now, id_of, new_id, stats, stats_at, totals, with};
use super::checks;

checks!("deletes":
    a_forgotten_session_is_gone_and_the_totals_follow,
    the_last_session_takes_the_course_along,
    a_session_that_is_not_there_is_not_found,
    a_forgotten_course_is_gone_and_the_others_are_not,
    a_course_that_is_not_there_is_not_found,
    a_forgotten_session_may_be_recorded_again,
    an_erased_learner_is_gone_everywhere_and_the_others_are_not,
    an_erasure_may_be_repeated,
    what_occurred_before_an_erasure_is_gone,
    what_occurs_after_an_erasure_begins_anew,
    a_forgotten_course_is_no_erasure,
    wrong_ids_are_told,
);

async fn a_forgotten_session_is_gone_and_the_totals_follow(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let bodies = [stats(0.1, 10, 100), stats(0.7, 999_999.9, 7)];
    api.store(&learner, &course, &bodies).await?;
    let session = id_of(&bodies[1]);
    let gone = api.forget_session(&learner, &course, session).await?;
    gone.is_empty(204)?;
    let found = api.session(&learner, &course, session).await?;
    found.finds_nothing()?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(0.1, 10, 100))
}

async fn the_last_session_takes_the_course_along(api: &Api) -> Verdict {
    let (learner, course, body) = (api.learner(), new_id(), stats(1, 2, 3));
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    let gone = api.forget_session(&learner, &course, id_of(&body)).await?;
    gone.is_empty(204)?;
    api.totals(&learner, &course).await?.finds_nothing()?;
    api.summary(&course).await?.finds_nothing()?;
    let found = api.get(&learner, "/courses").await?;
    found.is(200, &json!({"courses": []}))
}

async fn a_session_that_is_not_there_is_not_found(api: &Api) -> Verdict {
    let (learner, course, body) = (api.learner(), new_id(), stats(1, 2, 3));
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    let (other, session) = (api.learner(), id_of(&body));
    for (learner, course, session) in [
        (&learner, &course, &*new_id()),
        (&learner, &new_id(), session),
        (&other, &course, session),
    ] {
        let gone = api.forget_session(learner, course, session).await?;
        gone.finds_nothing()?;
    }
    let found = api.session(&learner, &course, session).await?;
    found.is(200, &body)
}

async fn a_forgotten_course_is_gone_and_the_others_are_not(api: &Api) -> Verdict {
    let (one, other) = (api.learner(), api.learner());
    let (course, kept) = (new_id(), new_id());
    let body = stats(1, 2, 3);
    for (learner, course) in [(&one, &course), (&one, &kept), (&other, &course)] {
        api.store(learner, course, std::slice::from_ref(&body))
            .await?;
    }
    api.forget_course(&one, &course).await?.is_empty(204)?;
    api.totals(&one, &course).await?.finds_nothing()?;
    let found = api.session(&one, &course, id_of(&body)).await?;
    found.finds_nothing()?;
    let found = api.sessions(&one, &course, "").await?;
    found.is(200, &json!({"sessions": []}))?;
    for (learner, course) in [(&one, &kept), (&other, &course)] {
        let found = api.totals(learner, course).await?;
        found.is(200, &totals(1, 2, 3))?;
    }
    Ok(())
}

async fn a_course_that_is_not_there_is_not_found(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let gone = api.forget_course(&learner, &course).await?;
    gone.finds_nothing()?;
    api.store(&learner, &course, &[stats(1, 2, 3)]).await?;
    api.forget_course(&learner, &course).await?.is_empty(204)?;
    let gone = api.forget_course(&learner, &course).await?;
    gone.finds_nothing()
}

async fn a_forgotten_session_may_be_recorded_again(api: &Api) -> Verdict {
    let (learner, course, body) = (api.learner(), new_id(), stats(1, 2, 3));
    let session = id_of(&body);
    for _ in 0..2 {
        api.store(&learner, &course, std::slice::from_ref(&body))
            .await?;
        let found = api.totals(&learner, &course).await?;
        found.is(200, &totals(1, 2, 3))?;
        let gone = api.forget_session(&learner, &course, session).await?;
        gone.is_empty(204)?;
    }
    Ok(())
}

async fn an_erased_learner_is_gone_everywhere_and_the_others_are_not(api: &Api) -> Verdict {
    let (one, other) = (api.learner(), api.learner());
    let courses = [new_id(), new_id(), new_id()];
    for course in &courses {
        for learner in [&one, &other] {
            let bodies = [stats(1, 2, 3), stats(1, 2, 3)];
            api.store(learner, course, &bodies).await?;
        }
    }
    api.erase_learner(&one).await?.is_empty(204)?;
    for course in &courses {
        api.totals(&one, course).await?.finds_nothing()?;
        let found = api.totals(&other, course).await?;
        found.is(200, &totals(2, 2, 6))?;
    }
    let found = api.get(&one, "/courses").await?;
    found.is(200, &json!({"courses": []}))
}

async fn an_erasure_may_be_repeated(api: &Api) -> Verdict {
    let learner = api.learner();
    for _ in 0..2 {
        api.erase_learner(&learner).await?.is_empty(204)?;
    }
    api.store(&learner, &new_id(), &[stats(1, 2, 3)]).await?;
    api.erase_learner(&learner).await?.is_empty(204)
}

async fn what_occurred_before_an_erasure_is_gone(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let body = stats_at(&from_now(-3_600), 1, 2, 3);
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    api.erase_learner(&learner).await?.is_empty(204)?;
    let another = stats_at("2024-05-01T10:00:00Z", 1, 2, 3);
    for body in [&body, &another] {
        let late = api.record(&learner, &course, body).await?;
        late.refuses(410, "learner erased", "learner_erased")?;
    }
    api.totals(&learner, &course).await?.finds_nothing()
}

async fn what_occurs_after_an_erasure_begins_anew(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    api.store(&learner, &course, &[stats(9, 9, 9)]).await?;
    api.erase_learner(&learner).await?.is_empty(204)?;
    let later = with(stats(3, 6, 9), "occurredAt", from_now(3_600));
    let bodies = [stats(1, 2, 3), later];
    api.store(&learner, &course, &bodies).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(4, 4, 12))
}

async fn a_forgotten_course_is_no_erasure(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let body = stats_at("2024-05-01T10:00:00Z", 1, 2, 3);
    for _ in 0..2 {
        api.store(&learner, &course, std::slice::from_ref(&body))
            .await?;
        api.forget_course(&learner, &course).await?.is_empty(204)?;
    }
    Ok(())
}

async fn wrong_ids_are_told(api: &Api) -> Verdict {
    let learner = api.learner();
    let answer = api.forget_session("7", "8", "9").await?;
    answer.is_invalid("invalid userId", &["userId", "courseId", "sessionId"])?;
    let answer = api.forget_course(&learner, "8").await?;
    answer.is_invalid("invalid courseId", &["courseId"])?;
    let answer = api.erase_learner("").await?;
    answer.is_invalid("userId required", &["userId"])
}
