//! Doctor of the embedded store.

use study_stats::store::doctor::Severity;
use study_stats::store::maintenance::Maintenance;

use crate::support::faults::corruptions::Sample;
use crate::support::stores::fixture::open_embedded;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_diagnoses_the_directory_the_disk_the_clock_and_the_latency() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_embedded(directory.path());
    Sample::store(&store, 2).await;
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
