//! The paths of the API, and the methods that each path allows.

use hyper::Method;

use crate::conformance::harness::{
    CheckResult, Instance, Request, Response, checks, id_of, new_id, sample, session_path,
};

checks!("methods":
    unknown_paths_are_not_found,
    other_methods_are_not_allowed_and_the_right_ones_are_told,
    head_is_a_get_without_a_body,
    the_length_of_head_is_that_of_get,
);

async fn unknown_paths_are_not_found(api: &Instance) -> CheckResult {
    let course = format!("/courses/{}/x", new_id());
    for path in [
        "/x",
        "/courses/",
        "/sessions/",
        &course,
        "/health",
        "/docs/x",
        "/favicon.ico",
    ] {
        let body = sample(1, 2, 3);
        for request in [
            Request::get(path),
            Request::post(path),
            Request::get(path).json(&body),
            Request::post(path).json(&body),
        ] {
            let response = api.send(request.of(&new_id())).await?;
            response.is_refused(404, "not found", "not_found")?;
        }
    }
    Ok(())
}

async fn other_methods_are_not_allowed_and_the_right_ones_are_told(api: &Instance) -> CheckResult {
    let course = format!("/courses/{}", new_id());
    for (path, allowed) in [
        (course.clone(), &["DELETE", "GET", "HEAD", "POST"][..]),
        ("/courses".into(), &["GET", "HEAD"]),
        ("/learner".into(), &["DELETE"]),
        ("/activity".into(), &["GET", "HEAD"]),
        (
            session_path(&new_id(), &new_id()),
            &["DELETE", "GET", "HEAD"],
        ),
        (format!("{course}/sessions"), &["GET", "HEAD"]),
        (format!("{course}/activity"), &["GET", "HEAD"]),
        (format!("{course}/summary"), &["GET", "HEAD"]),
        (format!("{course}/learners"), &["GET", "HEAD"]),
        ("/sessions".into(), &["POST"]),
        ("/health/live".into(), &["GET", "HEAD"]),
        ("/health/ready".into(), &["GET", "HEAD"]),
        ("/openapi.json".into(), &["GET", "HEAD"]),
        ("/docs".into(), &["GET", "HEAD"]),
        ("/".into(), &["GET", "HEAD"]),
    ] {
        let methods = [
            Method::PUT,
            Method::PATCH,
            Method::POST,
            Method::DELETE,
            Method::GET,
        ];
        let others = methods
            .into_iter()
            .filter(|method| !allowed.contains(&method.as_str()));
        for method in others {
            let request = Request::new(method, path.clone()).of(&new_id());
            let response = api.send(request).await?;
            response.is_refused(405, "method not allowed", "method_not_allowed")?;
            let listed = response.header("allow").unwrap_or_default();
            let mut listed: Vec<_> = listed.split(',').map(str::trim).collect();
            listed.sort_unstable();
            response.expect(
                listed == allowed,
                format_args!("Allow: {}", allowed.join(", ")),
            )?;
        }
    }
    Ok(())
}

/// GET and HEAD of paths of all kinds, the paths of a learner's session among them.
async fn gets_and_heads(api: &Instance) -> CheckResult<Vec<[Response; 2]>> {
    let (learner, course, body) = (api.learner(), new_id(), sample(1, 2, 3));
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    let paths = [
        format!("/courses/{course}"),
        session_path(&course, id_of(&body)),
        format!("/courses/{course}/sessions"),
        format!("/courses/{course}/activity"),
        format!("/courses/{course}/summary"),
        format!("/courses/{course}/learners"),
        format!("/courses/{}", new_id()),
    ];
    let fixed = [
        "/courses",
        "/courses?limit=0",
        "/activity",
        "/health/live",
        "/health/ready",
        "/openapi.json",
        "/docs",
        "/",
        "/x",
    ];
    let mut responses = Vec::new();
    for path in paths.into_iter().chain(fixed.map(str::to_owned)) {
        let get = api.get(&learner, &path).await?;
        let head = Request::new(Method::HEAD, path).of(&learner);
        responses.push([get, api.send(head).await?]);
    }
    Ok(responses)
}

async fn head_is_a_get_without_a_body(api: &Instance) -> CheckResult {
    for [get, head] in gets_and_heads(api).await? {
        head.is_empty(get.status)?;
        let content_type = get.header("content-type");
        head.expect(
            head.header("content-type") == content_type,
            format_args!("a content type of {content_type:?}"),
        )?;
    }
    Ok(())
}

async fn the_length_of_head_is_that_of_get(api: &Instance) -> CheckResult {
    for [get, head] in gets_and_heads(api).await? {
        // HTTP permits a HEAD without Content-Length.
        let length = get.body.len().to_string();
        let same = head
            .header("content-length")
            .is_none_or(|given| given == length);
        head.expect(same, format_args!("no Content-Length but {length}"))?;
    }
    Ok(())
}
