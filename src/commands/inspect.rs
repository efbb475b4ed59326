//! `inspect`: prints stored entries with their keys.

use std::io;

use tokio::sync::mpsc;

use super::{CommandError, Ui};
use crate::store::maintenance::{InspectScope, Maintenance, StoredEntry};

/// Capacity of the channel of entries.
const ENTRIES: usize = 64;

pub(super) async fn inspect(
    store: &dyn Maintenance,
    scope: InspectScope,
    ui: &mut dyn Ui,
) -> Result<bool, CommandError> {
    let (sender, entries) = mpsc::channel(ENTRIES);
    let (inspected, printed) = tokio::join!(store.inspect(scope, sender), print(entries, ui));
    let is_there = printed? > 0;
    inspected?;
    if !is_there {
        ui.print("nothing is stored of it".into()).await?;
    }
    Ok(is_there)
}

/// Prints the entries, and returns their number. An error drops the receiver, which cancels the
/// inspection.
async fn print(mut entries: mpsc::Receiver<StoredEntry>, ui: &mut dyn Ui) -> io::Result<u64> {
    let mut printed = 0;
    while let Some(StoredEntry { key, value }) = entries.recv().await {
        ui.print(format!("{key}  {value}")).await?;
        printed += 1;
    }
    Ok(printed)
}
