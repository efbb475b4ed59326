//! `inspect`: prints what is stored, with its keys.

use std::io;

use tokio::sync::mpsc;

use super::{CommandError, Ui};
use crate::store::maintenance::{Entry, Maintenance, Subject};

/// Entries that the store may send before it waits for the console.
const ENTRIES: usize = 64;

pub(super) async fn inspect(
    store: &dyn Maintenance,
    subject: Subject,
    ui: &mut dyn Ui,
) -> Result<bool, CommandError> {
    let (sender, entries) = mpsc::channel(ENTRIES);
    let (inspected, told) = tokio::join!(store.inspect(subject, sender), tell(entries, ui));
    let is_there = told? > 0;
    inspected?;
    if !is_there {
        ui.line("nothing is stored of it".into()).await?;
    }
    Ok(is_there)
}

/// Tells what comes, and how much that was. Where the console fails, it takes no more, which ends the
/// inspection.
async fn tell(mut entries: mpsc::Receiver<Entry>, ui: &mut dyn Ui) -> io::Result<u64> {
    let mut told = 0;
    while let Some(Entry { key, value }) = entries.recv().await {
        ui.line(format!("{key}  {value}")).await?;
        told += 1;
    }
    Ok(told)
}
