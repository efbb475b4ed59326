//! `GET /courses/{courseId}`: sums and a mean that equal a recount to the last digit.

use serde_json::json;

use super::answer::Verdict;
use super::api::{Api, id_of, new_id, stats, totals, with};
use super::checks;

checks!("totals":
    totals_are_two_sums_and_a_mean,
    the_mean_is_not_weighted,
    ten_times_a_tenth_is_one,
    what_was_replaced_leaves_no_trace,
    a_mean_may_be_negative,
    a_mean_is_rounded_once,
    fifteen_fractional_digits_count,
    courses_and_learners_are_kept_apart,
    where_nothing_was_recorded_nothing_is_found,
    a_sum_past_its_limit_is_refused_and_changes_nothing,
);

async fn totals_are_two_sums_and_a_mean(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let bodies = [stats(3, 7.5, 2), stats(8, 8, 3), stats(4, 9, 6)];
    api.store(&learner, &course, &bodies).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(15, 8.166_666_666_666_666, 11))
}

async fn the_mean_is_not_weighted(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    // Weighted by modules it would be 19, by time 18.
    let bodies = [stats(1, 10, 20), stats(9, 20, 80)];
    api.store(&learner, &course, &bodies).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(10, 15, 100))
}

async fn ten_times_a_tenth_is_one(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let bodies: Vec<_> = (0..10).map(|_| stats(0.1, 0.1, 0.1)).collect();
    api.store(&learner, &course, &bodies).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(1, 0.1, 1))
}

async fn what_was_replaced_leaves_no_trace(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let huge = stats(999_999_999_999.9, -999_999_999_999.9, 1e12);
    let small = with(totals(0.2, 0.3, 0), "sessionId", id_of(&huge));
    let bodies = [stats(0.1, 0.1, 0.1), huge, small];
    api.store(&learner, &course, &bodies).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(0.3, 0.2, 0.1))
}

async fn a_mean_may_be_negative(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    let bodies = [stats(0, -1, 0), stats(0, 0.5, 0)];
    api.store(&learner, &course, &bodies).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(0, -0.25, 0))
}

async fn a_mean_is_rounded_once(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    // Added up as floats and divided, they come to 0.20000000000000004.
    let bodies = [stats(0, 0.1, 0), stats(0, 0.2, 0), stats(0, 0.3, 0)];
    api.store(&learner, &course, &bodies).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(0, 0.2, 0))
}

async fn fifteen_fractional_digits_count(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    // What comes after the fifteenth is cut off from what a session adds.
    let bodies = [
        stats(1e-15, 1e-16, 0.000_000_000_000_001_9),
        stats(2e-15, 9e-16, 0.000_000_000_000_001_9),
    ];
    api.store(&learner, &course, &bodies).await?;
    let found = api.totals(&learner, &course).await?;
    found.is(200, &totals(3e-15, 0, 2e-15))
}

async fn courses_and_learners_are_kept_apart(api: &Api) -> Verdict {
    let (one, other) = (api.learner(), api.learner());
    let (first, second) = (new_id(), new_id());
    let expected = [
        (&one, &first, 1),
        (&one, &second, 2),
        (&other, &first, 3),
        (&other, &second, 4),
    ];
    for (learner, course, number) in expected {
        let body = stats(number, number, number);
        api.store(learner, course, &[body]).await?;
    }
    for (learner, course, number) in expected {
        let found = api.totals(learner, course).await?;
        found.is(200, &totals(number, number, number))?;
    }
    Ok(())
}

async fn where_nothing_was_recorded_nothing_is_found(api: &Api) -> Verdict {
    let (learner, course) = (api.learner(), new_id());
    api.totals(&learner, &course).await?.finds_nothing()?;
    api.store(&learner, &course, &[stats(1, 2, 3)]).await?;
    api.totals(&learner, &new_id()).await?.finds_nothing()?;
    api.totals(&api.learner(), &course).await?.finds_nothing()
}

async fn a_sum_past_its_limit_is_refused_and_changes_nothing(api: &Api) -> Verdict {
    /// As many as bring a sum of 1e12 each to 9e15.
    const BATCHES: u32 = 9;
    let (learner, course) = (api.learner(), new_id());
    for _ in 0..BATCHES {
        let records: Vec<_> = (0..1_000)
            .map(|_| {
                let body = stats(0, 0, 1_000_000_000_000_i64);
                with(with(body, "userId", &*learner), "courseId", &*course)
            })
            .collect();
        api.batch(&records).await?.has(200)?;
    }
    let full = totals(0, 0, 9_000_000_000_000_000_i64);
    api.totals(&learner, &course).await?.is(200, &full)?;
    let beyond = stats(0, 0, json!(1e-15));
    let refused = api.record(&learner, &course, &beyond).await?;
    refused.refuses(422, "limit exceeded", "limit_exceeded")?;
    api.totals(&learner, &course).await?.is(200, &full)
}
