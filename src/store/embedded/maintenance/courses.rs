//! Holds the totals, the timeline and the list of courses to the sessions, stretch by stretch.
//!
//! What is said of a learner's course is said of one snapshot. There is another one for each stretch,
//! as what is written meanwhile takes up room for as long as a snapshot is looked at.

use std::cell::Cell;
use std::ops::Bound;

use redb::ReadTransaction;
use tokio::sync::mpsc;

use super::course::{Fault, Rows, Seen};
use super::display::Place;
use super::recount::after;
use crate::store::StoreError;
use crate::store::embedded::schema::{self, CoursesKey, TotalsKey};

/// Sessions between two words of how far it is.
const PROGRESS: u64 = 4_096;

/// What is found on the way.
#[derive(Debug)]
pub(super) enum Found {
    /// So many further sessions were counted.
    Sessions(u64),
    Fault(Fault),
}

/// Holds learners' courses to their sessions from one on, until there were so many sessions or
/// courses, and gives where the next stretch begins. It fails where nobody takes what it finds.
pub(super) fn hold_courses(
    snapshot: &ReadTransaction,
    from: TotalsKey,
    most: u64,
    found: &mpsc::Sender<Found>,
) -> Result<Option<TotalsKey>, StoreError> {
    let rows = Rows::open(snapshot)?;
    let (sessions, mut courses) = (Cell::new(0_u64), 0);
    let mut tell = |seen| match seen {
        Seen::Fault(fault) => send(found, Found::Fault(fault)),
        Seen::Session => {
            sessions.set(sessions.get() + 1);
            if sessions.get().is_multiple_of(PROGRESS) {
                send(found, Found::Sessions(PROGRESS))?;
            }
            Ok(())
        }
    };
    let mut next = Some(from);
    while sessions.get().max(courses) < most
        && let Some(from) = next
    {
        let first = rows.first(from)?;
        if let Some(key) = first {
            rows.hold(key, &mut tell)?;
            courses += 1;
        }
        next = first.and_then(after);
    }
    send(found, Found::Sessions(sessions.get() % PROGRESS))?;
    Ok(next)
}

/// Holds entries of the lists of courses to the sessions likewise.
pub(super) fn hold_lists(
    snapshot: &ReadTransaction,
    from: Bound<CoursesKey>,
    most: u64,
    found: &mpsc::Sender<Found>,
) -> Result<Option<Bound<CoursesKey>>, StoreError> {
    let rows = Rows::open(snapshot)?;
    let mut tell = |seen| match seen {
        Seen::Fault(fault) => send(found, Found::Fault(fault)),
        Seen::Session => Ok(()),
    };
    let mut entries = 0;
    for entry in rows.courses.range((from, Bound::Unbounded))? {
        if found.is_closed() {
            return Err(unheard());
        }
        let entry = entry?.0.value();
        rows.hold_entry(entry, &mut tell)?;
        entries += 1;
        if entries == most {
            return Ok(Some(Bound::Excluded(entry)));
        }
    }
    Ok(None)
}

/// Whether all of a learner's course is as its sessions say.
pub(super) fn is_well(snapshot: &ReadTransaction, key: TotalsKey) -> Result<bool, StoreError> {
    let rows = Rows::open(snapshot)?;
    let mut is_well = true;
    let mut tell = |seen| {
        // A session that cannot be read is another matter.
        is_well &=
            !matches!(&seen, Seen::Fault(fault) if !matches!(fault.place, Place::Session(_)));
        Ok(())
    };
    rows.hold(key, &mut tell)?;
    for entry in rows
        .courses
        .range(schema::courses_range(schema::id(key.0)))?
    {
        let entry = entry?.0.value();
        if entry.2 == key.1 {
            rows.hold_entry(entry, &mut tell)?;
        }
    }
    Ok(is_well)
}

fn send(found: &mpsc::Sender<Found>, what: Found) -> Result<(), StoreError> {
    found.blocking_send(what).map_err(|_| unheard())
}

/// Nobody learns of this error, as nobody waits for what comes of it.
pub(super) fn unheard() -> StoreError {
    StoreError::Unavailable("nobody waits for it any more".into())
}
