//! What the sessions say.

use std::ops::RangeInclusive;

use redb::ReadableTable;

use crate::domain::{Span, Totals};
use crate::store::StoreError;
use crate::store::embedded::schema::{self, SessionKey, SessionRow, TimelineKey, TotalsKey};

/// What a learner's sessions in a course come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recount {
    /// Their totals; `None` where a session cannot be read, as nobody knows them then.
    pub(super) totals: Option<Totals>,
    /// When the latest of them occurred, in ms, where there are any.
    pub(super) latest: Option<i64>,
}

/// Counts a learner's sessions in a course, and shows each.
pub(super) fn recount(
    sessions: &impl ReadableTable<SessionKey, SessionRow>,
    key: TotalsKey,
    mut each: impl FnMut(u128, SessionRow) -> Result<(), StoreError>,
) -> Result<Recount, StoreError> {
    let mut recount = Recount {
        totals: Some(Totals::default()),
        latest: None,
    };
    for entry in sessions.range(sessions_of(key))? {
        let (entry, row) = entry?;
        let ((_, _, session), row) = (entry.value(), row.value());
        each(session, row)?;
        let stats = schema::session(row).ok().map(|session| session.stats);
        recount.totals = recount
            .totals
            .zip(stats)
            .map(|(sum, stats)| sum.with(&stats));
        recount.latest = recount.latest.max(Some(row.3));
    }
    Ok(recount)
}

/// When the latest of a learner's sessions in a course occurred, in ms, where there are any.
pub(super) fn latest(
    sessions: &impl ReadableTable<SessionKey, SessionRow>,
    key: TotalsKey,
) -> Result<Option<i64>, StoreError> {
    let mut latest = None;
    for entry in sessions.range(sessions_of(key))? {
        latest = latest.max(Some(entry?.1.value().3));
    }
    Ok(latest)
}

/// The first learner and course at or after a place that has sessions.
pub(super) fn first_with_sessions(
    sessions: &impl ReadableTable<SessionKey, SessionRow>,
    (learner, course): TotalsKey,
) -> Result<Option<TotalsKey>, StoreError> {
    let first = sessions
        .range((learner, course, u128::MIN)..)?
        .next()
        .transpose()?;
    Ok(first.map(|(key, _)| (key.value().0, key.value().1)))
}

/// The next learner and course that there may be; `None` after the last.
pub(super) fn after((learner, course): TotalsKey) -> Option<TotalsKey> {
    match course.checked_add(1) {
        Some(course) => Some((learner, course)),
        None => Some((learner.checked_add(1)?, u128::MIN)),
    }
}

/// All of a learner's sessions in a course.
pub(super) fn sessions_of((learner, course): TotalsKey) -> RangeInclusive<SessionKey> {
    (learner, course, u128::MIN)..=(learner, course, u128::MAX)
}

/// All entries of a timeline.
pub(super) fn timeline_of(key: TotalsKey) -> RangeInclusive<TimelineKey> {
    schema::timeline_range(schema::enrolment(key), Span::ALL)
}
