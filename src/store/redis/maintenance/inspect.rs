//! Shows what is stored of a learner, key by key.

use redis::cmd;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::display;
use super::query::OtherType;
use super::snapshot::{Hash, IndexEntry, Kept, Seen};
use super::verify::{Step, Stop};
use crate::domain::{CourseId, Enrolment, LearnerId, Session, SessionId};
use crate::store::maintenance::{InspectScope, StoredEntry};
use crate::store::redis::RedisStore;
use crate::store::{StoreError, bucket};

/// What is shown, and to whom.
pub(crate) struct Inspection<'a> {
    pub(crate) store: &'a RedisStore,
    pub(crate) entries: mpsc::Sender<StoredEntry>,
}

impl Inspection<'_> {
    pub(crate) async fn run(self, subject: InspectScope) -> Result<(), StoreError> {
        let learner = subject.learner;
        let shown = match (subject.course, subject.session) {
            (Some(course), Some(session)) => {
                self.session(Enrolment { learner, course }, session).await
            }
            (Some(course), None) => self.course(Enrolment { learner, course }).await,
            (None, _) => self.learner(learner).await,
        };
        match shown {
            Ok(()) | Err(Stop::Unheard) => Ok(()),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// When the learner was erased, the list of courses, latest first, and the totals in each.
    async fn learner(&self, learner: LearnerId) -> Step {
        let key = self.store.keys.erased(learner);
        let mut erased = cmd("GET");
        erased.arg(&key);
        let erased = self
            .store
            .ask_each::<Option<Vec<u8>>>(vec![(bucket::of(learner), erased)]);
        match erased.await?.pop() {
            Some(Ok(Some(at))) => {
                let at = display::instant(&String::from_utf8_lossy(&at));
                self.show(key, at).await?;
            }
            Some(Err(OtherType)) => self.show(key, display::OTHER_TYPE.into()).await?,
            _ => {}
        }
        let list = self.store.keys.courses(learner);
        self.index(&list, None).await?;
        let mut before = None;
        while let Some((page, next)) = self.page(&list, before).await? {
            for course in ids::<CourseId>(&page) {
                let enrolment = Enrolment { learner, course };
                let kept = self.store.look(enrolment, &[]).await?.kept;
                self.totals(enrolment, &kept).await?;
            }
            before = next;
        }
        Ok(())
    }

    /// The totals, the entry in the list of courses, the summary that the learner is counted in, and
    /// the timeline, latest first, with its sessions.
    async fn course(&self, enrolment: Enrolment) -> Step {
        let kept = self.store.look(enrolment, &[]).await?.kept;
        self.totals(enrolment, &kept).await?;
        if let Ok(Some(score)) = &kept.latest {
            let list = self.store.keys.courses(enrolment.learner);
            self.show(
                format!("{list} {}", enrolment.course),
                display::instant(score),
            )
            .await?;
        }
        let summary = [self.store.keys.summary(enrolment)];
        let found = self.store.aggregates(&summary).await?.pop();
        let [summary] = summary;
        self.show_some(summary, found.map(|found| found.text()))
            .await?;
        let timeline = self.store.keys.timeline(enrolment);
        self.index(&timeline, Some(enrolment)).await
    }

    /// The session, its entry in the timeline, and the totals that it is counted in.
    async fn session(&self, enrolment: Enrolment, id: SessionId) -> Step {
        let look = self.store.look(enrolment, &[id]).await?;
        for seen in &look.sessions {
            self.hash(enrolment, seen).await?;
            if let Some(score) = &seen.score {
                let timeline = self.store.keys.timeline(enrolment);
                self.show(format!("{timeline} {id}"), display::instant(score))
                    .await?;
            }
        }
        self.totals(enrolment, &look.kept).await
    }

    /// The entries of an index, latest first; those of a timeline with their sessions.
    async fn index(&self, index: &str, timeline_of: Option<Enrolment>) -> Step {
        let mut before = None;
        while let Some((page, next)) = self.page(index, before).await? {
            let seen = match timeline_of {
                Some(enrolment) => self.store.look(enrolment, &ids(&page)).await?.sessions,
                None => Vec::new(),
            };
            for (member, score) in &page {
                let key = format!("{index} {}", display::member(member));
                self.show(key, display::instant(score)).await?;
                let seen = seen
                    .iter()
                    .find(|seen| seen.id.as_bytes()[..] == member[..]);
                if let (Some(enrolment), Some(seen)) = (timeline_of, seen) {
                    self.hash(enrolment, seen).await?;
                }
            }
            before = next;
        }
        Ok(())
    }

    /// A page of an index, latest first, and where the next one ends; `None` where there are no more
    /// entries. An index that is none is shown to be so.
    async fn page(
        &self,
        index: &str,
        before: Option<IndexEntry>,
    ) -> Step<Option<(Vec<IndexEntry>, Option<IndexEntry>)>> {
        let Ok(mut page) = self.store.page(index, before.as_ref()).await? else {
            self.show(index.to_owned(), display::OTHER_TYPE.into())
                .await?;
            return Ok(None);
        };
        page.reverse();
        let last = page.last().cloned();
        Ok(last.is_some().then_some((page, last)))
    }

    async fn hash(&self, enrolment: Enrolment, seen: &Seen) -> Step {
        let value = match &seen.session {
            Hash::Nothing => None,
            Hash::Session(session) => Some(session_text(session)),
            Hash::Unreadable(found) => Some(found.clone()),
        };
        let key = self.store.keys.session(enrolment, seen.id);
        self.show_some(key, value).await
    }

    async fn totals(&self, enrolment: Enrolment, kept: &Kept) -> Step {
        let key = self.store.keys.totals(enrolment);
        self.show_some(key, Some(kept.totals.text())).await
    }

    /// Shows what there is.
    async fn show_some(&self, key: String, value: Option<String>) -> Step {
        match value {
            Some(value) if value != display::NOTHING => self.show(key, value).await,
            _ => Ok(()),
        }
    }

    async fn show(&self, key: String, value: String) -> Step {
        let entry = StoredEntry { key, value };
        self.entries.send(entry).await.map_err(|_| Stop::Unheard)
    }
}

fn ids<T: From<Uuid>>(page: &[IndexEntry]) -> Vec<T> {
    let ids = page.iter().map(|(member, _)| Uuid::from_slice(member));
    ids.filter_map(Result::ok).map(Into::into).collect()
}

fn session_text(session: &Session) -> String {
    let (stats, at) = (&session.stats, session.occurred_at);
    format!(
        "m={} s={} t={} o={} d={}",
        stats.modules.get(),
        stats.score.get(),
        stats.time.get(),
        display::instant(&at.millis.to_string()),
        display::day(at.local_day)
    )
}
