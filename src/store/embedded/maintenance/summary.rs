//! Check of the summaries against the sessions: as many summaries at a time as fit in memory.

use std::collections::BTreeMap;
use std::ops::Bound;

use redb::ReadTransaction;

use super::display::{RowKey, summary_text, text_or_nothing};
use super::enrolment::RowDifference;
use super::recount::{next_with_sessions, recount};
use crate::domain::{AggregateDelta, Summary};
use crate::store::StoreError;
use crate::store::embedded::schema::{SESSIONS, SUMMARY, SummaryKey, TOTALS};

/// Range of summaries to check.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SummaryRange {
    /// First key of the range; `None` for the start of the table.
    pub(super) from: Option<SummaryKey>,
    /// First key after the range; `None` for the end of the table.
    pub(super) until: Option<SummaryKey>,
}

impl SummaryRange {
    fn contains(&self, key: SummaryKey) -> bool {
        self.from.is_none_or(|from| from <= key) && self.until.is_none_or(|until| key < until)
    }

    fn bounds(&self) -> (Bound<SummaryKey>, Bound<SummaryKey>) {
        (
            self.from.map_or(Bound::Unbounded, Bound::Included),
            self.until.map_or(Bound::Unbounded, Bound::Excluded),
        )
    }
}

/// Result of a check.
#[derive(Debug)]
pub(super) struct SummaryCheck {
    pub(super) differences: Vec<SummaryDifference>,
    /// Checked range. Ends before the requested range where the requested range had too many summaries.
    pub(super) range: SummaryRange,
}

/// Disagreement between a summary and the sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SummaryDifference {
    pub(super) key: SummaryKey,
    expected: Option<Summary>,
    found: Option<Summary>,
}

impl SummaryDifference {
    /// Returns the change that makes the summary agree with the sessions. Concurrent writes change the
    /// expected and the stored summary alike, and hence leave the delta as it is.
    pub(super) fn delta(&self) -> AggregateDelta {
        AggregateDelta::from(self.expected.unwrap_or_default())
            - self.found.unwrap_or_default().into()
    }

    pub(super) fn row_difference(&self) -> RowDifference {
        RowDifference {
            key: RowKey::Summary(self.key),
            expected: text_or_nothing(self.expected, summary_text),
            found: text_or_nothing(self.found, summary_text),
        }
    }
}

/// Recounts and compares at most `max` summaries of a range.
///
/// An error of `check_cancelled` ends the check.
pub(super) fn check_summaries(
    snapshot: &ReadTransaction,
    mut range: SummaryRange,
    max: usize,
    check_cancelled: impl Fn() -> Result<(), StoreError>,
) -> Result<SummaryCheck, StoreError> {
    let mut recounted = recount_summaries(snapshot, &mut range, max, check_cancelled)?;
    let mut differences = Vec::new();
    for entry in snapshot.open_table(SUMMARY)?.range(range.bounds())? {
        let (key, row) = entry?;
        let (key, found) = (key.value(), Some(row.value()));
        if differences.len() >= max {
            range.until = Some(key);
            break;
        }
        let expected = recounted.remove(&key);
        if expected != found {
            differences.push(SummaryDifference {
                key,
                expected,
                found,
            });
        }
    }
    let missing = recounted
        .into_iter()
        .filter(|(key, _)| range.contains(*key));
    differences.extend(missing.map(|(key, expected)| SummaryDifference {
        key,
        expected: Some(expected),
        found: None,
    }));
    Ok(SummaryCheck { differences, range })
}

/// Recounts at most `max` summaries of a range. With more summaries, drops the last and ends the range
/// before them.
fn recount_summaries(
    snapshot: &ReadTransaction,
    range: &mut SummaryRange,
    max: usize,
    check_cancelled: impl Fn() -> Result<(), StoreError>,
) -> Result<BTreeMap<SummaryKey, Summary>, StoreError> {
    let sessions = snapshot.open_table(SESSIONS)?;
    let totals = snapshot.open_table(TOTALS)?;
    let mut summaries = BTreeMap::<SummaryKey, Summary>::new();
    let mut last = None;
    while let Some(enrolment) = next_with_sessions(&sessions, last)? {
        check_cancelled()?;
        last = Some(enrolment);
        let key = SummaryKey::of(enrolment);
        if !range.contains(key) {
            continue;
        }
        let totals = match recount(&sessions, enrolment, |_, _| Ok(()))?.totals {
            Some(recounted) => Some(recounted),
            // With an invalid session, the stored totals are the best value.
            None => totals.get(enrolment)?.map(|row| row.value()),
        };
        if let Some(totals) = totals {
            let learner = Summary {
                learners: 1,
                totals,
            };
            let summary = summaries.entry(key).or_default();
            // Stored totals can have any value: the sum must wrap around.
            *summary = summary.changed_by(learner.into());
        }
        if summaries.len() > max {
            range.until = summaries.pop_last().map(|(key, _)| key);
        }
    }
    Ok(summaries)
}
