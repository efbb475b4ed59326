//! `GET /courses/{courseId}`: sums and a mean that equal a recount to the last digit.

use crate::conformance::harness::{
    CheckResult, Instance, checks, id_of, new_id, sample, totals, with,
};

checks!("totals":
    totals_are_two_sums_and_a_mean,
    the_mean_is_not_weighted,
    ten_times_a_tenth_is_one,
    what_was_replaced_leaves_no_trace,
    a_mean_may_be_negative,
    a_mean_is_rounded_once,
    twenty_two_fractional_digits_count,
    the_totals_of_a_session_are_its_numbers,
    three_thirds_are_summed_exactly,
    courses_and_learners_are_kept_apart,
    where_nothing_was_recorded_nothing_is_found,
);

async fn totals_are_two_sums_and_a_mean(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let bodies = [sample(3, 7.5, 2), sample(8, 8, 3), sample(4, 9, 6)];
    api.store(&learner, &course, &bodies).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(15, 8.166_666_666_666_666, 11))
}

async fn the_mean_is_not_weighted(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    // The mean weighted by modules is 19, by time 18.
    let bodies = [sample(1, 10, 20), sample(9, 20, 80)];
    api.store(&learner, &course, &bodies).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(10, 15, 100))
}

async fn ten_times_a_tenth_is_one(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let bodies: Vec<_> = (0..10).map(|_| sample(0.1, 0.1, 0.1)).collect();
    api.store(&learner, &course, &bodies).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(1, 0.1, 1))
}

async fn what_was_replaced_leaves_no_trace(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let huge = sample(999_999_999_999.9, -999_999_999_999.9, 1e12);
    let small = with(totals(0.2, 0.3, 0), "sessionId", id_of(&huge));
    let bodies = [sample(0.1, 0.1, 0.1), huge, small];
    api.store(&learner, &course, &bodies).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(0.3, 0.2, 0.1))
}

async fn a_mean_may_be_negative(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let bodies = [sample(0, -1, 0), sample(0, 0.5, 0)];
    api.store(&learner, &course, &bodies).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(0, -0.25, 0))
}

async fn a_mean_is_rounded_once(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    // The mean of the sum of floats is 0.20000000000000004.
    let bodies = [sample(0, 0.1, 0), sample(0, 0.2, 0), sample(0, 0.3, 0)];
    api.store(&learner, &course, &bodies).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(0, 0.2, 0))
}

async fn twenty_two_fractional_digits_count(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let bodies = [sample(1e-22, 1e-22, 3e-22), sample(2e-22, 9e-22, 1)];
    api.store(&learner, &course, &bodies).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(3e-22, 5e-22, 1))
}

async fn the_totals_of_a_session_are_its_numbers(api: &Instance) -> CheckResult {
    for number in [
        2.0 / 3.0,
        5.0 / 6.0,
        0.1 + 0.2,
        1e-22,
        999_999_999_999.999_9,
    ] {
        let (learner, course) = (api.learner(), new_id());
        api.store(&learner, &course, &[sample(number, -number, number)])
            .await?;
        let found = api.totals(&learner, &course).await?;
        found.is(200, &totals(number, -number, number))?;
        let summary = api.summary(&course).await?.json()?["averageScore"].as_f64();
        found.expect(
            summary == Some(-number),
            format_args!("{number} in the summary"),
        )?;
    }
    Ok(())
}

async fn three_thirds_are_summed_exactly(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    let third = 1.0 / 3.0;
    let bodies = [0, 1, 2].map(|_| sample(third, third, third));
    api.store(&learner, &course, &bodies).await?;
    let found = api.totals(&learner, &course).await?;
    let sum = 0.999_999_999_999_999_9;
    found.is(200, &totals(sum, third, sum))
}

async fn courses_and_learners_are_kept_apart(api: &Instance) -> CheckResult {
    let (one, other) = (api.learner(), api.learner());
    let (first, second) = (new_id(), new_id());
    let expected = [
        (&one, &first, 1),
        (&one, &second, 2),
        (&other, &first, 3),
        (&other, &second, 4),
    ];
    for (learner, course, number) in expected {
        let body = sample(number, number, number);
        api.store(learner, course, &[body]).await?;
    }
    for (learner, course, number) in expected {
        let found = api.totals(learner, course).await?;
        found.is(200, &totals(number, number, number))?;
    }
    Ok(())
}

async fn where_nothing_was_recorded_nothing_is_found(api: &Instance) -> CheckResult {
    let (learner, course) = (api.learner(), new_id());
    api.totals(&learner, &course).await?.is_not_found()?;
    api.store(&learner, &course, &[sample(1, 2, 3)]).await?;
    api.totals(&learner, &new_id()).await?.is_not_found()?;
    api.totals(&api.learner(), &course).await?.is_not_found()
}
