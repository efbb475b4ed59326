//! `verify`: prints the differences between aggregates and their sessions.

use std::io;

use tokio::sync::mpsc;

use super::{CommandError, Ui};
use crate::store::maintenance::{Difference, Maintenance, VerifyEvent};

/// Capacity of the channel of events.
const EVENTS: usize = 64;

pub(super) async fn verify(
    store: &dyn Maintenance,
    repair: bool,
    ui: &mut dyn Ui,
) -> Result<bool, CommandError> {
    let (sender, events) = mpsc::channel(EVENTS);
    let (verified, printed) = tokio::join!(store.verify(repair, sender), print(events, true, ui));
    printed?;
    let verified = verified?;
    let summary = format!(
        "{} sessions, {} differences, {} mended, {} unsettled",
        verified.sessions, verified.differences, verified.repaired, verified.unsettled
    );
    ui.print(summary).await?;
    Ok(verified.is_consistent())
}

/// Prints progress and differences, repaired differences only with `repaired`. An error drops the receiver,
/// which cancels the verification.
pub(super) async fn print(
    mut events: mpsc::Receiver<VerifyEvent>,
    repaired: bool,
    ui: &mut dyn Ui,
) -> io::Result<()> {
    while let Some(event) = events.recv().await {
        match event {
            VerifyEvent::Progress { sessions } => ui.progress("sessions", sessions, None).await?,
            VerifyEvent::Difference(difference) if repaired || !difference.repaired => {
                ui.print(line(&difference)).await?;
            }
            VerifyEvent::Difference(_) => {}
        }
    }
    Ok(())
}

fn line(difference: &Difference) -> String {
    let Difference {
        key,
        expected,
        found,
        repaired,
    } = difference;
    let suffix = if *repaired { ", mended" } else { "" };
    format!("{key}: expected {expected}, found {found}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_one_line_with_its_repair() {
        let mut difference = Difference {
            key: "ss:{1}:t:U:C".into(),
            expected: "n 2".into(),
            found: "nothing".into(),
            repaired: false,
        };
        let printed = line(&difference);
        assert_eq!(printed, "ss:{1}:t:U:C: expected n 2, found nothing");
        difference.repaired = true;
        assert_eq!(line(&difference), printed + ", mended");
    }
}
