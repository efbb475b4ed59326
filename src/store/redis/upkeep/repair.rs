//! Mends what is not as the sessions say, while they may change.
//!
//! Nothing is set to what it was seen to be lacking earlier: an entry is aligned with its session as it
//! is then, and an aggregate set only where it is as it was found.

use super::look::Course;
use super::sums::{Lack, Standing};
use super::verify::{Step, Verification};
use crate::domain::{CourseId, LearnerId, SessionId};
use crate::store::bucket;
use crate::store::redis::keys::Keys;
use crate::store::redis::scripts::{ALIGN, SET, STRIP};
use crate::store::redis::writes::Call;

/// How often it is tried to set an aggregate that changes meanwhile.
const ATTEMPTS: u32 = 100;

/// An aggregate that may have to be mended.
pub(super) struct Target {
    bucket: u16,
    key: String,
}

impl Target {
    pub(super) fn totals(keys: &Keys, at: Course) -> Self {
        Self {
            bucket: bucket::of(at.learner),
            key: keys.totals(at.learner, at.course),
        }
    }

    pub(super) fn summary(keys: &Keys, bucket: u16, course: CourseId) -> Self {
        let key = keys.summary_in(bucket, course);
        Self { bucket, key }
    }
}

impl Verification<'_> {
    /// Tells how an aggregate stands, and answers whether it was mended.
    pub(super) async fn hold_sums(&self, target: &Target, standing: &Standing) -> Step<bool> {
        let mended = self.repair && self.mend(target, standing).await?;
        let (expected, found) = standing.texts();
        self.tell(target.key.clone(), expected, found, mended)
            .await?;
        Ok(mended)
    }

    /// Adds to an aggregate what it lacks. Writes that come in between do not change how much that
    /// is.
    async fn mend(&self, target: &Target, standing: &Standing) -> Step<bool> {
        let lack = standing.lack();
        let mut standing = standing.clone();
        for _ in 0..ATTEMPTS {
            if !standing.expected.are_within_limit() {
                return Ok(false);
            }
            if self.set(target, &standing).await? {
                return Ok(true);
            }
            let keys = std::slice::from_ref(&target.key);
            let Some(found) = self.store.aggregates(keys).await?.pop() else {
                return Ok(false);
            };
            match (&lack, found.sums()) {
                (Lack::Sums(lack), Some(sums)) => {
                    standing.expected = sums + *lack;
                    standing.found = found;
                }
                // It was written, so that it could be read all the same: how it stands is not known
                // any more.
                _ => return Ok(false),
            }
        }
        Ok(false)
    }

    async fn set(&self, target: &Target, standing: &Standing) -> Step<bool> {
        let mut arguments = standing.found.arguments();
        arguments.extend(standing.expected.arguments());
        let keys = vec![target.key.clone()];
        let call = Call::in_bucket(&SET, target.bucket, keys, arguments);
        Ok(self.store.put(call).await?)
    }

    /// Aligns the timeline's entries with these sessions; without any, the course's entry in the list
    /// of courses with the timeline.
    pub(super) async fn align(&self, at: Course, ids: &[SessionId]) -> Step {
        let Course { learner, course } = at;
        let keys = &self.store.keys;
        let mut names = vec![keys.timeline(learner, course), keys.courses(learner)];
        names.extend(ids.iter().map(|&id| keys.session(learner, course, id)));
        let mut arguments = vec![course.as_bytes().to_vec()];
        arguments.extend(ids.iter().map(|id| id.as_bytes().to_vec()));
        let call = Call::new(&ALIGN, learner, names, arguments);
        self.store.put(call).await?;
        Ok(())
    }

    /// Takes members out of one of the learner's indexes; deletes it where it is none.
    pub(super) async fn strip(
        &self,
        learner: LearnerId,
        index: &str,
        members: Vec<Vec<u8>>,
    ) -> Step {
        let call = Call::new(&STRIP, learner, vec![index.to_owned()], members);
        self.store.put(call).await?;
        Ok(())
    }
}
