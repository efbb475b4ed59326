//! Invalid fields of a request: the first decides the message, all are listed.

use serde_json::{Value, json};

use crate::conformance::harness::{
    CheckResult, Instance, Request, checks, from_now, new_id, recording, sample, session_path,
    with, without,
};

checks!("errors":
    each_field_that_is_missing_is_required,
    each_field_that_is_null_or_empty_is_required,
    numbers_that_are_none_are_invalid,
    numbers_out_of_range_are_invalid,
    ids_that_are_none_are_invalid,
    times_that_are_none_are_invalid,
    a_time_of_more_than_a_day_ahead_is_invalid,
    the_first_failing_check_decides_and_all_are_listed,
    a_read_needs_a_user,
    a_user_must_be_beyond_doubt,
    wrong_ids_in_a_path_are_invalid,
    what_is_refused_changes_nothing,
);

const FIELDS: [&str; 4] = [
    "sessionId",
    "totalModulesStudied",
    "averageScore",
    "timeStudied",
];

/// Expects that a record is refused for one field, and that no session is stored.
async fn refuses(api: &Instance, field: &str, value: impl Into<Value>) -> CheckResult {
    let (learner, course, value) = (api.learner(), new_id(), value.into());
    let body = with(sample(1, 2, 3), field, value.clone());
    let response = api.record(&learner, &course, &body).await?;
    response.expect(
        response.status == 400,
        format_args!("400 for {field}: {value}"),
    )?;
    response.is_invalid(&format!("invalid {field}"), &[field])?;
    api.totals(&learner, &course).await?.is_not_found()
}

async fn each_field_that_is_missing_is_required(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(1, 2, 3));
    for field in FIELDS {
        let body = without(body.clone(), field);
        let response = api.record(&learner, &course, &body).await?;
        response.is_invalid(&format!("{field} required"), &[field])?;
    }
    let response = api.record(&learner, &course, &json!({})).await?;
    response.is_invalid("sessionId required", &FIELDS)?;
    let response = api.send(recording(&course).json(&body)).await?;
    response.is_invalid("userId required", &["userId"])?;
    api.totals(&learner, &course).await?.is_not_found()
}

async fn each_field_that_is_null_or_empty_is_required(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(1, 2, 3));
    for field in FIELDS {
        for nothing in [Value::Null, json!("")] {
            let body = with(body.clone(), field, nothing);
            let response = api.record(&learner, &course, &body).await?;
            response.is_invalid(&format!("{field} required"), &[field])?;
        }
    }
    let response = api.record("", &course, &body).await?;
    response.is_invalid("userId required", &["userId"])?;
    api.totals(&learner, &course).await?.is_not_found()
}

async fn numbers_that_are_none_are_invalid(api: &Instance) -> CheckResult {
    for field in &FIELDS[1..] {
        for wrong in [
            json!("5"),
            json!(true),
            json!([]),
            json!([5]),
            json!({}),
            json!(" "),
        ] {
            refuses(api, field, wrong).await?;
        }
    }
    Ok(())
}

async fn numbers_out_of_range_are_invalid(api: &Instance) -> CheckResult {
    let beyond = 1_000_000_000_000.000_1;
    for (field, wrong) in [
        ("totalModulesStudied", json!(-1)),
        ("totalModulesStudied", json!(-1e-9)),
        ("totalModulesStudied", json!(beyond)),
        ("averageScore", json!(beyond)),
        ("totalModulesStudied", json!(1e300)),
        ("averageScore", json!(-beyond)),
        ("averageScore", json!(-1e13)),
        ("timeStudied", json!(-0.5)),
        ("timeStudied", json!(beyond)),
        ("timeStudied", json!(1e300)),
    ] {
        refuses(api, field, wrong).await?;
    }
    // A number of JSON beyond the largest double.
    let body = sample(1, 2, 3).to_string();
    let body = body.replace(r#""averageScore":2"#, r#""averageScore":1e400"#);
    let (learner, course) = (api.learner(), new_id());
    let request = recording(&course).of(&learner);
    let response = api.send(request.text("application/json", body)).await?;
    response.is_invalid("invalid averageScore", &["averageScore"])?;
    api.totals(&learner, &course).await?.is_not_found()
}

async fn ids_that_are_none_are_invalid(api: &Instance) -> CheckResult {
    let id = new_id();
    for wrong in [
        json!("x"),
        json!(5),
        json!(true),
        json!([]),
        json!({}),
        json!(id.replace('-', "")),
        json!(format!("{{{id}}}")),
        json!(format!("urn:uuid:{id}")),
    ] {
        refuses(api, "sessionId", wrong).await?;
    }
    Ok(())
}

async fn times_that_are_none_are_invalid(api: &Instance) -> CheckResult {
    for wrong in [
        json!(""),
        json!("x"),
        json!(0),
        json!([]),
        json!("2024-05-01"),
        json!("2024-05-01T09:30:00"),
        json!("2024-05-01 09:30"),
        json!("2024-02-30T00:00:00Z"),
        // In UTC, before year 0: RFC 3339 has no years before.
        json!("0000-01-01T00:00:00+00:01"),
        json!("0000-01-01T13:59:59.999+14:00"),
    ] {
        refuses(api, "occurredAt", wrong.clone()).await?;
        refuses(api, "updatedAt", wrong).await?;
    }
    Ok(())
}

async fn a_time_of_more_than_a_day_ahead_is_invalid(api: &Instance) -> CheckResult {
    refuses(api, "occurredAt", from_now(2 * 86_400)).await?;
    refuses(api, "updatedAt", from_now(2 * 86_400)).await
}

async fn the_first_failing_check_decides_and_all_are_listed(api: &Instance) -> CheckResult {
    let checks = [
        ("userId", "userId required"),
        ("courseId", "invalid courseId"),
        ("sessionId", "invalid sessionId"),
        ("totalModulesStudied", "invalid totalModulesStudied"),
        ("averageScore", "averageScore required"),
        ("timeStudied", "invalid timeStudied"),
        ("occurredAt", "invalid occurredAt"),
        ("updatedAt", "invalid updatedAt"),
    ];
    let fields = checks.map(|(field, _)| field);
    let wrong = json!({
        "sessionId": 1, "totalModulesStudied": -1, "averageScore": null, "timeStudied": "x",
        "occurredAt": "x", "updatedAt": 1,
    });
    for wrong in [without(wrong.clone(), "averageScore"), wrong.clone()] {
        // The fields before `first` are valid, the fields from `first` on are wrong.
        for (first, (_, message)) in checks.into_iter().enumerate() {
            let valid = sample(1, 2, 3);
            let valid_fields = fields[2..].iter().take(first.saturating_sub(2));
            let body = valid_fields.fold(wrong.clone(), |body, field| {
                with(body, field, valid[*field].clone())
            });
            let learner = if first == 0 { String::new() } else { new_id() };
            let course = if first <= 1 { "7".to_owned() } else { new_id() };
            let response = api.record(&learner, &course, &body).await?;
            response.is_invalid(message, &fields[first..])?;
        }
    }
    let response = api.send(recording("7").json(&wrong)).await?;
    response.is_invalid("userId required", &fields)
}

async fn a_read_needs_a_user(api: &Instance) -> CheckResult {
    let course = new_id();
    for path in [
        format!("/courses/{course}"),
        session_path(&course, &new_id()),
        format!("/courses/{course}/sessions"),
        format!("/courses/{course}/activity"),
        "/courses".into(),
        "/activity".into(),
    ] {
        for request in [Request::get(&path), Request::get(&path).of("")] {
            let response = api.send(request).await?;
            response.is_invalid("userId required", &["userId"])?;
        }
    }
    Ok(())
}

async fn a_user_must_be_beyond_doubt(api: &Instance) -> CheckResult {
    let (path, one, other) = (format!("/courses/{}", new_id()), new_id(), new_id());
    let get = || Request::get(&path);
    for request in [
        get().of("7"),
        get().of(&one.replace('-', "")),
        get().of(&format!("{{{one}}}")),
        get().header("x-user-id", b"\xff\xfe"),
        get().of(&one).of(&other),
        get().of("").of(&one),
    ] {
        let response = api.send(request).await?;
        response.is_invalid("invalid userId", &["userId"])?;
    }
    api.send(get().of(&one)).await?.is_not_found()
}

async fn wrong_ids_in_a_path_are_invalid(api: &Instance) -> CheckResult {
    let learner = api.learner();
    for path in [
        "/courses/7",
        "/courses/%FF",
        "/courses/a%2Fb",
        "/courses/%20",
        "/courses/7/sessions",
    ] {
        let response = api.get(&learner, path).await?;
        response.is_invalid("invalid courseId", &["courseId"])?;
    }
    let response = api.get(&learner, "/courses/7/sessions/8").await?;
    response.is_invalid("invalid courseId", &["courseId", "sessionId"])?;
    let response = api.session(&learner, &new_id(), "8").await?;
    response.is_invalid("invalid sessionId", &["sessionId"])?;
    let response = api.summary("7").await?;
    response.is_invalid("invalid courseId", &["courseId"])
}

async fn what_is_refused_changes_nothing(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let wrong = with(sample(1, 2, 3), "timeStudied", -1);
    let response = api.record(&learner, &course, &wrong).await?;
    response.is_invalid("invalid timeStudied", &["timeStudied"])?;
    api.totals(&learner, &course).await?.is_not_found()
}
