//! The pages of a roster, and their cursors.

use serde_json::json;

use super::roster::{learners, roster, sorted};
use super::walk::{page, same};
use crate::conformance::harness::{
    CheckResult, Instance, checks, minutes, new_id, sample, text_of,
};

checks!("roster":
    a_page_has_fifty_learners_unless_asked_otherwise,
    pages_of_any_size_have_every_learner_once,
    a_learner_who_is_there_all_the_while_is_met_once,
    a_cursor_is_of_a_roster_and_of_no_other_list,
    all_wrong_parameters_are_listed_in_order,
);

async fn a_page_has_fifty_learners_unless_asked_otherwise(api: &Instance) -> CheckResult {
    let course = new_id();
    learners(api, &course, 51).await?;
    for (query, size) in [("", 50), ("?limit=51", 51), ("?limit=500", 51)] {
        let found = api.roster(&course, query).await?;
        let (learners, cursor) = page(&found, "learners")?;
        found.expect(
            learners.len() == size && cursor.is_some() == (size < 51),
            format_args!("{size} learners, and nextCursor only where more are left"),
        )?;
    }
    Ok(())
}

async fn pages_of_any_size_have_every_learner_once(api: &Instance) -> CheckResult {
    let course = new_id();
    let expected = learners(api, &course, 60).await?;
    let whole = roster(api, &course, 500).await?;
    same(&sorted(whole.clone()), &expected)?;
    for limit in [1, 2, 7, 60] {
        let found = roster(api, &course, limit).await?;
        same(&found, &whole)?;
    }
    Ok(())
}

async fn a_learner_who_is_there_all_the_while_is_met_once(api: &Instance) -> CheckResult {
    let course = new_id();
    let staying = learners(api, &course, 20).await?;
    let mut leaving = learners(api, &course, 20).await?.into_iter();
    let (mut met, mut next) = (Vec::new(), String::new());
    loop {
        let found = api.roster(&course, &format!("?limit=2{next}")).await?;
        let (on_page, cursor) = page(&found, "learners")?;
        // Two learners leave: of this page, where the cursor may name the learner, and of any page.
        let left = on_page.iter().find(|learner| !staying.contains(learner));
        for learner in left.cloned().into_iter().chain(leaving.next()) {
            let deleted = api.delete_course(text_of(&learner, "userId"), &course);
            let deleted = deleted.await?;
            // The learner may have left before.
            deleted.expect([204, 404].contains(&deleted.status), "204 or 404")?;
        }
        let (joining, body) = (api.learner(), sample(1, 2, 3));
        api.store(&joining, &course, &[body]).await?;
        met.extend(on_page);
        found.expect(met.len() < 1_000, "an end of the list")?;
        match cursor {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    let met = sorted(met);
    let twice = met
        .windows(2)
        .find(|two| two[0]["userId"] == two[1]["userId"]);
    same(twice.unwrap_or_default(), &[])?;
    let met = met.into_iter().filter(|learner| staying.contains(learner));
    same(&met.collect::<Vec<_>>(), &staying)
}

/// The cursor after the first item of a list.
async fn cursor_of(api: &Instance, learner: &str, path: &str) -> CheckResult<String> {
    let found = api.get(learner, &format!("{path}?limit=1")).await?;
    let cursor = found.json()?["nextCursor"].as_str().map(str::to_owned);
    cursor.ok_or_else(|| found.mismatch("a nextCursor"))
}

async fn a_cursor_is_of_a_roster_and_of_no_other_list(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    for (learner, course) in [
        (&learner, &course),
        (&learner, &new_id()),
        (&api.learner(), &course),
    ] {
        api.store(learner, course, &minutes(2)).await?;
    }
    let course = format!("/courses/{course}");
    let paths = [
        format!("{course}/learners"),
        format!("{course}/sessions"),
        "/courses".into(),
    ];
    let own = cursor_of(api, &learner, &paths[0]).await?;
    let short = own.get(1..).unwrap_or_default();
    let mut refused = vec![
        (&paths[0], short.to_owned()),
        (&paths[0], format!("{own}A")),
        (&paths[0], "x".to_owned()),
    ];
    for path in &paths[1..] {
        refused.push((&paths[0], cursor_of(api, &learner, path).await?));
        refused.push((path, own.clone()));
    }
    for (path, cursor) in refused {
        let refused = api.get(&learner, &format!("{path}?cursor={cursor}"));
        refused.await?.is_invalid("invalid cursor", &["cursor"])?;
    }
    let found = api.get(&learner, &format!("{}?cursor={own}", paths[0]));
    let (rest, _) = page(&found.await?, "learners")?;
    same(&[json!(rest.len())], &[json!(1)])
}

async fn all_wrong_parameters_are_listed_in_order(api: &Instance) -> CheckResult {
    for (course, query, message, wrong) in [
        ("7", "", "invalid courseId", &["courseId"][..]),
        ("%FF", "", "invalid courseId", &["courseId"]),
        (&new_id(), "?limit=0", "invalid limit", &["limit"]),
        (&new_id(), "?limit=501", "invalid limit", &["limit"]),
        (&new_id(), "?limit=2&limit=2", "invalid limit", &["limit"]),
        (&new_id(), "?cursor=", "invalid cursor", &["cursor"]),
        (
            "7",
            "?cursor=x&limit=x",
            "invalid courseId",
            &["courseId", "limit", "cursor"],
        ),
    ] {
        let refused = api.roster(course, query).await?;
        refused.is_invalid(message, wrong)?;
    }
    Ok(())
}
