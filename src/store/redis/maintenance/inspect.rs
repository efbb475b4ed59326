//! Inspection of the stored keys of a learner, an enrolment or a session.

use redis::cmd;
use tokio::sync::mpsc;

use super::display;
use super::snapshot::{DerivedData, IndexEntry, SessionSnapshot, StoredSession, ids};
use super::verify::{Step, Stop};
use crate::domain::{CourseId, Enrolment, LearnerId, Session, SessionId};
use crate::store::maintenance::{InspectScope, StoredEntry};
use crate::store::redis::RedisStore;
use crate::store::redis::scan::query::WrongType;
use crate::store::{StoreError, bucket};

/// Sends entries of an inspection.
pub(crate) struct Inspector<'a> {
    pub(crate) store: &'a RedisStore,
    pub(crate) entries: mpsc::Sender<StoredEntry>,
}

impl Inspector<'_> {
    /// Sends the entries of `scope` until the receiver is dropped.
    pub(crate) async fn run(self, scope: InspectScope) -> Result<(), StoreError> {
        let learner = scope.learner;
        let result = match (scope.course, scope.session) {
            (Some(course), Some(session)) => {
                self.session(Enrolment { learner, course }, session).await
            }
            (Some(course), None) => self.enrolment(Enrolment { learner, course }).await,
            (None, _) => self.learner(learner).await,
        };
        match result {
            Ok(()) | Err(Stop::Cancelled) => Ok(()),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// Sends the time of the erasure, the course index, latest first, and the totals of each course.
    async fn learner(&self, learner: LearnerId) -> Step {
        let key = self.store.keys.erased(learner);
        let mut erased = cmd("GET");
        erased.arg(&key);
        let erased = self
            .store
            .query_typed_retried::<Option<Vec<u8>>>(vec![(bucket::of(learner), erased)]);
        match erased.await?.pop() {
            Some(Ok(Some(at))) => {
                let at = display::instant(&String::from_utf8_lossy(&at));
                self.send(key, at).await?;
            }
            Some(Err(WrongType)) => self.send(key, display::OTHER_TYPE.into()).await?,
            _ => {}
        }
        let index = self.store.keys.courses(learner);
        self.index(&index, None).await?;
        let mut before = None;
        while let Some((page, next)) = self.page(&index, before).await? {
            for course in ids::<CourseId>(&page) {
                let enrolment = Enrolment { learner, course };
                let derived = self.store.snapshot(enrolment, &[]).await?.derived;
                self.totals(enrolment, &derived).await?;
            }
            before = next;
        }
        Ok(())
    }

    /// Sends the totals, the entry of the course index, the summary row with the learner, and the session
    /// index, latest first, with its sessions.
    async fn enrolment(&self, enrolment: Enrolment) -> Step {
        let derived = self.store.snapshot(enrolment, &[]).await?.derived;
        self.totals(enrolment, &derived).await?;
        if let Ok(Some(score)) = &derived.latest {
            let index = self.store.keys.courses(enrolment.learner);
            self.send(
                format!("{index} {}", enrolment.course),
                display::instant(score),
            )
            .await?;
        }
        let summary = [self.store.keys.summary(enrolment)];
        let found = self.store.aggregates(&summary).await?.pop();
        let [summary] = summary;
        self.send_present(summary, found.map(|found| found.text()))
            .await?;
        let index = self.store.keys.timeline(enrolment);
        self.index(&index, Some(enrolment)).await
    }

    /// Sends the session, its entry of the session index, and the totals.
    async fn session(&self, enrolment: Enrolment, id: SessionId) -> Step {
        let snapshot = self.store.snapshot(enrolment, &[id]).await?;
        for session in &snapshot.sessions {
            self.session_value(enrolment, session).await?;
            if let Some(score) = &session.score {
                let index = self.store.keys.timeline(enrolment);
                self.send(format!("{index} {id}"), display::instant(score))
                    .await?;
            }
        }
        self.totals(enrolment, &snapshot.derived).await
    }

    /// Sends the entries of an index, latest first; the entries of a session index with their sessions.
    async fn index(&self, index: &str, sessions_of: Option<Enrolment>) -> Step {
        let mut before = None;
        while let Some((page, next)) = self.page(index, before).await? {
            let sessions = match sessions_of {
                Some(enrolment) => self.store.snapshot(enrolment, &ids(&page)).await?.sessions,
                None => Vec::new(),
            };
            for (member, score) in &page {
                let key = format!("{index} {}", display::member(member));
                self.send(key, display::instant(score)).await?;
                let session = sessions
                    .iter()
                    .find(|session| session.id.as_bytes()[..] == member[..]);
                if let (Some(enrolment), Some(session)) = (sessions_of, session) {
                    self.session_value(enrolment, session).await?;
                }
            }
            before = next;
        }
        Ok(())
    }

    /// Reads a page of an index, latest first, with the entry that the next page ends before; `None` at the
    /// end. Sends the key of an index of the wrong type.
    async fn page(
        &self,
        index: &str,
        before: Option<IndexEntry>,
    ) -> Step<Option<(Vec<IndexEntry>, Option<IndexEntry>)>> {
        let Ok(mut page) = self.store.page(index, before.as_ref()).await? else {
            self.send(index.to_owned(), display::OTHER_TYPE.into())
                .await?;
            return Ok(None);
        };
        page.reverse();
        let last = page.last().cloned();
        Ok(last.is_some().then_some((page, last)))
    }

    async fn session_value(&self, enrolment: Enrolment, snapshot: &SessionSnapshot) -> Step {
        let value = match &snapshot.session {
            StoredSession::Absent => None,
            StoredSession::Valid(session) => Some(session_text(session)),
            StoredSession::Unreadable(found) => Some(found.clone()),
        };
        let key = self.store.keys.session(enrolment, snapshot.id);
        self.send_present(key, value).await
    }

    async fn totals(&self, enrolment: Enrolment, derived: &DerivedData) -> Step {
        let key = self.store.keys.totals(enrolment);
        self.send_present(key, Some(derived.totals.text())).await
    }

    /// Sends an entry, unless the value is absent.
    async fn send_present(&self, key: String, value: Option<String>) -> Step {
        match value {
            Some(value) if value != display::NOTHING => self.send(key, value).await,
            _ => Ok(()),
        }
    }

    async fn send(&self, key: String, value: String) -> Step {
        let entry = StoredEntry { key, value };
        self.entries.send(entry).await.map_err(|_| Stop::Cancelled)
    }
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
