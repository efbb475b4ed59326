//! Recount of an enrolment from the sessions.

use redb::ReadableTable;

use crate::domain::{Enrolment, Session, Totals};
use crate::store::StoreError;
use crate::store::embedded::schema::{SessionKey, SessionRow, following};

/// Values of an enrolment's aggregates, by the sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recount {
    /// Totals of the sessions; `None` where a session is invalid, as the totals are unknown then.
    pub(super) totals: Option<Totals>,
    /// Time of the latest session, in milliseconds since 1970; `None` without sessions.
    pub(super) latest: Option<i64>,
}

/// Recounts an enrolment, and calls `each` for each session.
pub(super) fn recount(
    sessions: &impl ReadableTable<SessionKey, SessionRow>,
    enrolment: Enrolment,
    mut each: impl FnMut(SessionKey, SessionRow) -> Result<(), StoreError>,
) -> Result<Recount, StoreError> {
    let mut recount = Recount {
        totals: Some(Totals::default()),
        latest: None,
    };
    for entry in sessions.range(SessionKey::range(enrolment))? {
        let (key, row) = entry?;
        let (key, row) = (key.value(), row.value());
        each(key, row)?;
        let session = Session::try_from(row).ok();
        recount.totals = recount
            .totals
            .zip(session)
            .map(|(totals, session)| totals.with(&session.stats));
        recount.latest = recount.latest.max(Some(row.occurred_at.millis));
    }
    Ok(recount)
}

/// Returns the time of the enrolment's latest session, in milliseconds since 1970, by the sessions.
pub(super) fn latest(
    sessions: &impl ReadableTable<SessionKey, SessionRow>,
    enrolment: Enrolment,
) -> Result<Option<i64>, StoreError> {
    let mut latest = None;
    for entry in sessions.range(SessionKey::range(enrolment))? {
        latest = latest.max(Some(entry?.1.value().occurred_at.millis));
    }
    Ok(latest)
}

/// Returns the next enrolment with sessions, after an enrolment or from the start.
pub(super) fn next_with_sessions(
    sessions: &impl ReadableTable<SessionKey, SessionRow>,
    after: Option<Enrolment>,
) -> Result<Option<Enrolment>, StoreError> {
    let after = after.map(|enrolment| *SessionKey::range(enrolment).end());
    let next = sessions.range(following(after))?.next().transpose()?;
    Ok(next.map(|(key, _)| key.value().enrolment))
}
