//! The pages of lists, and their cursors.

use serde_json::{Value, json};

use super::walk::{page, same, walk};
use crate::conformance::harness::{
    CheckResult, Instance, checks, course_listed, id_of, members, minute, minutes, new_id,
    record_of, sample_at, totals, with,
};

checks!("pages":
    a_page_has_fifty_sessions_unless_asked_otherwise,
    a_page_has_up_to_five_hundred_sessions,
    pages_have_every_session_once,
    pages_have_every_course_once,
    pages_of_any_size_have_every_item_once,
    sessions_of_one_instant_are_paged_too,
    a_last_page_that_is_full_has_no_cursor,
    pages_are_stable_while_sessions_come_and_go,
    a_session_that_moves_to_the_front_is_not_in_later_pages,
    cursors_that_are_not_the_services_are_refused,
    limits_go_from_one_to_five_hundred,
);

/// The body of a record some milliseconds after 1970 began.
fn at_millis(millis: u32) -> Value {
    let time = format!("1970-01-01T00:00:00.{millis:03}Z");
    sample_at(&time, 1, 2, 3)
}

async fn a_page_has_fifty_sessions_unless_asked_otherwise(api: &Instance) -> CheckResult {
    let (learner, course, bodies) = (api.learner(), new_id(), minutes(51));
    api.store(&learner, &course, &bodies).await?;
    let response = api.sessions(&learner, &course, "").await?;
    let (items, cursor) = page(&response, "sessions")?;
    response.expect(
        items.len() == 50 && cursor.is_some(),
        "50 sessions and a nextCursor",
    )
}

async fn a_page_has_up_to_five_hundred_sessions(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let records = (0..501).map(|millis| record_of(&learner, &course, at_millis(millis)));
    let records: Vec<_> = records.collect();
    api.batch(&records).await?.has_status(200)?;
    for (query, size) in [("?", 50), ("?limit=500", 500)] {
        let found = api.sessions(&learner, &course, query).await?;
        let (items, cursor) = page(&found, "sessions")?;
        let cursor = cursor.ok_or_else(|| found.mismatch("a nextCursor"))?;
        found.expect(items.len() == size, format_args!("{size} sessions"))?;
        let query = format!("?limit=500&cursor={cursor}");
        let found = api.sessions(&learner, &course, &query).await?;
        let (items, cursor) = page(&found, "sessions")?;
        found.expect(
            items.len() == 501 - size && cursor.is_none(),
            "the rest of 501 sessions and no nextCursor",
        )?;
    }
    Ok(())
}

async fn pages_have_every_session_once(api: &Instance) -> CheckResult {
    let (learner, course, mut bodies) = (api.learner(), new_id(), minutes(10));
    api.store(&learner, &course, &bodies).await?;
    bodies.reverse();
    for limit in [1, 3, 10, 500] {
        let path = format!("/courses/{course}/sessions");
        let found = walk(api, &learner, &path, limit).await?;
        same(&found, &bodies)?;
    }
    Ok(())
}

async fn pages_have_every_course_once(api: &Instance) -> CheckResult {
    let learner = api.learner();
    let mut expected = Vec::new();
    for number in 0..5 {
        let course = new_id();
        let body = sample_at(&minute(number), number, number, number);
        api.store(&learner, &course, &[body]).await?;
        let totals = totals(number, number, number);
        expected.insert(0, course_listed(&course, 1, totals, &minute(number)));
    }
    for limit in [1, 2, 5, 500] {
        let found = walk(api, &learner, "/courses", limit).await?;
        same(&found, &expected)?;
    }
    Ok(())
}

async fn pages_of_any_size_have_every_item_once(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    // Six sessions in one course, and six more courses of a session each; some sessions at the same instant.
    for millis in [5, 5, 5, 4, 3, 3] {
        api.store(&learner, &course, &[at_millis(10 + millis)])
            .await?;
        api.store(&learner, &new_id(), &[at_millis(millis)]).await?;
    }
    let sessions = format!("/courses/{course}/sessions");
    for (path, list, count) in [(&*sessions, "sessions", 6), ("/courses", "courses", 7)] {
        let whole = api.get(&learner, path).await?;
        let (all, _) = page(&whole, list)?;
        whole.expect(all.len() == count, format_args!("{count} {list}"))?;
        for limit in 1..=count + 1 {
            let found = walk(api, &learner, path, limit).await?;
            same(&found, &all)?;
        }
    }
    Ok(())
}

async fn sessions_of_one_instant_are_paged_too(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let bodies: Vec<_> = (0..7).map(|n| sample_at(&minute(0), n, n, n)).collect();
    api.store(&learner, &course, &bodies).await?;
    let path = format!("/courses/{course}/sessions");
    let mut found = walk(api, &learner, &path, 2).await?;
    found.sort_by_key(|session| session["timeStudied"].as_u64());
    same(&found, &bodies)
}

async fn a_last_page_that_is_full_has_no_cursor(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    api.store(&learner, &course, &minutes(4)).await?;
    let response = api.sessions(&learner, &course, "?limit=4").await?;
    let (items, cursor) = page(&response, "sessions")?;
    response.expect(
        items.len() == 4 && cursor.is_none(),
        "4 sessions and no nextCursor",
    )
}

async fn pages_are_stable_while_sessions_come_and_go(api: &Instance) -> CheckResult {
    let (learner, course, bodies) = (api.learner(), new_id(), minutes(6));
    api.store(&learner, &course, &bodies).await?;
    let response = api.sessions(&learner, &course, "?limit=3").await?;
    let (_, cursor) = page(&response, "sessions")?;
    let cursor = cursor.ok_or_else(|| response.mismatch("a nextCursor"))?;
    // A newer session is recorded; a listed session and the session of the cursor are deleted.
    let newer = sample_at(&minute(30), 1, 1, 1);
    api.store(&learner, &course, &[newer]).await?;
    for seen in [4, 3] {
        let deleted = api.delete_session(&learner, &course, id_of(&bodies[seen]));
        deleted.await?.is_empty(204)?;
    }
    let query = format!("?limit=3&cursor={cursor}");
    let rest = api.sessions(&learner, &course, &query).await?;
    let expected: Vec<_> = [2, 1, 0].into_iter().map(|index| &bodies[index]).collect();
    rest.is(200, &json!({"sessions": expected}))
}

async fn a_session_that_moves_to_the_front_is_not_in_later_pages(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let bodies: Vec<_> = (0..8).map(at_millis).collect();
    api.store(&learner, &course, &bodies).await?;
    let ids = |indexes: [usize; 3]| indexes.map(|index| id_of(&bodies[index]));
    let first = api.sessions(&learner, &course, "?limit=3").await?;
    let (_, cursor) = page(&first, "sessions")?;
    let cursor = cursor.ok_or_else(|| first.mismatch("a nextCursor"))?;
    // The session of the cursor and a later session are deleted, a session is new, a session moves to the front.
    for index in [5, 3] {
        let deleted = api.delete_session(&learner, &course, id_of(&bodies[index]));
        deleted.await?.is_deleted()?;
    }
    let moved = with(bodies[1].clone(), "occurredAt", "1970-01-01T00:00:00.010Z");
    api.store(&learner, &course, &[at_millis(9), moved]).await?;

    let query = format!("?limit=3&cursor={cursor}");
    let second = api.sessions(&learner, &course, &query).await?;
    let found = members(&first.json()?, "sessions", "sessionId");
    first.expect(found == ids([7, 6, 5]), "sessions 7, 6, 5")?;
    let (_, cursor) = page(&second, "sessions")?;
    let found = members(&second.json()?, "sessions", "sessionId");
    second.expect(
        found == ids([4, 2, 0]) && cursor.is_none(),
        "sessions 4, 2, 0 and no nextCursor",
    )
}

async fn cursors_that_are_not_the_services_are_refused(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    api.store(&learner, &course, &minutes(3)).await?;
    for cursor in ["x", "AAAA", "2024-05-01T10:00:00Z", "%00", "-1"] {
        for path in [format!("/courses/{course}/sessions"), "/courses".into()] {
            let path = format!("{path}?cursor={cursor}");
            let response = api.get(&learner, &path).await?;
            response.is_invalid("invalid cursor", &["cursor"])?;
        }
    }
    Ok(())
}

async fn limits_go_from_one_to_five_hundred(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    api.store(&learner, &course, &minutes(1)).await?;
    for path in [format!("/courses/{course}/sessions"), "/courses".into()] {
        for limit in ["1", "500"] {
            let response = api.get(&learner, &format!("{path}?limit={limit}")).await?;
            response.has_status(200)?;
        }
        for limit in ["0", "501", "x", "-1", "1.5"] {
            let response = api.get(&learner, &format!("{path}?limit={limit}")).await?;
            response.is_invalid("invalid limit", &["limit"])?;
        }
    }
    Ok(())
}
