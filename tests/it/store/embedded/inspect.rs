//! Inspect and doctor of the embedded store.

use study_stats::store::StatsStore;
use study_stats::store::doctor::Severity;
use study_stats::store::maintenance::{InspectScope, Maintenance};

use crate::support::stores::embedded_samples::{TIMES, directory_of, open};
use crate::support::stores::maintenance;
use crate::support::stores::tables::change;

/// Entries of a subject, a line each.
async fn inspect(store: &dyn Maintenance, subject: InspectScope) -> Vec<String> {
    let entries = maintenance::inspect(store, subject).await;
    let lines = entries.into_iter();
    lines
        .map(|(key, value)| format!("{key}: {value}"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inspect_shows_all_rows_of_a_learner_a_course_and_a_session() {
    let (directory, samples) = directory_of(2).await;
    let sample = samples[0];
    let (learner, course) = (sample.enrolment.learner, sample.enrolment.course);
    let subject = InspectScope {
        learner,
        course: None,
        session: None,
    };
    let (bucket, _) = change(directory.path(), |tables| tables.only_summary(course));
    let store = open(directory.path());
    let totals = format!(
        "totals[{learner}, {course}]: sessions 3, modules 4.5, score -6.75, time 3000000000000"
    );
    let listed = format!("courses[{learner}, 3000, {course}]: an entry");
    let in_time = |n: usize| {
        let (at, session) = (TIMES[n], sample.sessions[n]);
        format!("timeline[{learner}, {course}, {at}, {session}]: an entry")
    };
    let row = |n: usize| {
        let (at, session) = (TIMES[n], sample.sessions[n]);
        format!(
            "sessions[{learner}, {course}, {session}]: modules 1.5, score -2.25, time 1000000000000, o {at}, d 0"
        )
    };
    assert_eq!(
        inspect(&store, subject).await,
        [listed.clone(), totals.clone()]
    );
    let in_course = InspectScope {
        course: Some(course),
        ..subject
    };
    let summary = format!(
        "summary[{course}, {bucket}]: learners 1, sessions 3, modules 4.5, score -6.75, time 3000000000000"
    );
    let mut rows = [row(0), row(1), row(2)];
    rows.sort();
    let mut expected = vec![
        totals.clone(),
        listed,
        summary,
        in_time(2),
        in_time(1),
        in_time(0),
    ];
    expected.extend(rows);
    assert_eq!(inspect(&store, in_course).await, expected);
    let in_session = InspectScope {
        session: Some(sample.sessions[1]),
        ..in_course
    };
    assert_eq!(
        inspect(&store, in_session).await,
        [row(1), in_time(1), totals]
    );

    store.erase(learner).await.unwrap();
    let lines = inspect(&store, subject).await;
    assert!(
        lines.len() == 1 && lines[0].starts_with(&format!("erased[{learner}]: ")),
        "{lines:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_diagnoses_the_directory_the_disk_the_clock_and_the_latency() {
    let (directory, _samples) = directory_of(2).await;
    let store = open(directory.path());
    let checks = store.diagnose().await;
    let detail = |subject: &str| {
        let check = checks.iter().find(|check| check.subject == subject);
        &check
            .unwrap_or_else(|| panic!("{subject}: {checks:?}"))
            .detail
    };
    assert!(detail("database").contains(&directory.path().display().to_string()));
    assert!(detail("free space").contains("MiB are free"));
    assert!(detail("sessions").starts_with("6, "));
    for subject in ["reads", "durable writes"] {
        assert!(detail(subject).starts_with("p50 "), "{checks:?}");
    }
    assert!(
        checks
            .iter()
            .all(|check| check.subject == "free space" || check.severity == Severity::Ok),
        "{checks:?}"
    );
}
