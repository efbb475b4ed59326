//! How sessions are forgotten: a bounded number in each transaction, so that other writes are not held
//! up for long.

use super::EmbeddedStore;
use super::transaction::Tables;
use super::writer::Clock;
use crate::domain::{DeleteOutcome, Enrolment, LearnerId, SessionId};
use crate::store::StoreError;

/// Sessions that one transaction forgets at most.
const STEP: usize = 200;

impl EmbeddedStore {
    pub(super) async fn delete_session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<DeleteOutcome, StoreError> {
        let forgotten = self
            .write(1, move |tables, _| tables.forget(enrolment, &[session]))
            .await?;
        Ok(DeleteOutcome::of(forgotten))
    }

    /// Page by page, latest first and never back, so that it ends however much is recorded meanwhile.
    /// What it does not come by was recorded or moved forward after it had begun.
    pub(super) async fn delete_course(
        &self,
        enrolment: Enrolment,
    ) -> Result<DeleteOutcome, StoreError> {
        let mut deletion = DeleteOutcome::Missing;
        let mut end = None;
        loop {
            let step = move |tables: &mut Tables<'_>, _: &mut _| {
                let page = tables.last_sessions(enrolment, end, STEP)?;
                let sessions = page.iter().map(|position| position.id.into());
                let sessions: Vec<_> = sessions.collect();
                let forgotten = tables.forget(enrolment, &sessions)?;
                Ok((forgotten, page.last().copied()))
            };
            let (forgotten, last) = self.write(STEP, step).await?;
            match forgotten {
                None => return Ok(DeleteOutcome::LimitExceeded),
                Some(0) => return Ok(deletion),
                Some(_) => deletion = DeleteOutcome::Deleted,
            }
            end = last;
        }
    }

    /// Refuses what occurred so far, and then deletes the courses that are there: what is recorded
    /// from now on occurred later. One that cannot be deleted does not keep the others.
    pub(super) async fn erase_learner(
        &self,
        learner: LearnerId,
    ) -> Result<DeleteOutcome, StoreError> {
        let refuse = move |tables: &mut Tables<'_>, clock: &mut Clock| {
            tables.erase(learner, clock.now())?;
            tables.all_courses(learner)
        };
        let mut erasure = DeleteOutcome::Deleted;
        for course in self.write(1, refuse).await? {
            if self.delete_course(Enrolment::new(learner, course)).await?
                == DeleteOutcome::LimitExceeded
            {
                erasure = DeleteOutcome::LimitExceeded;
            }
        }
        Ok(erasure)
    }
}
