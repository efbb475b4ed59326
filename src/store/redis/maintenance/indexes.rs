//! Verification of index entries against the sessions.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::display;
use super::snapshot::{EnrolmentSnapshot, IndexEntry, SessionSnapshot, StoredSession};
use super::verify::{Step, VerifyRun};
use crate::domain::{Enrolment, LearnerId, SessionId};

/// A missing, wrong or extra entry of a session index, by its score.
struct EntryMismatch {
    id: SessionId,
    expected: Option<String>,
    found: Option<String>,
}

impl EntryMismatch {
    /// Compares an entry with its session; `None` when both agree or the session is unreadable.
    fn of(snapshot: &SessionSnapshot) -> Option<Self> {
        let expected = match &snapshot.session {
            StoredSession::Absent => None,
            StoredSession::Valid(session) => Some(session.occurred_at.millis),
            StoredSession::Unreadable(_) => return None,
        };
        let is_equal = match (expected, &snapshot.score) {
            (Some(millis), Some(score)) => is_score(score, millis),
            (expected, found) => expected.is_some() == found.is_some(),
        };
        (!is_equal).then(|| Self {
            id: snapshot.id,
            expected: expected.map(|millis| millis.to_string()),
            found: snapshot.score.clone(),
        })
    }

    fn all_of(snapshot: &EnrolmentSnapshot) -> Vec<Self> {
        snapshot.sessions.iter().filter_map(Self::of).collect()
    }
}

/// Whether a score is the time `millis`.
#[allow(clippy::cast_precision_loss, reason = "as Redis does with scores")]
pub(crate) fn is_score(score: &str, millis: i64) -> bool {
    score
        .parse::<f64>()
        .is_ok_and(|score| score == millis as f64)
}

impl VerifyRun<'_> {
    /// Verifies the session index's entries of a snapshot, and reports unreadable sessions. When the index
    /// itself is reported, entries are repaired without a report.
    pub(crate) async fn verify_session_entries(
        &self,
        enrolment: Enrolment,
        snapshot: &EnrolmentSnapshot,
        is_index_reported: bool,
    ) -> Step {
        let keys = &self.store.keys;
        for session in &snapshot.sessions {
            if let StoredSession::Unreadable(found) = &session.session {
                let key = keys.session(enrolment, session.id);
                self.report_difference(key, "a session", found, false)
                    .await?;
            }
        }
        let mismatches = EntryMismatch::all_of(snapshot);
        if mismatches.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = mismatches.iter().map(|mismatch| mismatch.id).collect();
        let mut remaining: BTreeSet<_> = ids.iter().copied().collect();
        if self.repair {
            self.reindex(enrolment, &ids).await?;
            let repaired = self.store.snapshot(enrolment, &ids).await?;
            let left = EntryMismatch::all_of(&repaired).into_iter();
            remaining = left.map(|mismatch| mismatch.id).collect();
        }
        if is_index_reported {
            return Ok(());
        }
        let index = keys.timeline(enrolment);
        for mismatch in mismatches {
            let EntryMismatch { id, .. } = mismatch;
            let [expected, found] = [mismatch.expected, mismatch.found].map(or_nothing);
            let (key, repaired) = (format!("{index} {id}"), !remaining.contains(&id));
            self.report_difference(key, expected, found, repaired)
                .await?;
        }
        Ok(())
    }

    /// Reports an index whose key has the wrong type, and deletes the key when the run repairs.
    pub(crate) async fn report_wrong_type(&self, learner: LearnerId, index: String) -> Step {
        let mut repaired = false;
        if self.repair {
            self.clean_index(learner, &index, Vec::new()).await?;
            repaired = self.store.page(&index, None).await?.is_ok();
        }
        let expected = "a sorted set";
        self.report_difference(index, expected, display::OTHER_TYPE, repaired)
            .await
    }

    /// Reports members of an index that are no ids, and removes the members when the run repairs.
    pub(crate) async fn report_members(
        &self,
        learner: LearnerId,
        index: &str,
        invalid: Vec<IndexEntry>,
    ) -> Step {
        if invalid.is_empty() {
            return Ok(());
        }
        if self.repair {
            let members = invalid.iter().map(|(member, _)| member.clone());
            self.clean_index(learner, index, members.collect()).await?;
        }
        for (member, score) in invalid {
            let key = format!("{index} {}", display::member(&member));
            self.report_difference(key, display::NOTHING, score, self.repair)
                .await?;
        }
        Ok(())
    }

    /// Verifies that a learner's course index is an index of ids. The verification of each course compares
    /// the entry of the course with the sessions.
    pub(crate) async fn verify_course_index(&self, learner: LearnerId) -> Step {
        let index = self.store.keys.courses(learner);
        let mut before = None;
        loop {
            let Ok(page) = self.store.page(&index, before.as_ref()).await? else {
                if self.repair {
                    self.recreated_course_indexes().insert(learner);
                }
                return self.report_wrong_type(learner, index).await;
            };
            before = page.first().cloned();
            if before.is_none() {
                return Ok(());
            }
            self.report_members(learner, &index, invalid_members(page))
                .await?;
        }
    }
}

/// Entries of an index whose members are no ids.
pub(crate) fn invalid_members(page: Vec<IndexEntry>) -> Vec<IndexEntry> {
    let page = page.into_iter();
    page.filter(|(member, _)| Uuid::from_slice(member).is_err())
        .collect()
}

/// Score of an entry as text for operators.
pub(crate) fn or_nothing(score: Option<String>) -> String {
    score.unwrap_or_else(|| display::NOTHING.into())
}
