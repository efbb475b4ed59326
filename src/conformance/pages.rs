//! The pages of lists, and their cursors.

use serde_json::{Value, json};

use super::answer::{Answer, Failure, Verdict};
use super::api::{Api, id_of, new_id, stats_at, totals};
use super::checks;
use super::lists::{course_of, minute, sessions};

checks!("pages":
    a_page_has_fifty_sessions_unless_asked_otherwise,
    pages_have_every_session_once,
    pages_have_every_course_once,
    sessions_of_one_instant_are_paged_too,
    a_last_page_that_is_full_has_no_cursor,
    pages_are_stable_while_sessions_come_and_go,
    cursors_that_are_not_the_services_are_refused,
    limits_go_from_one_to_five_hundred,
);

/// Expects a list that has that one member, and a cursor or none, and gives both.
fn page(answer: &Answer, member: &str) -> Verdict<(Vec<Value>, Option<String>)> {
    answer.has(200)?;
    let body = answer.json()?;
    let cursor = &body["nextCursor"];
    let known = [body.get(member), body.get("nextCursor")];
    let members = body.as_object().map(serde_json::Map::len);
    let cursor_is_text = cursor.is_null() || cursor.as_str().is_some_and(|text| !text.is_empty());
    let is_page = members == Some(known.iter().flatten().count()) && cursor_is_text;
    answer.holds(
        is_page,
        format_args!("a list of {member}, and nextCursor or none"),
    )?;
    let items = body[member].as_array();
    let items = items.ok_or_else(|| answer.is_not(format_args!("a list of {member}")))?;
    Ok((items.clone(), cursor.as_str().map(str::to_owned)))
}

/// All items, page by page; no page but the last may have fewer than `limit`, and none may be empty.
async fn walk(api: &Api, learner: &str, path: &str, limit: usize) -> Verdict<Vec<Value>> {
    let member = path.rsplit('/').next().unwrap_or_default();
    let mut all = Vec::new();
    let mut next = String::new();
    loop {
        let query = format!("{path}?limit={limit}{next}");
        let answer = api.get(learner, &query).await?;
        let (items, cursor) = page(&answer, member)?;
        let full = items.len() == limit || (cursor.is_none() && !items.is_empty());
        answer.holds(full && items.len() <= limit, "a full page, or the last one")?;
        all.extend(items);
        match cursor {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return Ok(all),
        }
        answer.holds(all.len() < 1_000, "an end of the list")?;
    }
}

/// Expects that pages together are that list.
fn same(found: &[Value], expected: &[Value]) -> Verdict {
    let [found, expected] = [found, expected].map(|list| json!(list).to_string());
    if found == expected {
        return Ok(());
    }
    let text = format!("all pages together: expected {expected}, got {found}");
    Err(Failure::new(text))
}

async fn a_page_has_fifty_sessions_unless_asked_otherwise(api: &Api) -> Verdict {
    let (learner, course, bodies) = (api.learner(), new_id(), sessions(51));
    api.store(&learner, &course, &bodies).await?;
    let answer = api.sessions(&learner, &course, "").await?;
    let (items, cursor) = page(&answer, "sessions")?;
    answer.holds(
        items.len() == 50 && cursor.is_some(),
        "50 sessions and a nextCursor",
    )
}

async fn pages_have_every_session_once(api: &Api) -> Verdict {
    let (learner, course, mut bodies) = (api.learner(), new_id(), sessions(10));
    api.store(&learner, &course, &bodies).await?;
    bodies.reverse();
    for limit in [1, 3, 10, 500] {
        let path = format!("/courses/{course}/sessions");
        let found = walk(api, &learner, &path, limit).await?;
        same(&found, &bodies)?;
    }
    Ok(())
}

async fn pages_have_every_course_once(api: &Api) -> Verdict {
    let learner = api.learner();
    let mut expected = Vec::new();
    for number in 0..5 {
        let course = new_id();
        let body = stats_at(&minute(number), number, number, number);
        api.store(&learner, &course, &[body]).await?;
        let totals = totals(number, number, number);
        expected.insert(0, course_of(&course, 1, totals, &minute(number)));
    }
    for limit in [1, 2, 5, 500] {
        let found = walk(api, &learner, "/courses", limit).await?;
        same(&found, &expected)?;
    }
    Ok(())
}

async fn sessions_of_one_instant_are_paged_too(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let bodies: Vec<_> = (0..7).map(|n| stats_at(&minute(0), n, n, n)).collect();
    api.store(&learner, &course, &bodies).await?;
    let path = format!("/courses/{course}/sessions");
    let mut found = walk(api, &learner, &path, 2).await?;
    found.sort_by_key(|session| session["timeStudied"].as_u64());
    same(&found, &bodies)
}

async fn a_last_page_that_is_full_has_no_cursor(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    api.store(&learner, &course, &sessions(4)).await?;
    let answer = api.sessions(&learner, &course, "?limit=4").await?;
    let (items, cursor) = page(&answer, "sessions")?;
    answer.holds(
        items.len() == 4 && cursor.is_none(),
        "4 sessions and no nextCursor",
    )
}

async fn pages_are_stable_while_sessions_come_and_go(api: &Api) -> Verdict {
    let (learner, course, bodies) = (api.learner(), new_id(), sessions(6));
    api.store(&learner, &course, &bodies).await?;
    let answer = api.sessions(&learner, &course, "?limit=3").await?;
    let (_, cursor) = page(&answer, "sessions")?;
    let cursor = cursor.ok_or_else(|| answer.is_not("a nextCursor"))?;
    // A newer one comes; one that was seen goes, and so does the one that the cursor stands at.
    let newer = stats_at(&minute(30), 1, 1, 1);
    api.store(&learner, &course, &[newer]).await?;
    for seen in [4, 3] {
        let gone = api.forget_session(&learner, &course, id_of(&bodies[seen]));
        gone.await?.is_empty(204)?;
    }
    let query = format!("?limit=3&cursor={cursor}");
    let rest = api.sessions(&learner, &course, &query).await?;
    let expected: Vec<_> = [2, 1, 0].into_iter().map(|index| &bodies[index]).collect();
    rest.is(200, &json!({"sessions": expected}))
}

async fn cursors_that_are_not_the_services_are_refused(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    api.store(&learner, &course, &sessions(3)).await?;
    for cursor in ["x", "AAAA", "2024-05-01T10:00:00Z", "%00", "-1"] {
        for path in [format!("/courses/{course}/sessions"), "/courses".into()] {
            let path = format!("{path}?cursor={cursor}");
            let answer = api.get(&learner, &path).await?;
            answer.is_invalid("invalid cursor", &["cursor"])?;
        }
    }
    Ok(())
}

async fn limits_go_from_one_to_five_hundred(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    api.store(&learner, &course, &sessions(1)).await?;
    for path in [format!("/courses/{course}/sessions"), "/courses".into()] {
        for limit in ["1", "500"] {
            let answer = api.get(&learner, &format!("{path}?limit={limit}")).await?;
            answer.has(200)?;
        }
        for limit in ["0", "501", "x", "-1", "1.5"] {
            let answer = api.get(&learner, &format!("{path}?limit={limit}")).await?;
            answer.is_invalid("invalid limit", &["limit"])?;
        }
    }
    Ok(())
}
