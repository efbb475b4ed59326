//! Verification of an enrolment: totals, session index, course index entry and roster entry against the
//! sessions.

use std::collections::BTreeSet;

use super::summary::{Checked, of_learner};
use super::{ATTEMPTS, Step, Unindexed, Verification, wait};
use crate::domain::{Enrolment, SessionId, Totals};
use crate::store::bucket;
use crate::store::maintenance::display;
use crate::store::maintenance::ledger::{
    EnrolmentState, InvalidEntry, Location, SessionSnapshot, StoredSession,
};

/// Recount of the sessions of an enrolment, with the state of the same moment.
struct Recount {
    state: EnrolmentState,
    totals: Totals,
    /// Time of the latest session, in ms since 1970.
    latest: Option<i64>,
    /// Sessions whose entry disagrees, and unreadable sessions.
    mismatches: Vec<SessionSnapshot>,
    invalid: Vec<InvalidEntry>,
    is_unreadable: bool,
}

impl Recount {
    fn new(state: EnrolmentState) -> Self {
        Self {
            state,
            totals: Totals::default(),
            latest: None,
            mismatches: Vec::new(),
            invalid: Vec::new(),
            is_unreadable: false,
        }
    }

    fn add(&mut self, snapshot: SessionSnapshot) {
        let expected = match &snapshot.session {
            StoredSession::Absent => None,
            StoredSession::Valid(session) => {
                if snapshot.counts {
                    self.totals = self.totals.with(&session.stats);
                    self.latest = self.latest.max(Some(session.occurred_at.millis));
                }
                Some(session.occurred_at.millis.to_string())
            }
            StoredSession::Unreadable(_) => {
                self.is_unreadable = true;
                self.mismatches.push(snapshot);
                return;
            }
        };
        if snapshot.entry != expected {
            self.mismatches.push(snapshot);
        }
    }

    /// Times of the entries that the course index should have.
    fn course_entries(&self) -> Vec<String> {
        self.latest.iter().map(ToString::to_string).collect()
    }
}

impl Verification<'_> {
    /// Verifies an enrolment against its sessions, `unindexed` sessions included, and returns their number.
    pub(super) async fn verify_enrolment(
        &self,
        enrolment: Enrolment,
        unindexed: &Unindexed,
    ) -> Step<u64> {
        let unindexed = unindexed.get(&enrolment).into_iter().flatten();
        let unindexed: Vec<_> = unindexed.copied().collect();
        for attempt in 0..ATTEMPTS {
            if let Some(recount) = self.recount(enrolment, &unindexed).await?
                && self.verify_recount(enrolment, &recount).await?
            {
                return Ok(recount.totals.sessions);
            }
            self.check_cancelled()?;
            wait(attempt).await;
        }
        self.report().unsettled += 1;
        Ok(0)
    }

    /// Verifies the derived data against a recount; false where a write came in between.
    async fn verify_recount(&self, enrolment: Enrolment, recount: &Recount) -> Step<bool> {
        self.verify_types(enrolment, &recount.state).await?;
        self.verify_sessions(enrolment, recount).await?;
        self.report_invalid(&recount.invalid).await?;
        if recount.is_unreadable {
            // The expected totals are unknown.
            return Ok(true);
        }
        // The totals first: a write by wrong totals may add or remove the entries.
        let (location, expected) = (Location::Totals(enrolment), recount.totals.into());
        let checked = self
            .verify_aggregate(&location, &recount.state.totals, &expected)
            .await?;
        let is_listed = self.verify_entries(enrolment, recount).await?;
        if !is_listed || checked == Checked::Wrong {
            self.correct(enrolment, recount);
        }
        Ok(checked != Checked::Changed)
    }

    /// Recounts an enrolment page by page; `None` where a write has come in between.
    async fn recount(
        &self,
        enrolment: Enrolment,
        unindexed: &[SessionId],
    ) -> Step<Option<Recount>> {
        let first = self.ledger.enrolment(enrolment, None, unindexed).await?;
        let mut recount = Recount::new(first.state.clone());
        let mut page = first;
        loop {
            if page.state != recount.state {
                return Ok(None);
            }
            recount.invalid.append(&mut page.invalid);
            page.sessions
                .into_iter()
                .for_each(|session| recount.add(session));
            let Some(next) = page.next else {
                return Ok(Some(recount));
            };
            page = self.ledger.enrolment(enrolment, Some(&next), &[]).await?;
        }
    }

    /// Reports indexes of another type.
    async fn verify_types(&self, enrolment: Enrolment, state: &EnrolmentState) -> Step {
        let Enrolment { learner, course } = enrolment;
        if state.session_index.is_err() {
            self.report_other_type(&Location::SessionIndex(enrolment))
                .await?;
        }
        if state.course_entries.is_err() {
            self.report_other_type(&Location::CourseIndex(learner))
                .await?;
        }
        if state.is_in_roster.is_err() {
            let roster = Location::Roster(bucket::of(learner), course);
            self.report_other_type(&roster).await?;
        }
        Ok(())
    }

    /// Reports unreadable sessions and wrong entries of the session index.
    async fn verify_sessions(&self, enrolment: Enrolment, recount: &Recount) -> Step {
        let wrong = recount.mismatches.iter();
        let wrong = wrong.filter(|found| !matches!(found.session, StoredSession::Unreadable(_)));
        let wrong: Vec<_> = wrong.cloned().collect();
        if self.repair && !wrong.is_empty() {
            self.ledger.align(enrolment, &wrong).await?;
        }
        let mut reported = BTreeSet::new();
        // A session may have several wrong entries: one difference.
        let mismatches = recount.mismatches.iter();
        for found in mismatches.filter(|found| reported.insert(found.id)) {
            let location = match &found.session {
                StoredSession::Unreadable(text) => {
                    let name = self.ledger.name(&Location::Session(enrolment, found.id));
                    self.report_difference(name, "a session", text.clone(), false)
                        .await?;
                    continue;
                }
                // An index of another type is a difference of its own.
                _ if recount.state.session_index.is_err() => continue,
                _ => Location::SessionEntry(enrolment, found.id),
            };
            let expected = match &found.session {
                StoredSession::Valid(session) => session.occurred_at.millis.to_string(),
                _ => display::NOTHING.into(),
            };
            let entry = found
                .entry
                .clone()
                .unwrap_or_else(|| display::NOTHING.into());
            let name = self.ledger.name(&location);
            self.report_difference(name, expected, entry, self.repair)
                .await?;
        }
        Ok(())
    }

    /// Verifies the entries in the course index and in the roster. Returns whether the roster is right.
    async fn verify_entries(&self, enrolment: Enrolment, recount: &Recount) -> Step<bool> {
        let expected = recount.course_entries();
        let is_in_roster = recount.totals.sessions > 0;
        let is_course_right = recount
            .state
            .course_entries
            .as_ref()
            .is_ok_and(|found| *found == expected);
        let is_roster_right = recount.state.is_in_roster == Ok(is_in_roster);
        let are_totals_right = recount.state.totals.totals_value() == Some(recount.totals.into());
        if self.repair && !(is_course_right && is_roster_right && are_totals_right) {
            self.ledger.align(enrolment, &[]).await?;
        }
        // Indexes of another type are differences of their own.
        if let Ok(found) = &recount.state.course_entries
            && !is_course_right
        {
            let name = self.ledger.name(&Location::CourseEntry(enrolment));
            let texts = (display::entries(&expected), display::entries(found));
            self.report_difference(name, texts.0, texts.1, self.repair)
                .await?;
        }
        if let Ok(found) = recount.state.is_in_roster
            && !is_roster_right
        {
            let text = |is_in: bool| if is_in { "an entry" } else { display::NOTHING };
            let name = self.ledger.name(&Location::RosterEntry(enrolment));
            self.report_difference(name, text(is_in_roster), text(found), self.repair)
                .await?;
        }
        Ok(is_roster_right || self.repair)
    }

    /// Notes what the summary will not count rightly.
    fn correct(&self, enrolment: Enrolment, recount: &Recount) {
        let stored = recount.state.totals.totals();
        let stored = stored.filter(|_| recount.state.is_in_roster == Ok(true));
        let counted = of_learner(stored.unwrap_or_default().totals);
        let Enrolment { learner, course } = enrolment;
        let mut corrections = self.corrections();
        let summary = corrections
            .entry((bucket::of(learner), course))
            .or_default();
        summary.insert(learner, of_learner(recount.totals) - counted);
    }
}
