//! Maintenance of a store as a test reads it: all events in one list.

use study_stats::store::StoreError;
use study_stats::store::maintenance::{
    Difference, StoredEntry, Maintenance, InspectScope, VerifyEvent, VerifyReport,
};
use tokio::sync::mpsc;

/// Verifies the store. Differences are sorted by key.
pub(crate) async fn verify(
    store: &dyn Maintenance,
    repair: bool,
) -> Result<(VerifyReport, Vec<Difference>), StoreError> {
    let (events, mut received) = mpsc::channel(1);
    let (report, mut differences) = tokio::join!(store.verify(repair, events), async {
        let mut differences = Vec::new();
        while let Some(event) = received.recv().await {
            if let VerifyEvent::Difference(difference) = event {
                differences.push(difference);
            }
        }
        differences
    });
    differences.sort_by_key(|difference| difference.key.clone());
    Ok((report?, differences))
}

/// Keys and values of all entries that inspect returns.
pub(crate) async fn inspect(store: &dyn Maintenance, subject: InspectScope) -> Vec<(String, String)> {
    let (entries, mut received) = mpsc::channel(1);
    let (inspected, all) = tokio::join!(store.inspect(subject, entries), async {
        let mut all = Vec::new();
        while let Some(StoredEntry { key, value }) = received.recv().await {
            all.push((key, value));
        }
        all
    });
    inspected.unwrap();
    all
}
