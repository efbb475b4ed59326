//! Holds the entries of indexes to what they are entries of.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::display;
use super::snapshot::{Hash, IndexEntry, Look, Seen};
use super::verify::{Step, Verification};
use crate::domain::{Enrolment, LearnerId, SessionId};

/// An entry of a timeline that is not as its session says.
struct Wrong {
    id: SessionId,
    expected: Option<String>,
    found: Option<String>,
}

impl Wrong {
    fn of(seen: &Seen) -> Option<Self> {
        let expected = match &seen.session {
            Hash::Nothing => None,
            Hash::Session(session) => Some(session.occurred_at.millis),
            Hash::Unreadable(_) => return None,
        };
        let is_well = match (expected, &seen.score) {
            (Some(millis), Some(score)) => is_score(score, millis),
            (expected, found) => expected.is_some() == found.is_some(),
        };
        (!is_well).then(|| Self {
            id: seen.id,
            expected: expected.map(|millis| millis.to_string()),
            found: seen.score.clone(),
        })
    }

    fn all_of(look: &Look) -> Vec<Self> {
        look.sessions.iter().filter_map(Self::of).collect()
    }
}

/// Whether a score is this time.
#[allow(clippy::cast_precision_loss, reason = "as Redis does with scores")]
pub(crate) fn is_score(score: &str, millis: i64) -> bool {
    score
        .parse::<f64>()
        .is_ok_and(|score| score == millis as f64)
}

impl Verification<'_> {
    /// Holds the timeline's entries to the sessions that were looked at, and tells what cannot be
    /// read. Where the timeline as a whole was told of, its entries are only mended.
    pub(crate) async fn hold_entries(
        &self,
        enrolment: Enrolment,
        look: &Look,
        is_told: bool,
    ) -> Step {
        let keys = &self.store.keys;
        for seen in &look.sessions {
            if let Hash::Unreadable(found) = &seen.session {
                let key = keys.session(enrolment, seen.id);
                self.tell(key, "a session", found, false).await?;
            }
        }
        let wrong = Wrong::all_of(look);
        if wrong.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = wrong.iter().map(|wrong| wrong.id).collect();
        let mut left: BTreeSet<_> = ids.iter().copied().collect();
        if self.repair {
            self.align(enrolment, &ids).await?;
            let again = Wrong::all_of(&self.store.look(enrolment, &ids).await?);
            left = again.into_iter().map(|wrong| wrong.id).collect();
        }
        if is_told {
            return Ok(());
        }
        let timeline = keys.timeline(enrolment);
        for Wrong {
            id,
            expected,
            found,
        } in wrong
        {
            let [expected, found] = [expected, found].map(or_nothing);
            let key = format!("{timeline} {id}");
            self.tell(key, expected, found, !left.contains(&id)).await?;
        }
        Ok(())
    }

    /// Tells of an index that is none.
    pub(crate) async fn hold_index(&self, learner: LearnerId, index: String) -> Step {
        let mut mended = false;
        if self.repair {
            self.strip(learner, &index, Vec::new()).await?;
            mended = self.store.page(&index, None).await?.is_ok();
        }
        let expected = "a sorted set";
        self.tell(index, expected, display::OTHER_TYPE, mended)
            .await
    }

    /// Tells of members of an index that are no ids.
    pub(crate) async fn hold_members(
        &self,
        learner: LearnerId,
        index: &str,
        strange: Vec<IndexEntry>,
    ) -> Step {
        if strange.is_empty() {
            return Ok(());
        }
        if self.repair {
            let members = strange.iter().map(|(member, _)| member.clone());
            self.strip(learner, index, members.collect()).await?;
        }
        for (member, score) in strange {
            let key = format!("{index} {}", display::member(&member));
            self.tell(key, display::NOTHING, score, self.repair).await?;
        }
        Ok(())
    }

    /// Holds a learner's list of courses to being one; whether it lists the right ones is held to
    /// the courses.
    pub(crate) async fn hold_list(&self, learner: LearnerId) -> Step {
        let index = self.store.keys.courses(learner);
        let mut before = None;
        loop {
            let Ok(page) = self.store.page(&index, before.as_ref()).await? else {
                if self.repair {
                    self.lists_made_anew().insert(learner);
                }
                return self.hold_index(learner, index).await;
            };
            before = page.first().cloned();
            if before.is_none() {
                return Ok(());
            }
            self.hold_members(learner, &index, strange(page)).await?;
        }
    }
}

/// Those entries whose members are no ids.
pub(crate) fn strange(page: Vec<IndexEntry>) -> Vec<IndexEntry> {
    let page = page.into_iter();
    page.filter(|(member, _)| Uuid::from_slice(member).is_err())
        .collect()
}

pub(crate) fn or_nothing(score: Option<String>) -> String {
    score.unwrap_or_else(|| display::NOTHING.into())
}
