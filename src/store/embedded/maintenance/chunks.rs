//! Check of all enrolments and of the course index in chunks, with a snapshot per chunk.
//!
//! Each enrolment is checked in a single snapshot. While a snapshot is open, the pages that later commits
//! free are not reused and the file grows; chunks bound the growth.

use redb::ReadTransaction;
use tokio::sync::mpsc;

use super::display::RowKey;
use super::enrolment::{CheckEvent, SnapshotTables};
use crate::domain::Enrolment;
use crate::store::StoreError;
use crate::store::embedded::schema::{CourseKey, following};

/// Number of sessions between two progress events.
const PROGRESS: u64 = 4_096;

/// Checks enrolments, after an enrolment or from the start, until `size` sessions or enrolments are checked.
///
/// Returns the last enrolment of the chunk, or `None` after the last enrolment of the snapshot. Returns an
/// error where the receiver of the events is dropped.
pub(super) fn check_enrolments(
    snapshot: &ReadTransaction,
    mut after: Option<Enrolment>,
    size: u64,
    events: &mpsc::Sender<CheckEvent>,
) -> Result<Option<Enrolment>, StoreError> {
    let tables = SnapshotTables::open(snapshot)?;
    let (mut sessions, mut enrolments) = (0, 0);
    loop {
        let next = tables.next(after)?;
        let Some(enrolment) = next.filter(|_| sessions.max(enrolments) < size) else {
            send(events, CheckEvent::Sessions(sessions % PROGRESS))?;
            return Ok(next.and(after));
        };
        tables.check(enrolment, &mut |event| match event {
            CheckEvent::Sessions(count) => {
                sessions += count;
                if sessions.is_multiple_of(PROGRESS) {
                    send(events, CheckEvent::Sessions(PROGRESS))?;
                }
                Ok(())
            }
            difference => send(events, difference),
        })?;
        enrolments += 1;
        after = Some(enrolment);
    }
}

/// Checks entries of the course index, after an entry or from the start, until `size` entries are checked.
///
/// Returns the last entry of the chunk, or `None` at the end of the index. Returns an error where the
/// receiver of the events is dropped.
pub(super) fn check_course_index(
    snapshot: &ReadTransaction,
    after: Option<CourseKey>,
    size: u64,
    events: &mpsc::Sender<CheckEvent>,
) -> Result<Option<CourseKey>, StoreError> {
    let tables = SnapshotTables::open(snapshot)?;
    let mut entries = 0;
    for entry in tables.courses.range(following(after))? {
        if events.is_closed() {
            return Err(cancelled());
        }
        let entry = entry?.0.value();
        tables.check_course_entry(entry, &mut |event| send(events, event))?;
        entries += 1;
        if entries == size {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// Returns whether all rows of an enrolment agree with the sessions. Ignores invalid sessions, which a
/// repair leaves as they are.
pub(super) fn is_consistent(
    snapshot: &ReadTransaction,
    enrolment: Enrolment,
) -> Result<bool, StoreError> {
    let tables = SnapshotTables::open(snapshot)?;
    let mut is_consistent = true;
    let mut report = |event| {
        if let CheckEvent::Difference(difference) = event {
            is_consistent &= matches!(difference.key, RowKey::Session(_));
        }
        Ok(())
    };
    tables.check(enrolment, &mut report)?;
    for entry in tables.courses.range(CourseKey::range(enrolment.learner))? {
        let entry = entry?.0.value();
        if entry.course == enrolment.course {
            tables.check_course_entry(entry, &mut report)?;
        }
    }
    Ok(is_consistent)
}

fn send(events: &mpsc::Sender<CheckEvent>, event: CheckEvent) -> Result<(), StoreError> {
    events.blocking_send(event).map_err(|_| cancelled())
}

/// Returns the error that ends a cancelled operation. No client gets the error, as the receiver is dropped.
pub(super) fn cancelled() -> StoreError {
    StoreError::Unavailable("nobody waits for it any more".into())
}
