//! What is wrong with a request, field by field: told in order, and all at once.

use hyper::Method;
use serde_json::{Value, json};

use super::answer::Verdict;
use super::api::{Api, from_now, new_id, recording, session_path, stats, with, without};
use super::checks;
use super::client::Call;

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
    a_body_that_is_no_json_object_is_refused,
    what_is_refused_changes_nothing,
);

const FIELDS: [&str; 4] = [
    "sessionId",
    "totalModulesStudied",
    "averageScore",
    "timeStudied",
];

/// Expects that a record with that field is refused for it.
async fn refuses(api: &Api, field: &str, value: impl Into<Value>) -> Verdict {
    let value = value.into();
    let body = with(stats(1, 2, 3), field, value.clone());
    let answer = api.record(&api.learner(), &new_id(), &body).await?;
    answer.holds(
        answer.status == 400,
        format_args!("400 for {field}: {value}"),
    )?;
    answer.is_invalid(&format!("invalid {field}"), &[field])
}

async fn each_field_that_is_missing_is_required(api: &Api) -> Verdict {
    let (learner, course, body) = (api.learner(), new_id(), stats(1, 2, 3));
    for field in FIELDS {
        let body = without(body.clone(), field);
        let answer = api.record(&learner, &course, &body).await?;
        answer.is_invalid(&format!("{field} required"), &[field])?;
    }
    let answer = api.record(&learner, &course, &json!({})).await?;
    answer.is_invalid("sessionId required", &FIELDS)?;
    let answer = api.send(recording(&course).json(&body)).await?;
    answer.is_invalid("userId required", &["userId"])
}

async fn each_field_that_is_null_or_empty_is_required(api: &Api) -> Verdict {
    let (learner, course, body) = (api.learner(), new_id(), stats(1, 2, 3));
    for field in FIELDS {
        for nothing in [Value::Null, json!("")] {
            let body = with(body.clone(), field, nothing);
            let answer = api.record(&learner, &course, &body).await?;
            answer.is_invalid(&format!("{field} required"), &[field])?;
        }
    }
    let answer = api.record("", &course, &body).await?;
    answer.is_invalid("userId required", &["userId"])
}

async fn numbers_that_are_none_are_invalid(api: &Api) -> Verdict {
    for field in &FIELDS[1..] {
        for wrong in [json!("5"), json!(true), json!([5]), json!({}), json!(" ")] {
            refuses(api, field, wrong).await?;
        }
    }
    Ok(())
}

async fn numbers_out_of_range_are_invalid(api: &Api) -> Verdict {
    let beyond = 1_000_000_000_000.000_1;
    for (field, wrong) in [
        ("totalModulesStudied", json!(-1)),
        ("totalModulesStudied", json!(-1e-9)),
        ("totalModulesStudied", json!(beyond)),
        ("averageScore", json!(beyond)),
        ("averageScore", json!(-beyond)),
        ("timeStudied", json!(-0.5)),
        ("timeStudied", json!(1e300)),
    ] {
        refuses(api, field, wrong).await?;
    }
    // A number of JSON that no double can hold.
    let body = stats(1, 2, 3).to_string();
    let body = body.replace(r#""averageScore":2"#, r#""averageScore":1e400"#);
    let call = recording(&new_id()).of(&api.learner());
    let answer = api.send(call.text("application/json", body)).await?;
    answer.is_invalid("invalid averageScore", &["averageScore"])
}

async fn ids_that_are_none_are_invalid(api: &Api) -> Verdict {
    let id = new_id();
    for wrong in [
        json!("x"),
        json!(5),
        json!(true),
        json!([]),
        json!(id.replace('-', "")),
        json!(format!("{{{id}}}")),
        json!(format!("urn:uuid:{id}")),
    ] {
        refuses(api, "sessionId", wrong).await?;
    }
    Ok(())
}

async fn times_that_are_none_are_invalid(api: &Api) -> Verdict {
    for wrong in [
        json!(""),
        json!("x"),
        json!(0),
        json!([]),
        json!("2024-05-01"),
        json!("2024-05-01T09:30:00"),
        json!("2024-02-30T00:00:00Z"),
    ] {
        refuses(api, "occurredAt", wrong).await?;
    }
    Ok(())
}

async fn a_time_of_more_than_a_day_ahead_is_invalid(api: &Api) -> Verdict {
    refuses(api, "occurredAt", from_now(2 * 86_400)).await
}

async fn the_first_failing_check_decides_and_all_are_listed(api: &Api) -> Verdict {
    let body = json!({
        "sessionId": 1, "totalModulesStudied": -1, "timeStudied": "x", "occurredAt": "x",
    });
    let all = [
        "userId",
        "courseId",
        "sessionId",
        "totalModulesStudied",
        "averageScore",
        "timeStudied",
        "occurredAt",
    ];
    let answer = api.send(recording("7").json(&body)).await?;
    answer.is_invalid("userId required", &all)?;
    let answer = api.record(&api.learner(), "7", &body).await?;
    answer.is_invalid("invalid courseId", &all[1..])?;
    let answer = api.record(&api.learner(), &new_id(), &body).await?;
    answer.is_invalid("invalid sessionId", &all[2..])?;
    let body = with(body, "sessionId", new_id());
    let body = with(body, "totalModulesStudied", 1);
    let answer = api.record(&api.learner(), &new_id(), &body).await?;
    answer.is_invalid("averageScore required", &all[4..])
}

async fn a_read_needs_a_user(api: &Api) -> Verdict {
    let course = new_id();
    for path in [
        format!("/courses/{course}"),
        session_path(&course, &new_id()),
        format!("/courses/{course}/sessions"),
        format!("/courses/{course}/activity"),
        "/courses".into(),
    ] {
        let answer = api.send(Call::get(path)).await?;
        answer.is_invalid("userId required", &["userId"])?;
    }
    Ok(())
}

async fn a_user_must_be_beyond_doubt(api: &Api) -> Verdict {
    let (path, one, other) = (format!("/courses/{}", new_id()), new_id(), new_id());
    let several = Call::get(&path).of(&one).of(&other);
    for call in [
        Call::get(&path).of("7"),
        Call::get(&path).of(&one.replace('-', "")),
        Call::get(&path).header("x-user-id", b"\xff\xfe"),
        several,
    ] {
        let answer = api.send(call).await?;
        answer.is_invalid("invalid userId", &["userId"])?;
    }
    Ok(())
}

async fn wrong_ids_in_a_path_are_invalid(api: &Api) -> Verdict {
    let learner = api.learner();
    for path in ["/courses/7", "/courses/%20", "/courses/7/sessions"] {
        let answer = api.get(&learner, path).await?;
        answer.is_invalid("invalid courseId", &["courseId"])?;
    }
    let answer = api.get(&learner, "/courses/7/sessions/8").await?;
    answer.is_invalid("invalid courseId", &["courseId", "sessionId"])?;
    let answer = api.session(&learner, &new_id(), "8").await?;
    answer.is_invalid("invalid sessionId", &["sessionId"])?;
    let answer = api.summary("7").await?;
    answer.is_invalid("invalid courseId", &["courseId"])
}

async fn a_body_that_is_no_json_object_is_refused(api: &Api) -> Verdict {
    let (learner, course, body) = (api.learner(), new_id(), stats(1, 2, 3).to_string());
    for text in [
        "",
        " ",
        "null",
        "5",
        "[]",
        "{",
        r#"{"sessionId":}"#,
        &body[..body.len() - 1],
        &format!("{body}{body}"),
    ] {
        let call = Call::new(Method::POST, format!("/courses/{course}"));
        let call = call.of(&learner).text("application/json", text.to_owned());
        let answer = api.send(call).await?;
        answer.refuses(400, "invalid JSON", "invalid_json")?;
    }
    Ok(())
}

async fn what_is_refused_changes_nothing(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let wrong = with(stats(1, 2, 3), "timeStudied", -1);
    let answer = api.record(&learner, &course, &wrong).await?;
    answer.is_invalid("invalid timeStudied", &["timeStudied"])?;
    api.totals(&learner, &course).await?.finds_nothing()
}
