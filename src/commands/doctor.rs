//! `doctor`: prints the diagnoses of the store, a line each, and their numbers by severity.

use super::{CommandError, Ui};
use crate::store::Store;
use crate::store::doctor::{Diagnosis, Severity};

pub(super) async fn diagnose(store: &Store, ui: &mut dyn Ui) -> Result<bool, CommandError> {
    let mut diagnoses = vec![
        Diagnosis::ok(
            "version",
            concat!("study-stats ", env!("CARGO_PKG_VERSION")),
        ),
        Diagnosis::ok("store", store.requests.name()),
    ];
    match store.requests.ping().await {
        Ok(()) => diagnoses.extend(store.maintenance.diagnose().await),
        Err(error) => {
            let detail = format!("{error}: see that it runs and can be reached as configured");
            diagnoses.push(Diagnosis::problem("answer", detail));
        }
    }
    for diagnosis in &diagnoses {
        ui.print(line(diagnosis)).await?;
    }
    let count = |severity| {
        diagnoses
            .iter()
            .filter(|diagnosis| diagnosis.severity == severity)
            .count()
    };
    let problems = count(Severity::Problem);
    let (fine, warnings) = (count(Severity::Ok), count(Severity::Warning));
    let summary = format!("{fine} ok, {warnings} warnings, {problems} problems");
    ui.print(summary).await?;
    Ok(problems == 0)
}

fn line(diagnosis: &Diagnosis) -> String {
    let severity = match diagnosis.severity {
        Severity::Ok => "ok",
        Severity::Warning => "warning",
        Severity::Problem => "problem",
    };
    format!("{severity:<7}  {}: {}", diagnosis.subject, diagnosis.detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnosis_is_one_line_that_begins_with_the_severity() {
        let mut diagnosis = Diagnosis::ok("clock", "0 ms ahead");
        assert_eq!(line(&diagnosis), "ok       clock: 0 ms ahead");
        diagnosis.severity = Severity::Warning;
        assert_eq!(line(&diagnosis), "warning  clock: 0 ms ahead");
        diagnosis.severity = Severity::Problem;
        assert_eq!(line(&diagnosis), "problem  clock: 0 ms ahead");
    }
}
