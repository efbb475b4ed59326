//! Inspection of the stored data of a learner, an enrolment or a session, over the store's [`Ledger`].

use tokio::sync::mpsc;

use super::display::{self, NOTHING};
use super::ledger::{
    EnrolmentState, Ledger, Location, SessionSnapshot, StoredAggregate, StoredSession,
};
use super::{InspectScope, StoredEntry};
use crate::domain::{Enrolment, LearnerId, Session, SessionId};
use crate::store::{StoreError, bucket};

/// Sends the stored entries of a scope, until the receiver is dropped.
pub(crate) async fn inspect(
    ledger: &dyn Ledger,
    scope: InspectScope,
    entries: mpsc::Sender<StoredEntry>,
) -> Result<(), StoreError> {
    let inspection = Inspection { ledger, entries };
    match (scope.course, scope.session) {
        (Some(course), session) => {
            let enrolment = Enrolment::new(scope.learner, course);
            inspection.enrolment(enrolment, session).await
        }
        (None, _) => inspection.learner(scope.learner).await,
    }
}

struct Inspection<'a> {
    ledger: &'a dyn Ledger,
    entries: mpsc::Sender<StoredEntry>,
}

impl Inspection<'_> {
    /// Sends the erasure, the course index, latest first, and the totals of each course.
    async fn learner(&self, learner: LearnerId) -> Result<(), StoreError> {
        if let Some(at) = self.ledger.erasure(learner).await? {
            self.send(&Location::Erasure(learner), display::instant(&at))
                .await;
        }
        let mut after = None;
        loop {
            let page = self.ledger.courses(learner, after.as_ref()).await?;
            for (course, latest) in page.courses {
                let enrolment = Enrolment::new(learner, course);
                self.send(&Location::CourseEntry(enrolment), display::instant(&latest))
                    .await;
                let page = self.ledger.enrolment(enrolment, None, &[]).await?;
                self.aggregate(&Location::Totals(enrolment), &page.state.totals)
                    .await;
            }
            after = page.next;
            if after.is_none() || self.entries.is_closed() {
                return Ok(());
            }
        }
    }

    /// Sends the derived data of an enrolment, and the sessions of the session index, or the only `session`.
    async fn enrolment(
        &self,
        enrolment: Enrolment,
        session: Option<SessionId>,
    ) -> Result<(), StoreError> {
        let only: Vec<_> = session.into_iter().collect();
        let mut page = self.ledger.enrolment(enrolment, None, &only).await?;
        if session.is_none() {
            self.derived(enrolment, &page.state).await?;
        }
        loop {
            for snapshot in page.sessions {
                if session.is_none_or(|only| only == snapshot.id) {
                    self.session(enrolment, snapshot).await;
                }
            }
            let Some(next) = page
                .next
                .filter(|_| session.is_none() && !self.entries.is_closed())
            else {
                return Ok(());
            };
            page = self.ledger.enrolment(enrolment, Some(&next), &[]).await?;
        }
    }

    async fn derived(
        &self,
        enrolment: Enrolment,
        state: &EnrolmentState,
    ) -> Result<(), StoreError> {
        self.aggregate(&Location::Totals(enrolment), &state.totals)
            .await;
        for latest in state.course_entries.iter().flatten() {
            self.send(&Location::CourseEntry(enrolment), display::instant(latest))
                .await;
        }
        if state.is_in_roster == Ok(true) {
            self.send(&Location::RosterEntry(enrolment), "an entry".into())
                .await;
        }
        let Enrolment { learner, course } = enrolment;
        let bucket = bucket::of(learner);
        let page = self.ledger.summary(bucket, course, None).await?;
        self.aggregate(&Location::Summary(bucket, course), &page.summary)
            .await;
        Ok(())
    }

    async fn session(&self, enrolment: Enrolment, snapshot: SessionSnapshot) {
        if let Some(entry) = &snapshot.entry {
            let location = Location::SessionEntry(enrolment, snapshot.id);
            self.send(&location, display::instant(entry)).await;
        }
        let text = match snapshot.session {
            StoredSession::Absent => return,
            StoredSession::Valid(session) => session_text(&session),
            StoredSession::Unreadable(text) => text,
        };
        self.send(&Location::Session(enrolment, snapshot.id), text)
            .await;
    }

    async fn aggregate(&self, location: &Location, stored: &StoredAggregate) {
        if stored.0 == Ok(None) {
            return;
        }
        self.send(location, display::stored(stored)).await;
    }

    async fn send(&self, location: &Location, value: String) {
        let key = self.ledger.name(location);
        // The receiver is dropped where nobody reads the rest.
        let _ = self.entries.send(StoredEntry { key, value }).await;
    }
}

/// Text of a session: the measures, the time, the local day and the version.
fn session_text(session: &Session) -> String {
    let measures = session.stats.measures();
    let version = session
        .version
        .map(|version| display::instant(&version.to_string()));
    format!(
        "m={} s={} t={} o={} d={} v={}",
        measures.modules,
        measures.score,
        measures.time,
        display::instant(&session.occurred_at.millis.to_string()),
        display::day(session.occurred_at.local_day),
        version.as_deref().unwrap_or(NOTHING),
    )
}
