//! `doctor`: looks at all that could keep the store from doing its work.

use super::{Console, Failure};
use crate::store::upkeep::{Check, Upkeep, Verdict};

pub(super) async fn examine(
    store: &dyn Upkeep,
    console: &mut dyn Console,
) -> Result<bool, Failure> {
    let mut checks = vec![
        well(
            "version",
            concat!("study-stats ", env!("CARGO_PKG_VERSION")),
        ),
        well("store", store.name()),
    ];
    match store.ping().await {
        Ok(()) => checks.extend(store.examine().await),
        Err(error) => checks.push(Check {
            verdict: Verdict::Problem,
            subject: "answer",
            detail: format!("{error}: see that it runs and can be reached as configured"),
        }),
    }
    for check in &checks {
        console.line(line(check)).await?;
    }
    let count = |verdict| {
        checks
            .iter()
            .filter(|check| check.verdict == verdict)
            .count()
    };
    let problems = count(Verdict::Problem);
    let (fine, warnings) = (count(Verdict::Well), count(Verdict::Warning));
    let summary = format!("{fine} ok, {warnings} warnings, {problems} problems");
    console.line(summary).await?;
    Ok(problems == 0)
}

fn well(subject: &'static str, detail: &str) -> Check {
    Check {
        verdict: Verdict::Well,
        subject,
        detail: detail.to_owned(),
    }
}

fn line(check: &Check) -> String {
    let verdict = match check.verdict {
        Verdict::Well => "ok",
        Verdict::Warning => "warning",
        Verdict::Problem => "problem",
    };
    format!("{verdict:<7}  {}: {}", check.subject, check.detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_one_line_that_begins_with_its_verdict() {
        let mut check = well("clock", "0 ms ahead");
        assert_eq!(line(&check), "ok       clock: 0 ms ahead");
        check.verdict = Verdict::Warning;
        assert_eq!(line(&check), "warning  clock: 0 ms ahead");
        check.verdict = Verdict::Problem;
        assert_eq!(line(&check), "problem  clock: 0 ms ahead");
    }
}
