//! Passes over the tables, chunk by chunk: while a snapshot is open, the pages that later commits free are not
//! reused and the file grows.

use async_trait::async_trait;
use redb::{ReadTransaction, ReadableTable};

use super::PAGE;
use crate::domain::Enrolment;
use crate::store::StoreError;
use crate::store::aggregate_text::StoredTotals;
use crate::store::embedded::EmbeddedStore;
use crate::store::embedded::schema::{
    COURSES, CourseKey, ROSTER, RosterKey, SESSIONS, SUMMARY, SessionKey, SummaryKey, TIMELINE,
    TOTALS, TimelineKey, following,
};
use crate::store::maintenance::ledger::{Found, Pass, Scan};

/// Position of a pass: the table, and the last key of the chunk before.
#[derive(Debug, Clone, Copy)]
enum Position {
    Sessions(Option<SessionKey>),
    Totals(Option<Enrolment>),
    Timeline(Option<TimelineKey>),
    Courses(Option<CourseKey>),
    Roster(Option<RosterKey>),
    Summaries(Option<SummaryKey>),
    RosterSummaries(Option<RosterKey>),
    End,
}

/// Running pass over the tables.
pub(super) struct TableScan<'a> {
    store: &'a EmbeddedStore,
    position: Position,
}

impl<'a> TableScan<'a> {
    pub(super) fn new(store: &'a EmbeddedStore, pass: Pass) -> Self {
        let position = match pass {
            Pass::Sessions => Position::Sessions(None),
            Pass::Enrolments => Position::Totals(None),
            Pass::Summaries => Position::Summaries(None),
        };
        Self { store, position }
    }
}

#[async_trait]
impl Scan for TableScan<'_> {
    async fn next(&mut self) -> Result<Option<Vec<Found>>, StoreError> {
        if matches!(self.position, Position::End) {
            return Ok(None);
        }
        let position = self.position;
        let chunk = self
            .store
            .read_long(move |snapshot| chunk(snapshot, position));
        let (found, position) = chunk.await?;
        self.position = position;
        Ok(Some(found))
    }
}

/// Reads a chunk of a table, and returns the position of the next chunk.
fn chunk(
    snapshot: &ReadTransaction,
    position: Position,
) -> Result<(Vec<Found>, Position), StoreError> {
    let mut found = Vec::new();
    // Reads rows of a table after a key, calls the function for each, and gives the last key of a full chunk.
    macro_rules! rows {
        ($table:expr, $after:expr, |$key:ident, $row:ident| $each:expr) => {{
            let (mut last, mut count) = (None, 0);
            for entry in $table.range(following($after))?.take(PAGE) {
                let ($key, $row) = entry?;
                let $key = $key.value();
                $each;
                (last, count) = (Some($key), count + 1);
            }
            last.filter(|_| count == PAGE)
        }};
    }
    let totals = snapshot.open_table(TOTALS)?;
    let next = match position {
        Position::Sessions(after) => {
            let (sessions, timeline) = (
                snapshot.open_table(SESSIONS)?,
                snapshot.open_table(TIMELINE)?,
            );
            let mut count = 0;
            let last = rows!(sessions, after, |key, row| {
                count += 1;
                let millis = row.value().occurred_at.millis;
                if timeline.get(key.timeline(millis))?.is_none() {
                    found.push(Found::Unindexed(key.enrolment, key.session));
                }
            });
            found.push(Found::Sessions(count));
            last.map_or(Position::End, |last| Position::Sessions(Some(last)))
        }
        Position::Totals(after) => {
            let last = rows!(totals, after, |key, _row| found.push(Found::Enrolment(key)));
            Position::Totals(last).or(last, Position::Timeline(None))
        }
        Position::Timeline(after) => {
            let timeline = snapshot.open_table(TIMELINE)?;
            let mut counts: Vec<(Enrolment, u64)> = Vec::new();
            let last = rows!(timeline, after, |key, _row| {
                match counts.last_mut() {
                    Some((last, count)) if *last == key.enrolment => *count += 1,
                    _ => counts.push((key.enrolment, 1)),
                }
            });
            for (enrolment, count) in counts {
                with_other_count(&totals, enrolment, count, &mut found)?;
            }
            Position::Timeline(last).or(last, Position::Courses(None))
        }
        Position::Courses(after) => {
            let courses = snapshot.open_table(COURSES)?;
            let last = rows!(courses, after, |key, _row| {
                without_totals(&totals, key.enrolment(), &mut found)?;
            });
            Position::Courses(last).or(last, Position::Roster(None))
        }
        Position::Roster(after) => {
            let roster = snapshot.open_table(ROSTER)?;
            let last = rows!(roster, after, |key, _row| {
                without_totals(&totals, key.enrolment(), &mut found)?;
            });
            Position::Roster(last).or(last, Position::End)
        }
        Position::Summaries(after) => {
            let summaries = snapshot.open_table(SUMMARY)?;
            let last = rows!(summaries, after, |key, _row| {
                found.push(Found::Summary(key.bucket, key.course));
            });
            Position::Summaries(last).or(last, Position::RosterSummaries(None))
        }
        Position::RosterSummaries(after) => {
            let (roster, summaries) = (snapshot.open_table(ROSTER)?, snapshot.open_table(SUMMARY)?);
            let last = rows!(roster, after, |key, _row| {
                let RosterKey { course, bucket, .. } = key;
                let summary = Found::Summary(bucket, course);
                let is_known = summaries.get(SummaryKey { course, bucket })?.is_some();
                if !is_known && found.last() != Some(&summary) {
                    found.push(summary);
                }
            });
            Position::RosterSummaries(last).or(last, Position::End)
        }
        Position::End => Position::End,
    };
    Ok((found, next))
}

impl Position {
    /// Returns the same position after a full chunk, else the start of the next table.
    fn or<K>(self, last: Option<K>, next: Self) -> Self {
        if last.is_some() { self } else { next }
    }
}

/// Adds an enrolment whose totals do not have the number of entries of a chunk, as for an enrolment in two chunks.
/// Lost totals that a write has begun anew between the chunks are in no other finding.
fn with_other_count(
    totals: &impl ReadableTable<Enrolment, &'static str>,
    enrolment: Enrolment,
    count: u64,
    found: &mut Vec<Found>,
) -> Result<(), StoreError> {
    let row = totals.get(enrolment)?;
    let stored = row.and_then(|row| row.value().parse::<StoredTotals>().ok());
    if stored.is_none_or(|stored| stored.totals.sessions != count) {
        found.push(Found::Enrolment(enrolment));
    }
    Ok(())
}

/// Adds an enrolment that has no totals, once for entries in a row.
fn without_totals(
    totals: &impl ReadableTable<Enrolment, &'static str>,
    enrolment: Enrolment,
    found: &mut Vec<Found>,
) -> Result<(), StoreError> {
    let finding = Found::Enrolment(enrolment);
    if found.last() != Some(&finding) && totals.get(enrolment)?.is_none() {
        found.push(finding);
    }
    Ok(())
}
