//! Verification and repair of a store, over the store's [`Ledger`].
//!
//! A write changes a session, its index entries and its aggregates in one step, and raises the revision of the
//! aggregates. So a recount between two equal states is of one moment. The delta from an aggregate to the recount is
//! unchanged by later writes: a repair adds the delta, and aligns the entries of an index with the sessions as they
//! are at the time of the repair.
//!
//! Three passes: the first counts the sessions and collects those absent from their session index; the second recounts
//! the enrolments (`enrolment`); the third compares the summaries with the totals of their rosters (`summary`).
//! Where an enrolment is wrong and is not repaired, a correction keeps its summary from being reported for the
//! same reason.

mod enrolment;
mod summary;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc;

use super::display;
use super::ledger::{Found, InvalidEntry, Ledger, Location, Pass};
use super::{Difference, VerifyEvent, VerifyReport};
use crate::domain::{AggregateDelta, CourseId, Enrolment, LearnerId, SessionId};
use crate::store::StoreError;

/// Number of enrolments verified concurrently: enough to keep a distant Redis busy, and few enough to leave
/// Redis to requests.
const CONCURRENCY: usize = 16;
/// Maximum number of recounts of an enrolment or a summary that clients write to.
const ATTEMPTS: u32 = 40;
/// Longest wait between two recounts; each wait is a little longer than the wait before.
const LONGEST_WAIT: Duration = Duration::from_millis(200);
/// Maximum number of sessions in memory that are absent from their session index.
const MAX_UNINDEXED: usize = 200_000;
/// Number of sessions between two progress events.
const PROGRESS: u64 = 5_000;

/// Reason to end a verification early.
enum Stop {
    /// The receiver of the events is dropped.
    Cancelled,
    Failed(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

type Step<T = ()> = Result<T, Stop>;

/// Sessions that are absent from their session index, by enrolment.
type Unindexed = BTreeMap<Enrolment, BTreeSet<SessionId>>;

/// What the summary of a bucket will not count rightly, by learner: the recount of the learner without what
/// the roster and the totals show.
type Corrections = BTreeMap<(u16, CourseId), BTreeMap<LearnerId, AggregateDelta>>;

/// Verifies the whole store, and with `repair` repairs each difference. Returns an early report where the
/// receiver of the events is dropped.
pub(crate) async fn verify(
    ledger: &dyn Ledger,
    repair: bool,
    events: mpsc::Sender<VerifyEvent>,
) -> Result<VerifyReport, StoreError> {
    let run = Verification {
        ledger,
        repair,
        events,
        report: Mutex::default(),
        recounted: AtomicU64::default(),
        reported: Mutex::default(),
        corrections: Mutex::default(),
    };
    match run.run().await {
        Ok(()) | Err(Stop::Cancelled) => Ok(*run.report()),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// Running verification.
struct Verification<'a> {
    ledger: &'a dyn Ledger,
    repair: bool,
    events: mpsc::Sender<VerifyEvent>,
    report: Mutex<VerifyReport>,
    /// Number of sessions recounted up to now, some more than once.
    recounted: AtomicU64,
    /// Locations of the differences that were not repaired: a scan may find a row twice.
    reported: Mutex<HashSet<String>>,
    corrections: Mutex<Corrections>,
}

impl Verification<'_> {
    async fn run(&self) -> Step {
        let unindexed = self.unindexed_sessions().await?;
        self.verify_enrolments(&unindexed).await?;
        self.verify_summaries().await
    }

    /// Counts the sessions, and collects the sessions that are absent from their session index.
    async fn unindexed_sessions(&self) -> Step<Unindexed> {
        let (mut unindexed, mut count) = (Unindexed::new(), 0);
        let mut scan = self.ledger.scan(Pass::Sessions).await?;
        while let Some(found) = scan.next().await? {
            self.check_cancelled()?;
            for finding in found {
                match finding {
                    Found::Sessions(sessions) => self.report().sessions += sessions,
                    Found::Restart => self.report().sessions = 0,
                    Found::Unindexed(enrolment, session) if count < MAX_UNINDEXED => {
                        let is_new = unindexed.entry(enrolment).or_default().insert(session);
                        count += usize::from(is_new);
                    }
                    // The next verification finds the rest, once these are repaired.
                    Found::Unindexed(..) => self.report().unsettled += 1,
                    _ => {}
                }
            }
        }
        Ok(unindexed)
    }

    /// Verifies all enrolments, and the indexes as a whole.
    async fn verify_enrolments(&self, unindexed: &Unindexed) -> Step {
        let mut rest: BTreeSet<_> = unindexed.keys().copied().collect();
        let mut other_types = Vec::new();
        let mut scan = self.ledger.scan(Pass::Enrolments).await?;
        while let Some(found) = scan.next().await? {
            // A step may find an enrolment by several entries.
            let mut enrolments = BTreeSet::new();
            for finding in found {
                match finding {
                    Found::Enrolment(enrolment) => {
                        rest.remove(&enrolment);
                        enrolments.insert(enrolment);
                    }
                    // After the enrolments, which report their indexes themselves.
                    Found::OtherType(location) => other_types.push(location),
                    Found::Invalid(entry) => self.report_invalid(&[entry]).await?,
                    Found::Unknown(key) => {
                        let found = "a key that nobody reads";
                        self.report_difference(key, display::NOTHING, found, false)
                            .await?;
                    }
                    _ => {}
                }
            }
            self.verify_each(enrolments, unindexed).await?;
        }
        drop(scan);
        self.verify_each(rest, unindexed).await?;
        for location in other_types {
            self.report_other_type(&location).await?;
        }
        Ok(())
    }

    /// Verifies enrolments, several at once.
    async fn verify_each(
        &self,
        enrolments: impl IntoIterator<Item = Enrolment>,
        unindexed: &Unindexed,
    ) -> Step {
        let enrolments = enrolments.into_iter().map(|enrolment| async move {
            let sessions = self.verify_enrolment(enrolment, unindexed).await?;
            self.add_sessions(sessions).await
        });
        stream::iter(enrolments)
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await
    }

    /// Verifies all summaries, those known only by corrections included.
    async fn verify_summaries(&self) -> Step {
        let corrections = std::mem::take(&mut *self.corrections());
        let mut rest: BTreeSet<_> = corrections.keys().copied().collect();
        let correction = |key: &(u16, CourseId)| corrections.get(key).cloned().unwrap_or_default();
        let mut scan = self.ledger.scan(Pass::Summaries).await?;
        while let Some(found) = scan.next().await? {
            let summaries = found.into_iter().filter_map(|finding| match finding {
                Found::Summary(bucket, course) => {
                    rest.remove(&(bucket, course));
                    Some(((bucket, course), correction(&(bucket, course))))
                }
                _ => None,
            });
            self.verify_each_summary(summaries).await?;
        }
        let rest = rest.into_iter().map(|key| (key, correction(&key)));
        self.verify_each_summary(rest).await
    }

    async fn verify_each_summary(
        &self,
        summaries: impl Iterator<Item = ((u16, CourseId), BTreeMap<LearnerId, AggregateDelta>)>,
    ) -> Step {
        // A step may find a summary by its roster too.
        let summaries = summaries.collect::<BTreeMap<_, _>>();
        let summaries = summaries
            .into_iter()
            .map(|((bucket, course), corrections)| {
                self.verify_summary(bucket, course, corrections)
            });
        stream::iter(summaries)
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await
    }

    /// Reports an index or an erasure of another type, and deletes the key when the run repairs: the entries are
    /// aligned with the sessions afterwards.
    async fn report_other_type(&self, location: &Location) -> Step {
        if self.repair && !self.ledger.strip(location, &[]).await? {
            return Ok(());
        }
        let expected = match location {
            Location::Erasure(_) => "a time",
            _ => "an index",
        };
        let name = self.ledger.name(location);
        self.report_difference(name, expected, display::OTHER_TYPE, self.repair)
            .await
    }

    /// Reports members of an index that are no ids, and removes the members when the run repairs.
    async fn report_invalid(&self, entries: &[InvalidEntry]) -> Step {
        for entry in entries {
            if self.repair {
                let members = [entry.member.clone()];
                self.ledger.strip(&entry.index, &members).await?;
            }
            let name = self.ledger.name(&entry.index);
            let name = format!("{name} \"{}\"", entry.member.escape_ascii());
            let found = entry.score.clone();
            self.report_difference(name, display::NOTHING, found, self.repair)
                .await?;
        }
        Ok(())
    }

    /// Counts a difference in the report, and sends the difference; once for each name.
    async fn report_difference(
        &self,
        key: String,
        expected: impl Into<String>,
        found: impl Into<String>,
        repaired: bool,
    ) -> Step {
        if !repaired && !self.reported().insert(key.clone()) {
            return Ok(());
        }
        {
            let mut report = self.report();
            report.differences += 1;
            report.repaired += u64::from(repaired);
        }
        let difference = Difference {
            key,
            expected: expected.into(),
            found: found.into(),
            repaired,
        };
        self.send(VerifyEvent::Difference(difference)).await
    }

    /// Counts recounted sessions, and sends a progress event from time to time.
    async fn add_sessions(&self, sessions: u64) -> Step {
        let before = self.recounted.fetch_add(sessions, Ordering::Relaxed);
        let sessions = before + sessions;
        if before / PROGRESS == sessions / PROGRESS {
            return self.check_cancelled();
        }
        self.send(VerifyEvent::Progress { sessions }).await
    }

    fn check_cancelled(&self) -> Step {
        if self.events.is_closed() {
            return Err(Stop::Cancelled);
        }
        Ok(())
    }

    async fn send(&self, event: VerifyEvent) -> Step {
        self.events.send(event).await.map_err(|_| Stop::Cancelled)
    }

    fn report(&self) -> MutexGuard<'_, VerifyReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reported(&self) -> MutexGuard<'_, HashSet<String>> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn corrections(&self) -> MutexGuard<'_, Corrections> {
        let corrections = self.corrections.lock();
        corrections.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits before an attempt to recount.
async fn wait(attempt: u32) {
    tokio::time::sleep(LONGEST_WAIT.mul_f64(f64::from(attempt) / f64::from(ATTEMPTS))).await;
}
