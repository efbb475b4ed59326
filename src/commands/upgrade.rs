//! `upgrade`: upgrades the data of a former version.

use tokio::sync::mpsc;

use super::verify::print;
use super::{CommandError, Ui};
use crate::store::maintenance::{Maintenance, Upgrade};

/// Capacity of the channel of events.
const EVENTS: usize = 64;

pub(super) async fn upgrade(
    store: &dyn Maintenance,
    ui: &mut dyn Ui,
) -> Result<bool, CommandError> {
    let (sender, events) = mpsc::channel(EVENTS);
    let (upgraded, printed) = tokio::join!(store.upgrade(sender), print(events, false, ui));
    printed?;
    let (text, is_done) = match upgraded? {
        Upgrade::NotNeeded => (
            "the data have the present version: nothing to do".into(),
            true,
        ),
        Upgrade::Done(report) if report.is_consistent() => {
            (format!("{} sessions upgraded", report.sessions), true)
        }
        Upgrade::Done(report) => {
            let left = report.differences - report.repaired + report.unsettled;
            let text = format!(
                "{} sessions, {left} problems: correct or delete the keys above, and repeat the upgrade",
                report.sessions
            );
            (text, false)
        }
    };
    ui.print(text).await?;
    Ok(is_done)
}
