//! Repairs of differences, while clients write.
//!
//! No repair stores a value that was read earlier: a script repairs an index entry from the session at the
//! time of the repair, and adds the delta of a deviation to the aggregate at the time of the repair.

use super::aggregate::{AggregateCheck, Deviation, exact_arguments};
use super::verify::{Step, VerifyRun};
use crate::domain::{CourseId, Enrolment, LearnerId, SessionId};
use crate::store::bucket;
use crate::store::redis::keys::Keys;
use crate::store::redis::script_call::ScriptCall;
use crate::store::redis::scripts::{ADD_DELTA, CLEAN_INDEX, LuaScript, REINDEX, REPLACE_AGGREGATE};

/// Key and bucket of an aggregate.
pub(crate) struct AggregateKey {
    bucket: u16,
    key: String,
}

impl AggregateKey {
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

impl VerifyRun<'_> {
    /// Repairs an aggregate when the run repairs, reports the difference, and returns whether the aggregate
    /// was repaired.
    pub(crate) async fn report_aggregate(
        &self,
        key: &AggregateKey,
        check: &AggregateCheck,
    ) -> Step<bool> {
        let repaired = self.repair && self.repair_aggregate(key, check).await?;
        let (expected, found) = check.texts();
        self.report_difference(key.key.clone(), expected, found, repaired)
            .await?;
        Ok(repaired)
    }

    async fn repair_aggregate(&self, key: &AggregateKey, check: &AggregateCheck) -> Step<bool> {
        let Some((script, arguments)) = repair_script(check) else {
            return Ok(false);
        };
        let keys = vec![key.key.clone()];
        let call = ScriptCall::in_bucket(script, key.bucket, keys, arguments);
        Ok(self.store.write_retried(call).await?)
    }

    /// Repairs the session index's entries of the sessions `ids` from the sessions; without `ids`, repairs the
    /// course's entry in the course index from the session index.
    pub(crate) async fn reindex(&self, enrolment: Enrolment, ids: &[SessionId]) -> Step {
        let Enrolment { learner, course } = enrolment;
        let keys = &self.store.keys;
        let mut names = vec![keys.timeline(enrolment), keys.courses(learner)];
        names.extend(ids.iter().map(|&id| keys.session(enrolment, id)));
        let mut arguments = vec![course.as_bytes().to_vec()];
        arguments.extend(ids.iter().map(|id| id.as_bytes().to_vec()));
        let call = ScriptCall::new(&REINDEX, learner, names, arguments);
        self.store.write_retried(call).await?;
        Ok(())
    }

    /// Removes members from an index of the learner; deletes the key when the key has the wrong type.
    pub(crate) async fn clean_index(
        &self,
        learner: LearnerId,
        index: &str,
        members: Vec<Vec<u8>>,
    ) -> Step {
        let call = ScriptCall::new(&CLEAN_INDEX, learner, vec![index.to_owned()], members);
        self.store.write_retried(call).await?;
        Ok(())
    }
}

/// Script and arguments of the repair of an aggregate; `None` when Lua cannot calculate with the numbers.
///
/// The repair adds the delta, which concurrent writes leave as it is. An unreadable aggregate refuses
/// writes: the repair replaces the aggregate, when the aggregate is still the same as in the check.
fn repair_script(check: &AggregateCheck) -> Option<(&'static LuaScript, Vec<Vec<u8>>)> {
    if let Deviation::Delta(delta) = check.deviation()
        && let Some(arguments) = exact_arguments(&delta)
    {
        return Some((&ADD_DELTA, arguments));
    }
    let recounted = exact_arguments(&check.recounted)?;
    Some((
        &REPLACE_AGGREGATE,
        [check.stored.arguments(), recounted].concat(),
    ))
}
