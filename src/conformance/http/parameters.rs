//! Query parameters of lists and of activity: invalid, repeated, empty, unknown.

use crate::conformance::harness::{CheckResult, Instance, checks, new_id, sample_at};

checks!("parameters":
    a_wrong_value_is_invalid,
    a_range_that_ends_before_its_start_is_invalid,
    a_repeated_or_empty_parameter_is_invalid,
    all_wrong_parameters_are_listed_in_order,
    cursors_of_other_lists_and_changed_cursors_are_invalid,
    unknown_parameters_are_invalid,
    a_query_is_ignored_where_there_are_no_parameters,
);

const LIMITS: [&str; 11] = [
    "0",
    "501",
    "-1",
    "%2B5",
    "5.0",
    "5e1",
    "x",
    "1,2",
    "null",
    "99999999999999999999",
    "%FF",
];
const TIMES: [&str; 7] = [
    "2026-01-15",
    "2026-01-15T09:30:00",
    // In a query, + is a space.
    "2026-01-15T09:30:00+01:00",
    "2026-02-30T00:00:00Z",
    "1768465800",
    "now",
    "%00",
];
const DATES: [&str; 7] = [
    "2026-01-15T00:00:00Z",
    "2026-02-29",
    "2026-1-15",
    "20260115",
    "today",
    "+2026-01-15",
    "-2026-01-15",
];

async fn a_wrong_value_is_invalid(api: &Instance) -> CheckResult {
    let course = format!("/courses/{}", new_id());
    let (sessions, activity) = (format!("{course}/sessions"), format!("{course}/activity"));
    for (path, field, values) in [
        ("/courses", "limit", &LIMITS[..]),
        (&sessions, "limit", &LIMITS),
        (&sessions, "from", &TIMES),
        (&sessions, "to", &TIMES),
        (&activity, "from", &DATES),
        (&activity, "to", &DATES),
    ] {
        for value in values {
            let path = format!("{path}?{field}={value}");
            let refused = api.get(&new_id(), &path).await?;
            refused.is_invalid(&format!("invalid {field}"), &[field])?;
        }
    }
    Ok(())
}

async fn a_range_that_ends_before_its_start_is_invalid(api: &Instance) -> CheckResult {
    let course = format!("/courses/{}", new_id());
    for path in [
        "sessions?from=2026-01-15T08:30:00Z&to=2026-01-15T08:29:59Z",
        // Both within one millisecond.
        "sessions?from=2026-01-15T08:30:00.0002Z&to=2026-01-15T08:30:00.0001Z",
        // Earlier, though the local time is later.
        "sessions?from=2026-01-15T08:30:00Z&to=2026-01-15T09:00:00%2B01:00",
        "activity?from=2026-01-15&to=2026-01-14",
    ] {
        let refused = api.get(&new_id(), &format!("{course}/{path}")).await?;
        refused.is_invalid("invalid to", &["to"])?;
    }
    Ok(())
}

async fn a_repeated_or_empty_parameter_is_invalid(api: &Instance) -> CheckResult {
    let course = format!("/courses/{}", new_id());
    let (sessions, activity) = (format!("{course}/sessions"), format!("{course}/activity"));
    let time = "2026-01-15T08:30:00Z";
    for (path, field, value) in [
        ("/courses", "limit", "5"),
        ("/courses", "cursor", ""),
        (&sessions, "limit", "5"),
        (&sessions, "cursor", ""),
        (&sessions, "from", time),
        (&sessions, "to", time),
        (&activity, "from", "2026-01-15"),
        (&activity, "to", "2026-01-15"),
    ] {
        for query in [
            format!("{field}={value}&{field}={value}"),
            format!("{field}={value}&{field}="),
            format!("{field}="),
            field.to_owned(),
        ] {
            let refused = api.get(&new_id(), &format!("{path}?{query}")).await?;
            refused.is_invalid(&format!("invalid {field}"), &[field])?;
        }
    }
    Ok(())
}

async fn all_wrong_parameters_are_listed_in_order(api: &Instance) -> CheckResult {
    for (learner, path, message, wrong) in [
        (
            "",
            "/courses/7/sessions?cursor=x&limit=x&to=x&from=x",
            "userId required",
            &["userId", "courseId", "from", "to", "limit", "cursor"][..],
        ),
        (
            "7",
            "/courses/7/sessions?cursor=x&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
            "invalid userId",
            &["userId", "courseId", "to", "cursor"],
        ),
        (
            "7",
            "/courses?cursor=x&limit=x",
            "invalid userId",
            &["userId", "limit", "cursor"],
        ),
        (
            "7",
            "/courses/7/activity?to=x&from=x",
            "invalid userId",
            &["userId", "courseId", "from", "to"],
        ),
        (
            "7",
            "/courses/7/activity?from=2026-01-02&to=2026-01-01",
            "invalid userId",
            &["userId", "courseId", "to"],
        ),
    ] {
        let refused = api.get(learner, path).await?;
        refused.is_invalid(message, wrong)?;
    }
    Ok(())
}

/// The cursor after the first item of a list.
async fn cursor_of(api: &Instance, learner: &str, path: &str) -> CheckResult<String> {
    let page = api.get(learner, &format!("{path}?limit=1")).await?;
    let cursor = page.json()?["nextCursor"].as_str().map(str::to_owned);
    cursor.ok_or_else(|| page.mismatch("a nextCursor"))
}

/// A cursor with another character in the middle.
fn changed(cursor: &str) -> String {
    let change = |(index, character)| match (index, character) {
        (10, 'A') => 'B',
        (10, _) => 'A',
        _ => character,
    };
    cursor.chars().enumerate().map(change).collect()
}

async fn cursors_of_other_lists_and_changed_cursors_are_invalid(api: &Instance) -> CheckResult {
    let (learner, course, other) = (api.learner(), new_id(), new_id());
    for course in [&course, &course, &other] {
        let body = sample_at("2026-01-15T09:30:00Z", 1, 2, 3);
        api.store(&learner, course, &[body]).await?;
    }
    let paths = ["/courses".to_owned(), format!("/courses/{course}/sessions")];
    let cursors = [
        cursor_of(api, &learner, &paths[0]).await?,
        cursor_of(api, &learner, &paths[1]).await?,
    ];
    for (path, own, others) in [
        (&paths[0], &cursors[0], &cursors[1]),
        (&paths[1], &cursors[1], &cursors[0]),
    ] {
        let found = api.get(&learner, &format!("{path}?cursor={own}")).await?;
        found.has_status(200)?;
        for cursor in [
            "x",
            "AAAA",
            &"A".repeat(own.len()),
            "%00",
            own.get(1..).unwrap_or_default(),
            own.get(..own.len().saturating_sub(1)).unwrap_or_default(),
            &format!("{own}A"),
            &format!("{own}%3D"),
            &changed(own),
            others,
        ] {
            let refused = api.get(&learner, &format!("{path}?cursor={cursor}"));
            refused.await?.is_invalid("invalid cursor", &["cursor"])?;
        }
    }
    Ok(())
}

async fn unknown_parameters_are_invalid(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let body = sample_at("2026-01-15T09:30:00Z", 1, 2, 3);
    api.store(&learner, &course, &[body.clone(), body]).await?;
    let (sessions, activity) = (
        format!("/courses/{course}/sessions"),
        format!("/courses/{course}/activity"),
    );
    for (path, query, names) in [
        (&*sessions, "form=2026-01-15T08:30:00Z", &["form"][..]),
        (&sessions, "limit=1&Limit=1&x=1&x=2&y", &["Limit", "x", "y"]),
        (&sessions, "from%20=x", &["from "]),
        ("/courses", "from=2026-01-15T08:30:00Z", &["from"]),
        (&activity, "limit=5", &["limit"]),
        ("/activity", "cursor=x", &["cursor"]),
    ] {
        let refused = api.get(&learner, &format!("{path}?{query}")).await?;
        refused.is_invalid(&format!("invalid {}", names[0]), names)?;
    }
    // The name in the response is short, however long the name in the request.
    let refused = api
        .get(&learner, &format!("{sessions}?{}=1", "x".repeat(5_000)))
        .await?;
    let name = "x".repeat(64);
    refused.is_invalid(&format!("invalid {name}"), &[&name])?;
    // The response is short, however many parameters the query has.
    let many: Vec<_> = (0..2_000).map(|number| format!("p{number}")).collect();
    let refused = api
        .get(&learner, &format!("{sessions}?{}", many.join("&")))
        .await?;
    let first: Vec<_> = many.iter().take(10).map(String::as_str).collect();
    refused.is_invalid("invalid p0", &first)?;
    // Empty parts are no parameters, and a percent-encoded name is the same name.
    let found = api.sessions(&learner, &course, "?&%6Cimit=1&").await?;
    found.has_status(200)
}

async fn a_query_is_ignored_where_there_are_no_parameters(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let body = sample_at("2026-01-15T09:30:00Z", 1, 2, 3);
    api.store(&learner, &course, &[body]).await?;
    for path in [
        format!("/courses/{course}"),
        format!("/courses/{course}/summary"),
    ] {
        let found = api.get(&learner, &format!("{path}?limit=x&x=1&x=2&=&%FF=%FF"));
        found.await?.has_status(200)?;
    }
    Ok(())
}
