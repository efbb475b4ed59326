//! What is read: single hashes, pages of lists, and the summary of all buckets.

use redis::{Cmd, cmd};

use super::connection::scatter::Scatter;
use super::scripts::PAGE;
use super::{RedisStore, codec};
use crate::domain::{
    CourseId, Enrolment, LearnerId, ListedCourse, ListedSession, Page, Position, Session,
    SessionId, Slice, Span, Summary, Totals,
};
use crate::store::StoreError;
use crate::store::bucket::{self, BUCKETS};

impl RedisStore {
    pub(super) async fn read_session(
        &self,
        enrolment: Enrolment,
        session: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        let key = self.keys.session(enrolment, session);
        codec::session(self.query(&fields(&key, &codec::SESSION_FIELDS)).await?)
    }

    pub(super) async fn read_totals(
        &self,
        enrolment: Enrolment,
    ) -> Result<Option<Totals>, StoreError> {
        let key = self.keys.totals(enrolment);
        codec::totals(&self.query(&fields(&key, &codec::TOTALS_FIELDS)).await?)
    }

    /// A page of the timeline, and then its sessions.
    ///
    /// What was forgotten between the two is left out, or was moved out of the span; what was replaced
    /// is as it is now.
    pub(super) async fn read_sessions(
        &self,
        enrolment: Enrolment,
        span: Span,
        slice: Slice,
    ) -> Result<Page<ListedSession>, StoreError> {
        let timeline = self.keys.timeline(enrolment);
        let page = self.read_page(&timeline, span, slice).await?;
        let ids = page.items.iter().map(|position| position.id.into());
        let ids: Vec<SessionId> = ids.collect();
        let keys = ids.iter().map(|&id| self.keys.session(enrolment, id));
        let hashes = self
            .read_hashes(enrolment.learner, keys, &codec::SESSION_FIELDS)
            .await?;
        let mut items = Vec::with_capacity(ids.len());
        for (id, hash) in ids.into_iter().zip(hashes) {
            if let Some(session) = codec::session(hash)?
                && span.contains(session.occurred_at.millis)
            {
                items.push(ListedSession { id, session });
            }
        }
        items.sort_by_key(|item| {
            std::cmp::Reverse((item.session.occurred_at.millis, item.id.as_u128()))
        });
        Ok(Page {
            items,
            next: page.next,
        })
    }

    /// A page of the learner's courses, and then their totals.
    pub(super) async fn read_courses(
        &self,
        learner: LearnerId,
        slice: Slice,
    ) -> Result<Page<ListedCourse>, StoreError> {
        let courses = self.keys.courses(learner);
        let page = self.read_page(&courses, Span::ALL, slice).await?;
        let keys = page
            .items
            .iter()
            .map(|position| Enrolment::new(learner, position.id.into()))
            .map(|enrolment| self.keys.totals(enrolment));
        let hashes = self
            .read_hashes(learner, keys, &codec::TOTALS_FIELDS)
            .await?;
        let mut items = Vec::with_capacity(hashes.len());
        for (position, hash) in page.items.iter().zip(hashes) {
            if let Some(totals) = codec::totals(&hash)? {
                items.push(ListedCourse {
                    id: position.id.into(),
                    totals,
                    last_occurred: position.millis,
                });
            }
        }
        Ok(Page {
            items,
            next: page.next,
        })
    }

    /// The sum over all buckets.
    pub(super) async fn read_summary(
        &self,
        course: CourseId,
    ) -> Result<Option<Summary>, StoreError> {
        let buckets = (0..BUCKETS).map(|bucket| {
            let key = self.keys.summary_in(bucket, course);
            (bucket, fields(&key, &codec::SUMMARY_FIELDS))
        });
        let hashes: Vec<_> = self.query(&Scatter(buckets.collect())).await?;
        let parts = hashes.into_iter().map(codec::summary);
        let summary: Summary = parts.sum::<Result<_, _>>()?;
        Ok(Some(summary).filter(|summary| summary.learners > 0))
    }

    /// A page of an index: the ids of its members, and their scores.
    pub(super) async fn read_page(
        &self,
        index: &str,
        span: Span,
        slice: Slice,
    ) -> Result<Page<Position>, StoreError> {
        let (millis, id) = match slice.after {
            Some(after) => (after.millis.to_string(), after.id.as_bytes().to_vec()),
            None => Default::default(),
        };
        // One more than is asked for tells whether there is a rest.
        let count = slice.limit.saturating_add(1);
        let arguments = [
            span.from.to_string().into_bytes(),
            span.last.to_string().into_bytes(),
            millis.into_bytes(),
            id,
            count.to_string().into_bytes(),
        ];
        let found: Vec<(Vec<u8>, i64)> = self
            .query_script(&PAGE, &[index.to_owned()], &arguments)
            .await?;
        let positions = found.into_iter().rev().map(|(member, millis)| {
            let id = codec::id(&member)?;
            Ok(Position { millis, id })
        });
        let positions = positions.collect::<Result<_, StoreError>>()?;
        Ok(Page::new(positions, slice.limit, |&position| position))
    }

    /// The fields of hashes of a learner.
    async fn read_hashes<const N: usize>(
        &self,
        learner: LearnerId,
        keys: impl Iterator<Item = String>,
        names: &[&str; N],
    ) -> Result<Vec<[Option<String>; N]>, StoreError> {
        let bucket = bucket::of(learner);
        let commands = keys.map(|key| (bucket, fields(&key, names)));
        self.query(&Scatter(commands.collect())).await
    }
}

/// The command that reads these fields of a hash.
fn fields(key: &str, names: &[&str]) -> Cmd {
    let mut command = cmd("HMGET");
    command.arg(key).arg(names);
    command
}
