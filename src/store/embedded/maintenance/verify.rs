//! Walks through all that is stored, tells what differs and has it mended.

use std::collections::BTreeSet;
use std::ops::Bound;

use redb::ReadTransaction;
use tokio::sync::mpsc;

use super::course::Fault;
use super::courses::{self, Found, unheard};
use super::display::Place;
use super::summary::{self, Measured, Part};
use crate::store::StoreError;
use crate::store::embedded::EmbeddedStore;
use crate::store::embedded::schema::{SummaryKey, TotalsKey};
use crate::store::maintenance::{Difference, VerifyEvent, VerifyReport};

/// What may be found ahead of its being told.
const AHEAD: usize = 64;
/// Sessions, or courses, that are held to each other in one snapshot.
const STRETCH: u64 = 65_536;
/// Summaries that are counted again at a time: some 20 MB.
const SUMMARIES: usize = 65_536;
/// Sessions that a transaction which mends a course is taken for.
const COURSE: usize = 1_000;
/// Summaries that one transaction mends at most.
const STEP: usize = 200;
/// How often a summary is mended, if it is not right after the first time: a count that it lacked
/// may have kept it from following a write.
const ROUNDS: usize = 3;

/// A verification under way.
pub(super) struct Verification<'a> {
    store: &'a EmbeddedStore,
    repair: bool,
    events: mpsc::Sender<VerifyEvent>,
    verified: VerifyReport,
    /// The course that was mended last, and whether it is well since.
    last: Option<(TotalsKey, bool)>,
}

impl<'a> Verification<'a> {
    pub(super) fn new(
        store: &'a EmbeddedStore,
        repair: bool,
        events: mpsc::Sender<VerifyEvent>,
    ) -> Self {
        Self {
            store,
            repair,
            events,
            verified: VerifyReport::default(),
            last: None,
        }
    }

    /// First the courses and then the summaries, which a learner whose totals are missing would join
    /// a second time.
    pub(super) async fn run(mut self) -> Result<VerifyReport, StoreError> {
        let ended = match self.courses().await {
            Ok(()) => self.summaries().await,
            Err(error) => Err(error),
        };
        match ended {
            Err(error) if !self.events.is_closed() => Err(error),
            _ => Ok(self.verified),
        }
    }

    async fn courses(&mut self) -> Result<(), StoreError> {
        let mut next = Some(TotalsKey::default());
        while let Some(from) = next {
            let hold = move |snapshot: &_, found: &_| {
                courses::hold_courses(snapshot, from, STRETCH, found)
            };
            next = self.stretch(hold).await?;
        }
        let mut next = Some(Bound::Unbounded);
        while let Some(from) = next {
            let hold =
                move |snapshot: &_, found: &_| courses::hold_lists(snapshot, from, STRETCH, found);
            next = self.stretch(hold).await?;
        }
        Ok(())
    }

    /// Tells, and has mended, what is found in one stretch, and gives where the next begins.
    async fn stretch<T, F>(&mut self, hold: F) -> Result<Option<T>, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&ReadTransaction, &mpsc::Sender<Found>) -> Result<Option<T>, StoreError>
            + Send
            + 'static,
    {
        let (found, mut finding) = mpsc::channel(AHEAD);
        let walk = self.store.walk(move |snapshot| hold(snapshot, &found));
        while let Some(found) = finding.recv().await {
            match found {
                Found::Sessions(count) => {
                    self.verified.sessions += count;
                    let sessions = self.verified.sessions;
                    self.send(VerifyEvent::Progress { sessions }).await?;
                }
                Found::Fault(fault) => {
                    let mended = self.repair && self.mend_course(fault.place).await?;
                    self.tell(fault, mended).await?;
                }
            }
        }
        walk.await
    }

    /// Mends a course, unless that was just done for another of its rows, and looks at it again.
    async fn mend_course(&mut self, place: Place) -> Result<bool, StoreError> {
        let Some(key) = place.course() else {
            return Ok(false);
        };
        if let Some((last, is_well)) = self.last
            && last == key
        {
            return Ok(is_well);
        }
        let writer = &self.store.writer;
        let mending = writer.write(COURSE, move |tables, _| tables.mend_course(key));
        mending.await?;
        let looking = self
            .store
            .walk(move |snapshot| courses::is_well(snapshot, key));
        let is_well = looking.await?;
        self.last = Some((key, is_well));
        Ok(is_well)
    }

    async fn summaries(&mut self) -> Result<(), StoreError> {
        let mut from = Some(SummaryKey::default());
        while let Some(first) = from {
            let rest = Part {
                from: first,
                until: None,
            };
            let measured = self.measure(rest, SUMMARIES).await?;
            let left = self.mend_summaries(&measured).await?;
            for wrong in &measured.wrong {
                let mended = self.repair && !left.contains(&wrong.key);
                self.tell(wrong.fault(), mended).await?;
            }
            from = measured.part.until;
        }
        Ok(())
    }

    /// Mends the summaries, and looks at all of that part again: gives those that are not right yet.
    async fn mend_summaries(
        &mut self,
        measured: &Measured,
    ) -> Result<BTreeSet<SummaryKey>, StoreError> {
        let mut wrong = measured.wrong.clone();
        for _ in 0..ROUNDS {
            if !self.repair || wrong.is_empty() {
                break;
            }
            for some in wrong.chunks(STEP) {
                let some = some.to_vec();
                let writer = &self.store.writer;
                let mending = writer.write(STEP, move |tables, _| tables.mend_summaries(&some));
                mending.await?;
            }
            wrong = self.measure(measured.part, usize::MAX).await?.wrong;
        }
        Ok(wrong.iter().map(|wrong| wrong.key).collect())
    }

    /// Counts the summaries of a part again, at most so many.
    async fn measure(&self, part: Part, most: usize) -> Result<Measured, StoreError> {
        let events = self.events.clone();
        let is_wanted = move || {
            if events.is_closed() {
                Err(unheard())
            } else {
                Ok(())
            }
        };
        let measuring = self
            .store
            .walk(move |snapshot| summary::measure(snapshot, part, most, is_wanted));
        measuring.await
    }

    async fn tell(&mut self, fault: Fault, mended: bool) -> Result<(), StoreError> {
        self.verified.differences += 1;
        self.verified.mended += u64::from(mended);
        let difference = Difference {
            key: fault.place.to_string(),
            expected: fault.expected,
            found: fault.found,
            mended,
        };
        self.send(VerifyEvent::Difference(difference)).await
    }

    async fn send(&self, event: VerifyEvent) -> Result<(), StoreError> {
        self.events.send(event).await.map_err(|_| unheard())
    }
}
