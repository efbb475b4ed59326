//! Conditional reads: `ETag`, `If-None-Match`, 304.

use hyper::Method;
use serde_json::Value;

use crate::conformance::harness::{
    CheckResult, Instance, PendingResponse, Request, Response, checks, id_of, new_id, recording,
    sample, sample_at, session_path, totals, with,
};

checks!("conditional":
    totals_and_sessions_carry_an_etag,
    every_read_has_an_etag_of_its_own,
    what_has_not_changed_is_not_sent_again,
    what_has_changed_is_sent,
    a_write_without_a_change_keeps_every_etag_and_a_change_replaces_it,
    any_of_several_tags_will_do,
    a_tag_of_something_else_does_not_count,
    what_is_not_there_is_not_found_whatever_the_tag,
    errors_health_and_writes_carry_no_etag,
    head_carries_the_same_etag,
);

/// A learner with one session, and the paths of all reads with the session.
struct RecordedSession {
    learner: String,
    course: String,
    body: Value,
    paths: [String; 8],
}

async fn recorded_session(api: &Instance) -> CheckResult<RecordedSession> {
    let (learner, course) = (api.learner(), new_id());
    let body = sample_at("2026-01-15T09:30:00+01:00", 1, 2, 3);
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    let paths = [
        format!("/courses/{course}"),
        session_path(&course, id_of(&body)),
        "/courses".to_owned(),
        format!("/courses/{course}/sessions"),
        format!("/courses/{course}/activity?to=2026-01-15"),
        // Not the content of the activity in the course: the streak is not current.
        "/activity?to=2026-01-17".to_owned(),
        format!("/courses/{course}/summary"),
        format!("/courses/{course}/learners"),
    ];
    Ok(RecordedSession {
        learner,
        course,
        body,
        paths,
    })
}

/// Expects 200 with an entity tag, and returns the tag.
fn etag(response: &Response) -> CheckResult<String> {
    response.has_status(200)?;
    let tag = response.header("etag").unwrap_or_default();
    let opaque = tag.strip_prefix("W/").unwrap_or(tag);
    let is_tag = opaque.len() > 2 && opaque.starts_with('"') && opaque.ends_with('"');
    response.expect(is_tag, "an ETag in quotes")?;
    Ok(tag.to_owned())
}

/// Sends a GET with an `If-None-Match` header for each of some values.
fn get_unless<'a>(
    api: &'a Instance,
    learner: &str,
    path: &str,
    tags: &[&str],
) -> PendingResponse<'a> {
    let get = Request::get(path).of(learner);
    api.send(
        tags.iter()
            .fold(get, |get, tags| get.header("if-none-match", tags)),
    )
}

async fn totals_and_sessions_carry_an_etag(api: &Instance) -> CheckResult {
    let RecordedSession { learner, paths, .. } = recorded_session(api).await?;
    for path in &paths {
        let first = etag(&api.get(&learner, path).await?)?;
        let again = api.get(&learner, path).await?;
        again.expect(
            etag(&again)? == first,
            format_args!("the ETag {first} again"),
        )?;
    }
    Ok(())
}

async fn every_read_has_an_etag_of_its_own(api: &Instance) -> CheckResult {
    let RecordedSession { learner, paths, .. } = recorded_session(api).await?;
    let mut tags = Vec::new();
    for path in &paths {
        let found = api.get(&learner, path).await?;
        found.has_header("cache-control", "private, no-cache")?;
        found.has_header("vary", "X-User-Id, Authorization")?;
        let tag = etag(&found)?;
        let opaque = tag.trim_start_matches("W/").trim_matches('"');
        found.expect(
            !opaque.contains(['"', ',', ' ']),
            "an ETag without quotes, commas and spaces in it",
        )?;
        found.expect(
            !tags.contains(&tag),
            format_args!("an ETag other than {tags:?}"),
        )?;
        tags.push(tag);
    }
    Ok(())
}

/// Expects 304 with the tag, and without a body and the headers of a body.
fn is_not_modified(response: &Response, tag: &str, tags: &[&str]) -> CheckResult {
    response.expect(
        response.status == 304 && response.body.is_empty(),
        format_args!("304 with If-None-Match: {tags:?}"),
    )?;
    response.has_header("etag", tag)?;
    response.has_header("cache-control", "private, no-cache")?;
    let headers = ["x-request-id", "content-type", "content-length"];
    response.expect(
        headers.map(|name| response.header(name).is_some()) == [true, false, false],
        "X-Request-Id, no Content-Type, no Content-Length",
    )
}

async fn what_has_not_changed_is_not_sent_again(api: &Instance) -> CheckResult {
    let RecordedSession { learner, paths, .. } = recorded_session(api).await?;
    for path in &paths {
        let tag = etag(&api.get(&learner, path).await?)?;
        let response = get_unless(api, &learner, path, &[&tag]).await?;
        is_not_modified(&response, &tag, &[&tag])?;
    }
    Ok(())
}

async fn what_has_changed_is_sent(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(1, 2, 3));
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    let path = session_path(&course, id_of(&body));
    let tag = etag(&api.get(&learner, &path).await?)?;
    let totals_tag = etag(&api.totals(&learner, &course).await?)?;
    let changed = with(body, "totalModulesStudied", 4);
    api.store(&learner, &course, std::slice::from_ref(&changed))
        .await?;
    let found = get_unless(api, &learner, &path, &[&tag]).await?;
    found.is(200, &changed)?;
    found.expect(etag(&found)? != tag, "another ETag")?;
    let path = format!("/courses/{course}");
    let found = get_unless(api, &learner, &path, &[&totals_tag]).await?;
    found.is(200, &totals(4, 2, 3))?;
    found.expect(etag(&found)? != totals_tag, "another ETag")
}

async fn a_write_without_a_change_keeps_every_etag_and_a_change_replaces_it(
    api: &Instance,
) -> CheckResult {
    let recorded = recorded_session(api).await?;
    let (learner, course) = (&recorded.learner, &recorded.course);
    for (modules, changed) in [(1, false), (9, true)] {
        let mut tags = Vec::new();
        for path in &recorded.paths {
            tags.push(etag(&api.get(learner, path).await?)?);
        }
        let body = with(recorded.body.clone(), "totalModulesStudied", modules);
        api.store(learner, course, &[body]).await?;
        for (path, tag) in recorded.paths.iter().zip(&tags) {
            let response = get_unless(api, learner, path, &[tag]).await?;
            if changed {
                response.expect(etag(&response)? != *tag, "another ETag")?;
                let nine = response.text().contains(r#""totalModulesStudied":9"#);
                response.expect(nine, "9 modules")?;
            } else {
                response.has_status(304)?;
            }
        }
    }
    Ok(())
}

async fn any_of_several_tags_will_do(api: &Instance) -> CheckResult {
    let RecordedSession { learner, paths, .. } = recorded_session(api).await?;
    for path in &paths {
        let tag = etag(&api.get(&learner, path).await?)?;
        let opaque = tag.trim_start_matches("W/");
        let other = format!("\"{}\"", new_id());
        // The comparison is weak: W/ makes no difference.
        let weak = format!("W/{opaque}");
        let lists = [
            format!(r#""x", {tag}"#),
            format!(r#""x","y" , {tag},"z""#),
            format!("{other}, {tag}"),
            format!("{other} ,,\t{weak},"),
            weak,
            "*".into(),
        ];
        for list in &lists {
            let response = get_unless(api, &learner, path, &[list]).await?;
            is_not_modified(&response, &tag, &[list])?;
        }
        let tags = [other.as_str(), &tag];
        let response = get_unless(api, &learner, path, &tags).await?;
        is_not_modified(&response, &tag, &tags)?;
    }
    Ok(())
}

async fn a_tag_of_something_else_does_not_count(api: &Instance) -> CheckResult {
    let RecordedSession { learner, paths, .. } = recorded_session(api).await?;
    for path in &paths {
        let whole = api.get(&learner, path).await?;
        let tag = etag(&whole)?;
        let opaque = tag.trim_start_matches("W/");
        let (other, upper) = (format!("\"{}\"", new_id()), opaque.to_uppercase());
        for tags in [
            &[r#""x""#][..],
            &[r#"W/"x", "y""#],
            &[&other],
            &[opaque.trim_matches('"')],
            &[""],
            &["x, *"],
            &[&upper],
            &["\"", "\"\""],
            &["W/*"],
        ] {
            let found = get_unless(api, &learner, path, tags).await?;
            found.expect(
                found.status == 200 && found.body == whole.body,
                format_args!("the whole body with If-None-Match: {tags:?}"),
            )?;
            found.has_header("etag", &tag)?;
        }
    }
    Ok(())
}

async fn what_is_not_there_is_not_found_whatever_the_tag(api: &Instance) -> CheckResult {
    let learner = api.learner();
    let course = new_id();
    for path in [
        format!("/courses/{course}"),
        session_path(&course, &new_id()),
    ] {
        let response = get_unless(api, &learner, &path, &["*"]).await?;
        response.is_not_found()?;
    }
    Ok(())
}

async fn errors_health_and_writes_carry_no_etag(api: &Instance) -> CheckResult {
    let stored = recorded_session(api).await?;
    let (learner, course) = (&stored.learner, format!("/courses/{}", new_id()));
    for (path, status) in [
        (course.clone(), 404),
        (format!("{course}/sessions/{}", new_id()), 404),
        (format!("{course}/summary"), 404),
        (format!("{course}/sessions?limit=0"), 400),
        (format!("{course}/activity?to=x"), 400),
        (format!("{course}/learners?limit=0"), 400),
        ("/courses?cursor=x".to_owned(), 400),
        ("/health/live".to_owned(), 200),
        ("/health/ready".to_owned(), 200),
    ] {
        let response = get_unless(api, learner, &path, &["*"]).await?;
        let untagged = response.status == status && response.header("etag").is_none();
        response.expect(untagged, format_args!("{status} without an ETag"))?;
    }
    // Of a stored session: a precondition on writes would be 412.
    let post = recording(&stored.course).of(learner).json(&stored.body);
    let response = api.send(post.header("if-none-match", "*")).await?;
    let untagged = response.status == 201 && response.header("etag").is_none();
    response.expect(untagged, "201 without an ETag")
}

async fn head_carries_the_same_etag(api: &Instance) -> CheckResult {
    let RecordedSession { learner, paths, .. } = recorded_session(api).await?;
    for path in &paths {
        let tag = etag(&api.get(&learner, path).await?)?;
        let head = Request::new(Method::HEAD, path).of(&learner);
        let response = api.send(head.clone()).await?;
        response.is_empty(200)?;
        response.expect(etag(&response)? == tag, format_args!("the ETag {tag}"))?;
        let response = api.send(head.header("if-none-match", &tag)).await?;
        response.is_empty(304)?;
        response.has_header("etag", &tag)?;
    }
    Ok(())
}
