//! `inspect`: prints what is stored, with its keys.

use std::io;

use tokio::sync::mpsc;

use super::{Console, Failure};
use crate::store::upkeep::{Entry, Subject, Upkeep};

/// Entries that the store may send before it waits for the console.
const ENTRIES: usize = 64;

pub(super) async fn inspect(
    store: &dyn Upkeep,
    subject: Subject,
    console: &mut dyn Console,
) -> Result<bool, Failure> {
    let (sender, entries) = mpsc::channel(ENTRIES);
    let (inspected, told) = tokio::join!(store.inspect(subject, sender), tell(entries, console));
    let is_there = told? > 0;
    inspected?;
    if !is_there {
        console.line("nothing is stored of it".into()).await?;
    }
    Ok(is_there)
}

/// Tells what comes, and how much that was. Where the console fails, it takes no more, which ends the
/// inspection.
async fn tell(mut entries: mpsc::Receiver<Entry>, console: &mut dyn Console) -> io::Result<u64> {
    let mut told = 0;
    while let Some(Entry { key, value }) = entries.recv().await {
        console.line(format!("{key}  {value}")).await?;
        told += 1;
    }
    Ok(told)
}
