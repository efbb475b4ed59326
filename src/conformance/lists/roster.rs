//! `GET /courses/{courseId}/learners`: the learners of a course with their totals.

use serde_json::{Value, json};

use super::walk::{page, same, walk};
use crate::conformance::harness::{
    CheckResult, Instance, Request, checks, id_of, members, minute, minutes, new_id, record_of,
    sample, sample_at, text_of, totals, with,
};

checks!("roster":
    a_roster_has_every_learner_with_exactly_its_members,
    its_totals_add_up_to_the_summary,
    it_follows_a_replaced_session,
    it_follows_what_is_forgotten,
    a_course_that_nobody_studied_has_an_empty_roster,
    a_roster_needs_no_learner,
);

/// Expected learner.
fn listed(learner: &str, sessions: u64, totals: Value, last: &str) -> Value {
    let listed = with(with(totals, "userId", learner), "sessions", sessions);
    with(listed, "lastOccurredAt", last)
}

/// Learners in the order of their ids.
pub(super) fn sorted(mut learners: Vec<Value>) -> Vec<Value> {
    learners.sort_by(|a, b| text_of(a, "userId").cmp(text_of(b, "userId")));
    learners
}

/// Records sessions of new learners in a course: `n % 3 + 1` sessions, a minute apart, of the learner with
/// the index `n`, whose numbers are all `n`. Returns the expected learners in the order of their ids.
pub(super) async fn learners(api: &Instance, course: &str, count: u64) -> CheckResult<Vec<Value>> {
    let (mut records, mut expected) = (Vec::new(), Vec::new());
    for number in 0..count {
        let (learner, sessions) = (api.learner(), number % 3 + 1);
        for turn in 0..sessions {
            let body = sample_at(&minute(turn), number, number, number);
            records.push(record_of(&learner, course, body));
        }
        let sum = number * sessions;
        let totals = totals(sum, number, sum);
        expected.push(listed(&learner, sessions, totals, &minute(sessions - 1)));
    }
    api.batch(&records).await?.has_status(200)?;
    Ok(sorted(expected))
}

pub(super) async fn roster(api: &Instance, course: &str, limit: usize) -> CheckResult<Vec<Value>> {
    walk(api, "", &format!("/courses/{course}/learners"), limit).await
}

async fn a_roster_has_every_learner_with_exactly_its_members(api: &Instance) -> CheckResult {
    let (one, other, course) = (api.learner(), api.learner(), new_id());
    let bodies = [
        sample_at("2024-05-01T10:00:00+02:00", 3, 7.5, 2),
        sample_at("2024-05-01T09:00:00.125+02:00", 8, 8, 3),
        sample_at("2024-04-30T23:00:00-08:00", 4, 9, 6),
    ];
    api.store(&one, &course, &bodies).await?;
    let found = api.roster(&course, "").await?;
    let totals_of_one = totals(15, 8.166_666_666_666_666, 11);
    let one = listed(&one, 3, totals_of_one, "2024-05-01T08:00:00Z");
    found.is(200, &json!({"learners": [one]}))?;

    api.store(&other, &course, &[sample_at(&minute(0), 0, -1.5, 0)])
        .await?;
    // Sessions in another course do not count.
    api.store(&other, &new_id(), &minutes(2)).await?;
    let other = listed(&other, 1, totals(0, -1.5, 0), &minute(0));
    let found = api.roster(&course, "").await?;
    let (learners, cursor) = page(&found, "learners")?;
    found.expect(cursor.is_none(), "no nextCursor")?;
    same(&sorted(learners), &sorted(vec![one, other]))
}

async fn its_totals_add_up_to_the_summary(api: &Instance) -> CheckResult {
    let course = new_id();
    learners(api, &course, 30).await?;
    let found = roster(api, &course, 7).await?;
    let sum = |member: &str| {
        let values = found.iter().map(|learner| learner[member].as_u64());
        values.flatten().sum::<u64>()
    };
    let summary = api.summary(&course).await?;
    let body = summary.json()?;
    for (member, expected) in [
        ("learners", found.len() as u64),
        ("sessions", sum("sessions")),
        ("totalModulesStudied", sum("totalModulesStudied")),
        ("timeStudied", sum("timeStudied")),
    ] {
        summary.expect(
            body[member] == expected,
            format_args!("{member} of {expected}, as in the roster"),
        )?;
    }
    Ok(())
}

async fn it_follows_a_replaced_session(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let body = sample_at(&minute(5), 7, 70, 700);
    let update = |time: u64, modules: u64| {
        let stats = totals(modules, 10, 100);
        let update = with(stats, "sessionId", id_of(&body));
        with(update, "occurredAt", minute(time))
    };
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    for (time, modules) in [(5, 1), (9, 2)] {
        api.store(&learner, &course, &[update(time, modules)])
            .await?;
        let expected = listed(&learner, 1, totals(modules, 10, 100), &minute(time));
        let found = api.roster(&course, "").await?;
        found.is(200, &json!({"learners": [expected]}))?;
    }
    Ok(())
}

async fn it_follows_what_is_forgotten(api: &Instance) -> CheckResult {
    let course = new_id();
    let learners = [api.learner(), api.learner(), api.learner()];
    let bodies = [
        sample_at(&minute(1), 1, 10, 100),
        sample_at(&minute(2), 2, 20, 200),
    ];
    for learner in &learners {
        api.store(learner, &course, &bodies).await?;
    }
    let whole = |learner: &str| listed(learner, 2, totals(3, 15, 300), &minute(2));
    let [one, two, three] = &learners;
    // The latest session of a learner.
    let deleted = api.delete_session(one, &course, id_of(&bodies[1])).await?;
    deleted.is_deleted()?;
    let left = listed(one, 1, totals(1, 10, 100), &minute(1));
    let found = roster(api, &course, 2).await?;
    same(
        &sorted(found),
        &sorted(vec![left, whole(two), whole(three)]),
    )?;
    // The only session left.
    let deleted = api.delete_session(one, &course, id_of(&bodies[0])).await?;
    deleted.is_deleted()?;
    let found = roster(api, &course, 2).await?;
    same(&sorted(found), &sorted(vec![whole(two), whole(three)]))?;
    api.delete_course(two, &course).await?.is_deleted()?;
    let found = api.roster(&course, "").await?;
    found.is(200, &json!({"learners": [whole(three)]}))?;
    api.erase_learner(three).await?.is_deleted()?;
    let found = api.roster(&course, "").await?;
    found.is(200, &json!({"learners": []}))
}

async fn a_course_that_nobody_studied_has_an_empty_roster(api: &Instance) -> CheckResult {
    for query in ["", "?limit=1"] {
        let found = api.roster(&new_id(), query).await?;
        found.is(200, &json!({"learners": []}))?;
    }
    Ok(())
}

async fn a_roster_needs_no_learner(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    api.store(&learner, &course, &[sample(1, 2, 3)]).await?;
    let path = format!("/courses/{course}/learners");
    for other in ["", "7", &new_id()] {
        let found = api.send(Request::get(&path).of(other)).await?;
        let listed = members(&found.json()?, "learners", "userId");
        found.expect(listed == [json!(learner)], "the learner of the course")?;
    }
    Ok(())
}
