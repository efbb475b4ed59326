//! `verify`: tells all that is not as the sessions say.

use std::io;

use tokio::sync::mpsc;

use super::{CommandError, Ui};
use crate::store::maintenance::{Difference, Maintenance, VerifyEvent};

/// What the store may tell before it waits for the console.
const EVENTS: usize = 64;

pub(super) async fn verify(
    store: &dyn Maintenance,
    repair: bool,
    ui: &mut dyn Ui,
) -> Result<bool, CommandError> {
    let (sender, events) = mpsc::channel(EVENTS);
    let (verified, told) = tokio::join!(store.verify(repair, sender), tell(events, ui));
    told?;
    let verified = verified?;
    let summary = format!(
        "{} sessions, {} differences, {} mended, {} unsettled",
        verified.sessions, verified.differences, verified.mended, verified.unsettled
    );
    ui.line(summary).await?;
    Ok(verified.is_well())
}

/// Tells what comes. Where the console fails, it takes no more, which ends the verification.
async fn tell(mut events: mpsc::Receiver<VerifyEvent>, ui: &mut dyn Ui) -> io::Result<()> {
    while let Some(event) = events.recv().await {
        match event {
            VerifyEvent::Progress { sessions } => ui.progress("sessions", sessions, None).await,
            VerifyEvent::Difference(difference) => ui.line(line(&difference)).await,
        }?;
    }
    Ok(())
}

fn line(difference: &Difference) -> String {
    let Difference {
        key,
        expected,
        found,
        mended,
    } = difference;
    let mended = if *mended { ", mended" } else { "" };
    format!("{key}: expected {expected}, found {found}{mended}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_one_line_that_says_whether_it_was_mended() {
        let mut difference = Difference {
            key: "ss:{1}:t:U:C".into(),
            expected: "n 2".into(),
            found: "nothing".into(),
            mended: false,
        };
        let told = line(&difference);
        assert_eq!(told, "ss:{1}:t:U:C: expected n 2, found nothing");
        difference.mended = true;
        assert_eq!(line(&difference), told + ", mended");
    }
}
