//! Which paths there are, and which methods each allows.

use hyper::Method;

use super::answer::Verdict;
use super::api::{Api, id_of, new_id, session_path, stats};
use super::checks;
use super::client::Call;

checks!("methods":
    unknown_paths_are_not_found,
    other_methods_are_not_allowed_and_the_right_ones_are_told,
    head_is_a_get_without_a_body,
);

async fn unknown_paths_are_not_found(api: &Api) -> Verdict {
    let course = format!("/courses/{}/x", new_id());
    for path in ["/x", "/courses/", &course, "/health", "/docs/x"] {
        for call in [Call::get(path), Call::post(path)] {
            let answer = api.send(call.of(&new_id())).await?;
            answer.refuses(404, "not found", "not_found")?;
        }
    }
    Ok(())
}

async fn other_methods_are_not_allowed_and_the_right_ones_are_told(api: &Api) -> Verdict {
    let course = format!("/courses/{}", new_id());
    for (path, allowed) in [
        (course.clone(), &["DELETE", "GET", "HEAD", "POST"][..]),
        ("/courses".into(), &["DELETE", "GET", "HEAD"]),
        (
            session_path(&new_id(), &new_id()),
            &["DELETE", "GET", "HEAD"],
        ),
        (format!("{course}/sessions"), &["GET", "HEAD"]),
        (format!("{course}/activity"), &["GET", "HEAD"]),
        (format!("{course}/summary"), &["GET", "HEAD"]),
        ("/sessions".into(), &["POST"]),
        ("/health/live".into(), &["GET", "HEAD"]),
        ("/health/ready".into(), &["GET", "HEAD"]),
        ("/openapi.json".into(), &["GET", "HEAD"]),
        ("/docs".into(), &["GET", "HEAD"]),
    ] {
        let methods = [Method::PUT, Method::PATCH, Method::POST, Method::DELETE];
        let others = methods
            .into_iter()
            .filter(|method| !allowed.contains(&method.as_str()));
        for method in others {
            let call = Call::new(method, path.clone()).of(&new_id());
            let answer = api.send(call).await?;
            answer.refuses(405, "method not allowed", "method_not_allowed")?;
            let told = answer.header("allow").unwrap_or_default();
            let mut told: Vec<_> = told.split(',').map(str::trim).collect();
            told.sort_unstable();
            answer.holds(
                told == allowed,
                format_args!("Allow: {}", allowed.join(", ")),
            )?;
        }
    }
    Ok(())
}

async fn head_is_a_get_without_a_body(api: &Api) -> Verdict {
    let (learner, course, body) = (api.learner(), new_id(), stats(1, 2, 3));
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    let paths = [
        format!("/courses/{course}"),
        session_path(&course, id_of(&body)),
        format!("/courses/{course}/sessions"),
        format!("/courses/{course}/activity"),
        format!("/courses/{course}/summary"),
        format!("/courses/{}", new_id()),
    ];
    let fixed = ["/courses", "/health/live", "/openapi.json", "/docs", "/x"];
    for path in paths.into_iter().chain(fixed.map(str::to_owned)) {
        let get = api.get(&learner, &path).await?;
        let head = Call::new(Method::HEAD, path).of(&learner);
        let head = api.send(head).await?;
        head.is_empty(get.status)?;
        let content_type = get.header("content-type");
        head.holds(
            head.header("content-type") == content_type,
            format_args!("a content type of {content_type:?}"),
        )?;
    }
    Ok(())
}
