//! Mends what is not as the sessions say, while they may change.
//!
//! Nothing is set to what it was to be earlier: an entry is aligned with its session as it is then, and
//! what an aggregate lacks is added to what it is then.

use super::aggregate::{self, Lack, Standing};
use super::verify::{Step, Verification};
use crate::domain::{CourseId, Enrolment, LearnerId, SessionId};
use crate::store::bucket;
use crate::store::redis::keys::Keys;
use crate::store::redis::script_call::ScriptCall;
use crate::store::redis::scripts::{ADD_DELTA, CLEAN_INDEX, LuaScript, REINDEX, REPLACE_AGGREGATE};

/// An aggregate that may have to be mended.
pub(crate) struct Target {
    bucket: u16,
    key: String,
}

impl Target {
    pub(crate) fn totals(keys: &Keys, enrolment: Enrolment) -> Self {
        Self {
            bucket: bucket::of(enrolment.learner),
            key: keys.totals(enrolment),
        }
    }

    pub(crate) fn summary(keys: &Keys, bucket: u16, course: CourseId) -> Self {
        let key = keys.summary_in(bucket, course);
        Self { bucket, key }
    }
}

impl Verification<'_> {
    /// Tells how an aggregate stands, and answers whether it was mended.
    pub(crate) async fn hold_sums(&self, target: &Target, standing: &Standing) -> Step<bool> {
        let mended = self.repair && self.mend(target, standing).await?;
        let (expected, found) = standing.texts();
        self.tell(target.key.clone(), expected, found, mended)
            .await?;
        Ok(mended)
    }

    /// Adds to an aggregate what it lacks, which writes that come in between do not change. One that
    /// cannot be counted with cannot be written to either: it is set, if it still is as it was found.
    async fn mend(&self, target: &Target, standing: &Standing) -> Step<bool> {
        let (script, arguments): (&LuaScript, Vec<_>) = match standing.lack() {
            Lack::Sums(lack) if aggregate::is_exact_in_lua(&lack) => {
                (&ADD_DELTA, aggregate::arguments(&lack).collect())
            }
            _ if aggregate::is_exact_in_lua(&standing.expected) => {
                let found = standing.found.arguments().into_iter();
                (
                    &REPLACE_AGGREGATE,
                    found
                        .chain(aggregate::arguments(&standing.expected))
                        .collect(),
                )
            }
            _ => return Ok(false),
        };
        let keys = vec![target.key.clone()];
        let call = ScriptCall::in_bucket(script, target.bucket, keys, arguments);
        Ok(self.store.put(call).await?)
    }

    /// Aligns the timeline's entries with these sessions; without any, the course's entry in the list
    /// of courses with the timeline.
    pub(crate) async fn align(&self, enrolment: Enrolment, ids: &[SessionId]) -> Step {
        let Enrolment { learner, course } = enrolment;
        let keys = &self.store.keys;
        let mut names = vec![keys.timeline(enrolment), keys.courses(learner)];
        names.extend(ids.iter().map(|&id| keys.session(enrolment, id)));
        let mut arguments = vec![course.as_bytes().to_vec()];
        arguments.extend(ids.iter().map(|id| id.as_bytes().to_vec()));
        let call = ScriptCall::new(&REINDEX, learner, names, arguments);
        self.store.put(call).await?;
        Ok(())
    }

    /// Takes members out of one of the learner's indexes; deletes it where it is none.
    pub(crate) async fn strip(
        &self,
        learner: LearnerId,
        index: &str,
        members: Vec<Vec<u8>>,
    ) -> Step {
        let call = ScriptCall::new(&CLEAN_INDEX, learner, vec![index.to_owned()], members);
        self.store.put(call).await?;
        Ok(())
    }
}
