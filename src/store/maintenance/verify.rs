//! Verification and repair of a store.

use tokio::sync::mpsc;

use super::ledger::Ledger;
use super::{InspectScope, StoredEntry, VerifyEvent, VerifyReport};
use crate::store::StoreError;

/// Verifies the whole store.
pub(crate) async fn verify(
    _ledger: &dyn Ledger,
    _repair: bool,
    _events: mpsc::Sender<VerifyEvent>,
) -> Result<VerifyReport, StoreError> {
    Err(StoreError::Unexpected("not built".into()))
}

/// Sends the stored entries of a scope.
pub(crate) async fn inspect(
    _ledger: &dyn Ledger,
    _scope: InspectScope,
    _entries: mpsc::Sender<StoredEntry>,
) -> Result<(), StoreError> {
    Err(StoreError::Unexpected("not built".into()))
}
