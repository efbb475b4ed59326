//! Conditional reads: `ETag` and `If-None-Match`.

use hyper::Method;

use super::answer::{Answer, Verdict};
use super::api::{Api, Sent, id_of, new_id, session_path, stats, totals, with};
use super::checks;
use super::client::Call;

checks!("conditional":
    totals_and_sessions_carry_an_etag,
    what_has_not_changed_is_not_sent_again,
    what_has_changed_is_sent,
    any_of_several_tags_will_do,
    a_tag_of_something_else_does_not_count,
    what_is_not_there_is_not_found_whatever_the_tag,
    head_carries_the_same_etag,
);

/// A learner's session, and the paths of their totals and of the session.
async fn studied(api: &Api) -> Verdict<(String, [String; 2])> {
    let (learner, course, body) = (api.learner(), new_id(), stats(1, 2, 3));
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    let paths = [
        format!("/courses/{course}"),
        session_path(&course, id_of(&body)),
    ];
    Ok((learner, paths))
}

/// The tag of an answer.
fn etag(answer: &Answer) -> Verdict<String> {
    answer.has(200)?;
    let tag = answer.header("etag").unwrap_or_default();
    let opaque = tag.strip_prefix("W/").unwrap_or(tag);
    let is_tag = opaque.len() > 2 && opaque.starts_with('"') && opaque.ends_with('"');
    answer.holds(is_tag, "an ETag in quotes")?;
    Ok(tag.to_owned())
}

fn get_unless<'a>(api: &'a Api, learner: &str, path: &str, tags: &str) -> Sent<'a> {
    api.send(Call::get(path).of(learner).header("if-none-match", tags))
}

async fn totals_and_sessions_carry_an_etag(api: &Api) -> Verdict {
    let (learner, paths) = studied(api).await?;
    for path in &paths {
        let first = etag(&api.get(&learner, path).await?)?;
        let again = api.get(&learner, path).await?;
        again.holds(
            etag(&again)? == first,
            format_args!("the ETag {first} again"),
        )?;
    }
    Ok(())
}

async fn what_has_not_changed_is_not_sent_again(api: &Api) -> Verdict {
    let (learner, paths) = studied(api).await?;
    for path in &paths {
        let tag = etag(&api.get(&learner, path).await?)?;
        let answer = get_unless(api, &learner, path, &tag).await?;
        answer.is_empty(304)?;
        let same = answer.header("etag") == Some(&tag);
        answer.holds(same, format_args!("the ETag {tag}"))?;
    }
    Ok(())
}

async fn what_has_changed_is_sent(api: &Api) -> Verdict {
    let (learner, course, body) = (api.learner(), new_id(), stats(1, 2, 3));
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    let path = session_path(&course, id_of(&body));
    let tag = etag(&api.get(&learner, &path).await?)?;
    let totals_tag = etag(&api.totals(&learner, &course).await?)?;
    let changed = with(body, "totalModulesStudied", 4);
    api.store(&learner, &course, std::slice::from_ref(&changed))
        .await?;
    let found = get_unless(api, &learner, &path, &tag).await?;
    found.is(200, &changed)?;
    found.holds(etag(&found)? != tag, "another ETag")?;
    let path = format!("/courses/{course}");
    let found = get_unless(api, &learner, &path, &totals_tag).await?;
    found.is(200, &totals(4, 2, 3))?;
    found.holds(etag(&found)? != totals_tag, "another ETag")
}

async fn any_of_several_tags_will_do(api: &Api) -> Verdict {
    let (learner, paths) = studied(api).await?;
    for path in &paths {
        let tag = etag(&api.get(&learner, path).await?)?;
        let opaque = tag.trim_start_matches("W/");
        let tags = [
            format!(r#""x", {tag}"#),
            format!(r#""x","y" , {tag},"z""#),
            // Whether weak or strong.
            format!("W/{opaque}"),
            "*".into(),
        ];
        for tags in tags {
            let answer = get_unless(api, &learner, path, &tags).await?;
            answer.holds(
                answer.status == 304,
                format_args!("304 with If-None-Match: {tags}"),
            )?;
        }
    }
    Ok(())
}

async fn a_tag_of_something_else_does_not_count(api: &Api) -> Verdict {
    let (learner, paths) = studied(api).await?;
    for path in &paths {
        for tags in [r#""x""#, r#"W/"x", "y""#] {
            get_unless(api, &learner, path, tags).await?.has(200)?;
        }
    }
    Ok(())
}

async fn what_is_not_there_is_not_found_whatever_the_tag(api: &Api) -> Verdict {
    let learner = api.learner();
    let course = new_id();
    for path in [
        format!("/courses/{course}"),
        session_path(&course, &new_id()),
    ] {
        let answer = get_unless(api, &learner, &path, "*").await?;
        answer.finds_nothing()?;
    }
    Ok(())
}

async fn head_carries_the_same_etag(api: &Api) -> Verdict {
    let (learner, paths) = studied(api).await?;
    for path in &paths {
        let tag = etag(&api.get(&learner, path).await?)?;
        let head = Call::new(Method::HEAD, path).of(&learner);
        let answer = api.send(head.clone()).await?;
        answer.is_empty(200)?;
        answer.holds(etag(&answer)? == tag, format_args!("the ETag {tag}"))?;
        let head = head.header("if-none-match", &tag);
        api.send(head).await?.is_empty(304)?;
    }
    Ok(())
}
