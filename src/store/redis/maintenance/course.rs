//! Holds what is kept of a learner's course to its sessions.

use std::collections::BTreeSet;
use std::time::Duration;

use uuid::Uuid;

use super::aggregate::{Lack, Standing};
use super::indexes::{is_score, or_nothing, strange};
use super::query::OtherType;
use super::repair::Target;
use super::snapshot::{Hash, Kept, Look};
use super::verify::{Step, Verification};
use crate::domain::{Enrolment, SessionId, Totals};

/// How often a course is counted until it is known how it stands.
const ATTEMPTS: u32 = 40;
/// How often a difference must be seen where more than one look was needed.
const AGREEING: u32 = 3;
/// The longest wait between two attempts; each is a little longer than the one before.
const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// Sessions that were counted, and what was kept meanwhile.
struct Count {
    totals: Totals,
    latest: Option<i64>,
    /// Whether all could be read.
    is_readable: bool,
    kept: Option<Kept>,
    /// Entries of the timeline that were come by.
    entries: usize,
    looks: u32,
    /// Whether what is kept stood still.
    is_steady: bool,
}

impl Default for Count {
    fn default() -> Self {
        Self {
            totals: Totals::default(),
            latest: None,
            is_readable: true,
            kept: None,
            entries: 0,
            looks: 0,
            is_steady: true,
        }
    }
}

impl Count {
    /// Counts what was looked at: first entries of the timeline, then sessions that were not in it.
    fn add(&mut self, look: &Look, entries: usize) {
        for (number, seen) in look.sessions.iter().enumerate() {
            let is_listed = seen.score.is_some();
            if number < entries {
                self.entries += usize::from(is_listed);
            } else if is_listed {
                // It is by now, and may be counted there.
                continue;
            }
            match &seen.session {
                Hash::Session(session) => {
                    self.totals = self.totals.with(&session.stats);
                    self.latest = self.latest.max(Some(session.occurred_at.millis));
                }
                Hash::Unreadable(_) => self.is_readable = false,
                Hash::Nothing => {}
            }
        }
        self.looks += 1;
        let kept = self.kept.get_or_insert_with(|| look.kept.clone());
        self.is_steady &= *kept == look.kept;
    }

    /// Whether the timeline was come by as it is, in a time in which what is kept did not change.
    fn is_whole(&self) -> bool {
        let entries = self.kept.as_ref().map(|kept| kept.entries);
        self.is_steady && entries.is_some_and(|entries| entries.unwrap_or(0) == self.entries)
    }

    fn standing(&self) -> Option<Standing> {
        let found = self.kept.as_ref()?.totals.clone();
        Some(Standing {
            found,
            expected: self.totals.into(),
        })
    }

    /// Whether the course's entry among the learner's courses is right; where there is no such list,
    /// that is told of the list.
    fn is_latest_well(&self) -> bool {
        match (self.latest, self.kept.as_ref().map(|kept| &kept.latest)) {
            (Some(millis), Some(Ok(Some(score)))) => is_score(score, millis),
            (None, Some(Ok(Some(_)))) | (Some(_), Some(Ok(None))) => false,
            _ => true,
        }
    }

    fn is_well(&self) -> bool {
        let standing = self.standing();
        self.is_latest_well() && standing.is_some_and(|standing| standing.is_well())
    }

    /// What is not as it should be: writes leave it as it is.
    fn fault(&self) -> (Option<Lack>, Option<Latest>) {
        let lack = self.standing().map(|standing| standing.lack());
        let latest = self.kept.as_ref().map(|kept| kept.latest.clone());
        let latest = latest.filter(|_| !self.is_latest_well());
        (lack, latest.map(|found| (self.latest, found)))
    }
}

/// The time of the latest session, and the course's score among the learner's courses.
type Latest = (Option<i64>, Result<Option<String>, OtherType>);

/// What is done with a timeline that is gone through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entries {
    Hold,
    OnlyCount,
}

impl Verification<'_> {
    /// Holds a course to its sessions, those included that the timeline does not have, and gives what
    /// its totals lack afterwards.
    pub(crate) async fn hold_course(
        &self,
        enrolment: Enrolment,
        unlisted: &BTreeSet<SessionId>,
    ) -> Step<Option<Lack>> {
        let first = self.count(enrolment, unlisted, Entries::Hold).await?;
        let count = self.settled(enrolment, unlisted, first).await?;
        self.counted(count.totals.sessions).await?;
        if !count.is_readable {
            // What they are to be held to is not known.
            return Ok(None);
        }
        if !count.is_whole() {
            self.leave_unsettled(1);
            return Ok(None);
        }
        self.hold_latest(enrolment, &count).await?;
        let Some(standing) = count.standing().filter(|standing| !standing.is_well()) else {
            return Ok(None);
        };
        let target = Target::totals(&self.store.keys, enrolment);
        let mended = self.hold_sums(&target, &standing).await?;
        Ok((!mended).then(|| standing.lack()))
    }

    /// Counts until it is certain how the course stands, or too often.
    async fn settled(
        &self,
        enrolment: Enrolment,
        unlisted: &BTreeSet<SessionId>,
        mut count: Count,
    ) -> Step<Count> {
        let (mut fault, mut agreeing) = (None, 0);
        for attempt in 0..ATTEMPTS {
            if !count.is_readable {
                return Ok(count);
            }
            if count.is_whole() {
                let seen = Some(count.fault());
                agreeing = if seen == fault { agreeing + 1 } else { 1 };
                fault = seen;
                if count.looks == 1 || count.is_well() || agreeing == AGREEING {
                    return Ok(count);
                }
            }
            let wait = LONGEST_WAIT.mul_f64(f64::from(attempt) / f64::from(ATTEMPTS));
            tokio::time::sleep(wait).await;
            count = self.count(enrolment, unlisted, Entries::OnlyCount).await?;
        }
        count.is_steady = false;
        Ok(count)
    }

    /// Goes through the timeline, latest first, and then through the sessions that are not in it.
    async fn count(
        &self,
        enrolment: Enrolment,
        unlisted: &BTreeSet<SessionId>,
        entries: Entries,
    ) -> Step<Count> {
        let page_size = self.store.bounds.page;
        let timeline = self.store.keys.timeline(enrolment);
        let holds = entries == Entries::Hold;
        let (mut count, mut before, mut is_told) = (Count::default(), None, false);
        loop {
            let page = match self.store.page(&timeline, before.as_ref()).await? {
                Ok(page) => page,
                Err(OtherType) if holds => {
                    self.hold_index(enrolment.learner, timeline.clone()).await?;
                    is_told = true;
                    Vec::new()
                }
                Err(OtherType) => Vec::new(),
            };
            before = page.first().cloned();
            let is_last = page.len() < page_size;
            let ids = page.iter().map(|(member, _)| Uuid::from_slice(member));
            let mut ids: Vec<SessionId> = ids.filter_map(Result::ok).map(Into::into).collect();
            let listed = ids.len();
            count.entries += page.len() - listed;
            if holds {
                self.hold_members(enrolment.learner, &timeline, strange(page))
                    .await?;
            }
            if is_last {
                let known: BTreeSet<_> = ids.iter().copied().collect();
                ids.extend(unlisted.difference(&known));
            }
            let mut from = 0;
            loop {
                let some = &ids[from..ids.len().min(from + page_size)];
                let look = self.store.look(enrolment, some).await?;
                count.add(&look, listed.saturating_sub(from).min(some.len()));
                if holds {
                    self.hold_entries(enrolment, &look, is_told).await?;
                }
                from += page_size;
                if from >= ids.len() {
                    break;
                }
            }
            if is_last {
                return Ok(count);
            }
        }
    }

    /// Holds the course's entry among the learner's courses to its latest session.
    async fn hold_latest(&self, enrolment: Enrolment, count: &Count) -> Step {
        if count.is_latest_well() {
            return Ok(());
        }
        if self.repair {
            self.align(enrolment, &[]).await?;
        }
        if self.lists_made_anew().contains(&enrolment.learner) {
            return Ok(());
        }
        let found = count.kept.as_ref().map(|kept| kept.latest.clone());
        let found = found.and_then(|latest| latest.ok().flatten());
        let expected = count.latest.map(|millis| millis.to_string());
        let [expected, found] = [expected, found].map(or_nothing);
        let key = self.store.keys.courses(enrolment.learner);
        let key = format!("{key} {}", enrolment.course);
        self.tell(key, expected, found, self.repair).await
    }
}
