//! `doctor`: looks at all that could keep the store from doing its work.

use super::{CommandError, Ui};
use crate::store::Store;
use crate::store::doctor::{Diagnosis, Severity};

pub(super) async fn diagnose(store: &Store, ui: &mut dyn Ui) -> Result<bool, CommandError> {
    let mut checks = vec![
        well(
            "version",
            concat!("study-stats ", env!("CARGO_PKG_VERSION")),
        ),
        well("store", store.requests.name()),
    ];
    match store.requests.ping().await {
        Ok(()) => checks.extend(store.maintenance.diagnose().await),
        Err(error) => checks.push(Diagnosis {
            severity: Severity::Problem,
            subject: "answer",
            detail: format!("{error}: see that it runs and can be reached as configured"),
        }),
    }
    for check in &checks {
        ui.line(line(check)).await?;
    }
    let count = |severity| {
        checks
            .iter()
            .filter(|check| check.severity == severity)
            .count()
    };
    let problems = count(Severity::Problem);
    let (fine, warnings) = (count(Severity::Ok), count(Severity::Warning));
    let summary = format!("{fine} ok, {warnings} warnings, {problems} problems");
    ui.line(summary).await?;
    Ok(problems == 0)
}

fn well(subject: &'static str, detail: &str) -> Diagnosis {
    Diagnosis {
        severity: Severity::Ok,
        subject,
        detail: detail.to_owned(),
    }
}

fn line(check: &Diagnosis) -> String {
    let severity = match check.severity {
        Severity::Ok => "ok",
        Severity::Warning => "warning",
        Severity::Problem => "problem",
    };
    format!("{severity:<7}  {}: {}", check.subject, check.detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_one_line_that_begins_with_its_verdict() {
        let mut check = well("clock", "0 ms ahead");
        assert_eq!(line(&check), "ok       clock: 0 ms ahead");
        check.severity = Severity::Warning;
        assert_eq!(line(&check), "warning  clock: 0 ms ahead");
        check.severity = Severity::Problem;
        assert_eq!(line(&check), "problem  clock: 0 ms ahead");
    }
}
