//! `GET /courses/{courseId}/sessions/{sessionId}`: one session, as recorded.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::conformance::harness::{
    CheckResult, Instance, checks, id_of, new_id, recording, sample, sample_at, without,
};

checks!("sessions":
    a_session_has_exactly_its_members,
    a_session_has_no_time_in_it,
    every_digit_of_a_number_comes_back,
    random_numbers_come_back,
    a_finer_number_is_rounded_to_22_fractional_digits,
    an_integral_number_has_no_fraction,
    another_learners_session_is_not_found,
    a_session_of_another_course_is_not_found,
    one_id_in_two_courses_is_two_sessions,
);

async fn a_session_has_exactly_its_members(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(5, 82.5, 120_000));
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    let found = api.session(&learner, &course, id_of(&body)).await?;
    found.is(200, &body)
}

async fn a_session_has_no_time_in_it(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let body = sample_at("2024-05-01T10:00:00Z", 1, 2, 3);
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    let found = api.session(&learner, &course, id_of(&body)).await?;
    found.is(200, &without(body, "occurredAt"))
}

async fn every_digit_of_a_number_comes_back(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    for number in [
        0.840_136_556_537_863_9,
        0.300_000_000_000_000_04,
        1e-7,
        3e-22,
        123_456_789_012.345_67,
        999_999_999_999.999_9,
    ] {
        let body = sample(number, -number, number);
        api.store(&learner, &course, std::slice::from_ref(&body))
            .await?;
        let found = api.session(&learner, &course, id_of(&body)).await?;
        found.is(200, &body)?;
    }
    Ok(())
}

/// A random number from 1e-6 to 1e12, of any order of magnitude: with at most 22 fractional digits.
#[expect(
    clippy::cast_precision_loss,
    reason = "53 random bits fit into a double"
)]
fn random_number() -> f64 {
    let (bits, exponent) = Uuid::new_v4().as_u64_pair();
    let fraction = 0.1 + 0.9 * (bits >> 11) as f64 / (1_u64 << 53) as f64;
    let exponent = i32::try_from(exponent % 18).unwrap_or_default();
    fraction * 10_f64.powi(exponent - 5)
}

async fn a_finer_number_is_rounded_to_22_fractional_digits(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    for (sent, stored) in [
        (5e-324, 0.0),
        (4.9e-23, 0.0),
        (5.1e-23, 1e-22),
        (1.234_567_890_123_456_7e-10, 1.234_567_890_123e-10),
    ] {
        let body = sample(sent, -sent, sent);
        api.store(&learner, &course, std::slice::from_ref(&body))
            .await?;
        let found = api.session(&learner, &course, id_of(&body)).await?;
        let session = found.json()?;
        let is_rounded = session["totalModulesStudied"].as_f64() == Some(stored)
            && session["averageScore"].as_f64() == Some(-stored)
            && session["timeStudied"].as_f64() == Some(stored);
        found.expect(is_rounded, format_args!("{stored} for {sent}"))?;
    }
    Ok(())
}

async fn random_numbers_come_back(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    for number in (0..50).map(|_| random_number()).chain([1e12, 0.1 + 0.2]) {
        let body = sample(number, -number, number);
        api.store(&learner, &course, std::slice::from_ref(&body))
            .await?;
        let found = api.session(&learner, &course, id_of(&body)).await?;
        let session = found.json()?;
        for (field, expected) in [
            ("totalModulesStudied", number),
            ("averageScore", -number),
            ("timeStudied", number),
        ] {
            let same = session[field].as_f64() == Some(expected);
            found.expect(same, format_args!("{field}: {expected}"))?;
        }
    }
    Ok(())
}

async fn an_integral_number_has_no_fraction(api: &Instance) -> CheckResult {
    let (learner, course, session) = (api.learner(), new_id(), new_id());
    let sent = format!(
        r#"{{"sessionId":"{session}","totalModulesStudied":5.0,"averageScore":-80.50,"timeStudied":1.2e5}}"#
    );
    let request = recording(&course)
        .of(&learner)
        .text("application/json", sent);
    api.send(request).await?.has_status(201)?;
    let expected = json!({
        "sessionId": session,
        "totalModulesStudied": 5,
        "averageScore": -80.5,
        "timeStudied": 120_000,
    });
    let found = api.session(&learner, &course, &session).await?;
    found.is(200, &expected)
}

async fn another_learners_session_is_not_found(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(1, 2, 3));
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    let other = api.learner();
    let found = api.session(&other, &course, id_of(&body)).await?;
    found.is_not_found()
}

async fn a_session_of_another_course_is_not_found(api: &Instance) -> CheckResult {
    let (learner, course, body) = (api.learner(), new_id(), sample(1, 2, 3));
    api.store(&learner, &course, std::slice::from_ref(&body))
        .await?;
    for (course, session) in [(new_id(), id_of(&body)), (course, &new_id())] {
        let found = api.session(&learner, &course, session).await?;
        found.is_not_found()?;
    }
    Ok(())
}

async fn one_id_in_two_courses_is_two_sessions(api: &Instance) -> CheckResult {
    let (learner, first) = (api.learner(), sample(1, 2, 3));
    let mut second: Value = first.clone();
    second["totalModulesStudied"] = json!(4);
    let courses = [(new_id(), first), (new_id(), second)];
    for (course, body) in &courses {
        api.store(&learner, course, std::slice::from_ref(body))
            .await?;
    }
    for (course, body) in &courses {
        let found = api.session(&learner, course, id_of(body)).await?;
        found.is(200, body)?;
    }
    Ok(())
}
