//! Verification of an enrolment: totals, session index and entry in the course index against the sessions.

use std::collections::BTreeSet;
use std::time::Duration;

use super::aggregate::{AggregateCheck, Deviation};
use super::indexes::{invalid_members, is_score, or_nothing};
use super::repair::AggregateKey;
use super::snapshot::{DerivedData, EnrolmentSnapshot, StoredSession, ids};
use super::verify::{Step, VerifyRun};
use crate::domain::{Enrolment, SessionId, Totals};
use crate::store::redis::scan::query::WrongType;

/// Maximum number of recounts of an enrolment after the first.
const ATTEMPTS: u32 = 40;
/// Number of recounts in a row that must agree on a difference, when a recount takes several snapshots.
const AGREEING: u32 = 3;
/// Longest wait between two recounts; each wait is a little longer than the wait before.
const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// Recount of the sessions of an enrolment, with the derived data of the same time.
#[derive(Default)]
struct EnrolmentRecount {
    totals: Totals,
    /// Time of the latest session, in ms since 1970.
    latest: Option<i64>,
    /// Whether a session is unreadable.
    is_unreadable: bool,
    derived: Option<DerivedData>,
    /// Number of entries met in the session index.
    entries: usize,
    snapshots: u32,
    /// Whether two snapshots have different derived data.
    has_changed: bool,
}

impl EnrolmentRecount {
    /// Adds a snapshot: first `entries` sessions of the session index, then sessions absent from the index.
    fn add(&mut self, snapshot: &EnrolmentSnapshot, entries: usize) {
        for (number, session) in snapshot.sessions.iter().enumerate() {
            let is_indexed = session.score.is_some();
            if number < entries {
                self.entries += usize::from(is_indexed);
            } else if is_indexed {
                // A write has indexed the session meanwhile, and the recount may have counted the entry.
                continue;
            }
            match &session.session {
                StoredSession::Valid(session) => {
                    self.totals = self.totals.with(&session.stats);
                    self.latest = self.latest.max(Some(session.occurred_at.millis));
                }
                StoredSession::Unreadable(_) => self.is_unreadable = true,
                StoredSession::Absent => {}
            }
        }
        self.snapshots += 1;
        let first = self.derived.get_or_insert_with(|| snapshot.derived.clone());
        self.has_changed |= *first != snapshot.derived;
    }

    /// Whether the recount has met the whole session index, and the derived data did not change meanwhile.
    fn is_complete(&self) -> bool {
        let entries = self.derived.as_ref().map(|derived| derived.entries);
        !self.has_changed && entries.is_some_and(|entries| entries.unwrap_or(0) == self.entries)
    }

    fn check(&self) -> Option<AggregateCheck> {
        let stored = self.derived.as_ref()?.totals.clone();
        let recounted = self.totals.into();
        Some(AggregateCheck { stored, recounted })
    }

    /// Whether the course index has the time of the latest session. A course index of the wrong type is a
    /// difference of its own.
    fn is_latest_equal(&self) -> bool {
        match (self.latest, self.derived.as_ref().map(|data| &data.latest)) {
            (Some(millis), Some(Ok(Some(score)))) => is_score(score, millis),
            (None, Some(Ok(Some(_)))) | (Some(_), Some(Ok(None))) => false,
            _ => true,
        }
    }

    /// Deviation of the totals and of the course index entry. Writes leave both as they are.
    fn deviations(&self) -> (Option<Deviation>, Option<LatestDeviation>) {
        let totals = self.check().map(|check| check.deviation());
        let latest = self.derived.as_ref().map(|derived| derived.latest.clone());
        let latest = latest.filter(|_| !self.is_latest_equal());
        (totals, latest.map(|found| (self.latest, found)))
    }
}

/// Time of the latest session, and the score of the course in the course index.
type LatestDeviation = (Option<i64>, Result<Option<String>, WrongType>);

/// Treatment of the session index's entries during a recount.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EntryMode {
    Verify,
    /// Repair without a report, as the report has the index as a whole.
    RepairOnly,
    CountOnly,
}

impl VerifyRun<'_> {
    /// Verifies an enrolment against its sessions, `unindexed` sessions included, and returns the remaining
    /// deviation of the totals.
    pub(crate) async fn verify_enrolment(
        &self,
        enrolment: Enrolment,
        unindexed: &BTreeSet<SessionId>,
    ) -> Step<Option<Deviation>> {
        let mode = EntryMode::Verify;
        let first = self.recount(enrolment, unindexed, mode).await?;
        let recount = self.confirm_recount(enrolment, unindexed, first).await?;
        self.add_recounted_sessions(recount.totals.sessions).await?;
        if recount.is_unreadable {
            // The expected totals are unknown.
            return Ok(None);
        }
        if !recount.is_complete() {
            self.add_unsettled(1);
            return Ok(None);
        }
        self.verify_latest(enrolment, &recount).await?;
        let Some(check) = recount.check().filter(|check| !check.is_equal()) else {
            return Ok(None);
        };
        let key = AggregateKey::totals(&self.store.keys, enrolment);
        let repaired = self.report_aggregate(&key, &check).await?;
        Ok((!repaired).then(|| check.deviation()))
    }

    /// Repeats the recount until the deviations are certain; at most [`ATTEMPTS`] times.
    async fn confirm_recount(
        &self,
        enrolment: Enrolment,
        unindexed: &BTreeSet<SessionId>,
        mut recount: EnrolmentRecount,
    ) -> Step<EnrolmentRecount> {
        let (mut last, mut agreeing) = (None, 0);
        for attempt in 0..ATTEMPTS {
            if recount.is_unreadable {
                return Ok(recount);
            }
            if recount.is_complete() {
                let deviations = Some(recount.deviations());
                agreeing = if deviations == last { agreeing + 1 } else { 1 };
                last = deviations;
                let is_equal = recount.is_latest_equal()
                    && recount.check().is_some_and(|check| check.is_equal());
                if recount.snapshots == 1 || is_equal || agreeing == AGREEING {
                    return Ok(recount);
                }
            }
            let wait = LONGEST_WAIT.mul_f64(f64::from(attempt) / f64::from(ATTEMPTS));
            tokio::time::sleep(wait).await;
            let mode = EntryMode::CountOnly;
            recount = self.recount(enrolment, unindexed, mode).await?;
        }
        recount.has_changed = true;
        Ok(recount)
    }

    /// Recounts the sessions of the session index, latest first, and then the `unindexed` sessions.
    async fn recount(
        &self,
        enrolment: Enrolment,
        unindexed: &BTreeSet<SessionId>,
        mut mode: EntryMode,
    ) -> Step<EnrolmentRecount> {
        let learner = enrolment.learner;
        let index = self.store.keys.timeline(enrolment);
        let (mut recount, mut before) = (EnrolmentRecount::default(), None);
        loop {
            let page = self.store.page(&index, before.as_ref()).await?;
            if page.is_err() && mode == EntryMode::Verify {
                self.report_wrong_type(learner, index.clone()).await?;
                mode = EntryMode::RepairOnly;
            }
            let page = page.unwrap_or_default();
            before = page.first().cloned();
            let is_last = page.len() < self.store.bounds.page;
            let mut sessions: Vec<SessionId> = ids(&page);
            let indexed = sessions.len();
            recount.entries += page.len() - indexed;
            if mode != EntryMode::CountOnly {
                self.report_members(learner, &index, invalid_members(page))
                    .await?;
            }
            if is_last {
                let known: BTreeSet<_> = sessions.iter().copied().collect();
                sessions.extend(unindexed.difference(&known));
            }
            self.recount_sessions(enrolment, &sessions, indexed, mode, &mut recount)
                .await?;
            if is_last {
                return Ok(recount);
            }
        }
    }

    /// Adds sessions to a recount, in snapshots of at most a page; the first `indexed` sessions are entries
    /// of the session index. Takes one snapshot without sessions when `sessions` is empty.
    async fn recount_sessions(
        &self,
        enrolment: Enrolment,
        sessions: &[SessionId],
        indexed: usize,
        mode: EntryMode,
        recount: &mut EnrolmentRecount,
    ) -> Step {
        let mut from = 0;
        loop {
            let to = sessions.len().min(from + self.store.bounds.page);
            let snapshot = self.store.snapshot(enrolment, &sessions[from..to]).await?;
            recount.add(&snapshot, indexed.saturating_sub(from).min(to - from));
            if mode != EntryMode::CountOnly {
                let is_reported = mode == EntryMode::RepairOnly;
                self.verify_session_entries(enrolment, &snapshot, is_reported)
                    .await?;
            }
            from = to;
            if from >= sessions.len() {
                return Ok(());
            }
        }
    }

    /// Verifies the course's entry in the course index against the latest session.
    async fn verify_latest(&self, enrolment: Enrolment, recount: &EnrolmentRecount) -> Step {
        if recount.is_latest_equal() {
            return Ok(());
        }
        if self.repair {
            self.reindex(enrolment, &[]).await?;
        }
        if self.recreated_course_indexes().contains(&enrolment.learner) {
            return Ok(());
        }
        let derived = recount.derived.as_ref();
        let found = derived.and_then(|data| data.latest.clone().ok().flatten());
        let expected = recount.latest.map(|millis| millis.to_string());
        let [expected, found] = [expected, found].map(or_nothing);
        let Enrolment { learner, course } = enrolment;
        let key = format!("{} {course}", self.store.keys.courses(learner));
        self.report_difference(key, expected, found, self.repair)
            .await
    }
}
