//! Holds the summaries to the sessions: as many at a time as memory may hold.

use std::collections::BTreeMap;
use std::ops::Bound;

use redb::ReadTransaction;

use super::course::Fault;
use super::display::{Place, summary_text, text_or_nothing};
use super::recount::{after, first_with_sessions, recount};
use crate::store::StoreError;
use crate::store::embedded::schema::{
    self, SESSIONS, SUMMARY, SummaryKey, SummaryRow, TOTALS, TotalsKey, TotalsRow,
};

/// The summaries to look at: from one on, until before another or to the last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) from: SummaryKey,
    pub(super) until: Option<SummaryKey>,
}

impl Part {
    fn contains(&self, key: SummaryKey) -> bool {
        self.from <= key && self.until.is_none_or(|until| key < until)
    }
}

/// What came of a part.
#[derive(Debug)]
pub(super) struct Measured {
    /// What differs.
    pub(super) wrong: Vec<Wrong>,
    /// The part that was looked at: where it had too much in it, its beginning.
    pub(super) part: Part,
}

/// A summary that is not as the sessions say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) key: SummaryKey,
    expected: Option<SummaryRow>,
    found: Option<SummaryRow>,
}

impl Wrong {
    /// What it lacks.
    ///
    /// That stays the same while sessions come and go, as each moves both what is expected and what
    /// is found. It is counted modulo powers of two, so that it is right whatever is found.
    pub(super) fn lacks(&self) -> SummaryRow {
        let (expected, found) = (
            self.expected.unwrap_or_default(),
            self.found.unwrap_or_default(),
        );
        zip(expected, found, u64::wrapping_sub, i128::wrapping_sub)
    }

    pub(super) fn fault(&self) -> Fault {
        Fault {
            place: Place::Summary(self.key),
            expected: text_or_nothing(self.expected, summary_text),
            found: text_or_nothing(self.found, summary_text),
        }
    }
}

/// A summary and what it lacks.
pub(super) fn plus(row: SummaryRow, lacks: SummaryRow) -> SummaryRow {
    zip(row, lacks, u64::wrapping_add, i128::wrapping_add)
}

fn zip(
    (a_learners, a): SummaryRow,
    (b_learners, b): SummaryRow,
    counts: impl Fn(u64, u64) -> u64,
    sums: impl Fn(i128, i128) -> i128,
) -> SummaryRow {
    let totals = (
        counts(a.0, b.0),
        sums(a.1, b.1),
        sums(a.2, b.2),
        sums(a.3, b.3),
    );
    (counts(a_learners, b_learners), totals)
}

/// Counts the summaries of a part again, at most so many, and compares them.
///
/// What is wanted may end it on the way.
pub(super) fn measure(
    snapshot: &ReadTransaction,
    mut part: Part,
    most: usize,
    is_wanted: impl Fn() -> Result<(), StoreError>,
) -> Result<Measured, StoreError> {
    let mut sums = sum(snapshot, &mut part, most, is_wanted)?;
    let mut wrong = Vec::new();
    let end = part.until.map_or(Bound::Unbounded, Bound::Excluded);
    for entry in snapshot
        .open_table(SUMMARY)?
        .range((Bound::Included(part.from), end))?
    {
        let (key, row) = entry?;
        let (key, found) = (key.value(), Some(row.value()));
        if wrong.len() >= most {
            part.until = Some(key);
            break;
        }
        let expected = sums.remove(&key);
        if expected != found {
            wrong.push(Wrong {
                key,
                expected,
                found,
            });
        }
    }
    let missing = sums.into_iter().filter(|(key, _)| part.contains(*key));
    wrong.extend(missing.map(|(key, expected)| Wrong {
        key,
        expected: Some(expected),
        found: None,
    }));
    Ok(Measured { wrong, part })
}

/// Sums up the sessions by summary. Where these are too many, the last ones are let go, and the part
/// ends before them.
fn sum(
    snapshot: &ReadTransaction,
    part: &mut Part,
    most: usize,
    is_wanted: impl Fn() -> Result<(), StoreError>,
) -> Result<BTreeMap<SummaryKey, SummaryRow>, StoreError> {
    let sessions = snapshot.open_table(SESSIONS)?;
    let totals = snapshot.open_table(TOTALS)?;
    let mut sums = BTreeMap::<SummaryKey, SummaryRow>::new();
    let mut next = Some(TotalsKey::default());
    while let Some(from) = next
        && let Some(key) = first_with_sessions(&sessions, from)?
    {
        is_wanted()?;
        next = after(key);
        let summary_key = schema::summary_key(schema::enrolment(key));
        if !part.contains(summary_key) {
            continue;
        }
        let counted = recount(&sessions, key, |_, _| Ok(()))?.totals;
        let counted: Option<TotalsRow> = match counted {
            Some(counted) => Some(schema::totals_row(&counted)),
            // Totals that cannot be counted again are taken at their word.
            None => totals.get(key)?.map(|row| row.value()),
        };
        if let Some(counted) = counted {
            let sum = sums.entry(summary_key).or_default();
            *sum = plus(*sum, (1, counted));
        }
        if sums.len() > most {
            part.until = sums.pop_last().map(|(key, _)| key);
        }
    }
    Ok(sums)
}
