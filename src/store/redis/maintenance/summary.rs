//! Holds a course's summary in a bucket to its learners there.
//!
//! The learners are those that a pass over all keys found. One who has joined since is in the summary
//! and unknown: so where it is not the sum of its learners', it is only suspicious. Then another pass
//! looks for learners who have joined. Where it is seen to lack the very same several times, with a
//! pass in between that began after one time, ended before the next and found nobody new, then that is
//! what it lacks.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::aggregate::{Lack, Standing, Stored};
use super::repair::Target;
use super::verify::{Step, TOGETHER, Verification};
use crate::domain::{AggregateDelta, CourseId, Enrolment, LearnerId};
use crate::store::bucket;
use crate::store::redis::keys::Key;
use crate::store::redis::scan::survey::Members;

/// Passes after which a summary is given up.
const PASSES: u32 = 30;
/// How often a difference must be seen.
const AGREEING: u32 = 4;
/// How often a summary is read together with many learners.
const ATTEMPTS: u32 = 20;

/// A bucket's learners of a course.
type Pair = (u16, CourseId);

/// A summary that is not the sum of its known learners'.
pub(crate) struct Suspect {
    pair: Pair,
    /// The known learners, and what their totals lack.
    learners: BTreeMap<LearnerId, Option<Lack>>,
    /// Whether the last pass found others.
    has_joined: bool,
    standing: Option<Standing>,
    /// How often it was seen so.
    agreeing: u32,
}

impl Verification<'_> {
    /// Holds a bucket's learners of a course to their sessions, and then looks at their summary.
    pub(crate) async fn hold_pair(
        &self,
        bucket: u16,
        course: CourseId,
        members: Members,
    ) -> Step<Option<(Pair, Suspect)>> {
        let mut learners = BTreeMap::new();
        for (learner, unlisted) in members.learners {
            let enrolment = Enrolment { learner, course };
            learners.insert(learner, self.hold_course(enrolment, &unlisted).await?);
        }
        let pair = (bucket, course);
        let standing = self.summary(pair, &learners).await?;
        let is_well = standing.as_ref().is_some_and(Standing::is_well);
        let suspect = Suspect {
            pair,
            learners,
            has_joined: false,
            standing,
            agreeing: 1,
        };
        Ok((!is_well).then_some((pair, suspect)))
    }

    /// Looks at suspicious summaries until it is known how they stand.
    pub(crate) async fn settle(&self, mut suspects: BTreeMap<Pair, Suspect>) -> Step {
        for _ in 0..PASSES {
            if suspects.is_empty() {
                return Ok(());
            }
            self.find_joined(&mut suspects).await?;
            suspects = stream::iter(suspects.into_values())
                .map(|suspect| self.look_again(suspect))
                .buffer_unordered(TOGETHER)
                .try_filter_map(|suspect| std::future::ready(Ok(suspect)))
                .try_collect()
                .await?;
        }
        self.leave_unsettled(suspects.len());
        Ok(())
    }

    /// Passes over all totals, and adds learners who were not known.
    async fn find_joined(&self, suspects: &mut BTreeMap<Pair, Suspect>) -> Step {
        for suspect in suspects.values_mut() {
            suspect.has_joined = false;
        }
        let keys = &self.store.keys;
        let mut scan = self.store.scan(keys.pattern(Some('t'))).await?;
        while let Some(found) = scan.next().await? {
            for name in found.iter().filter_map(|key| keys.parse(key)) {
                if let Key::Totals(Enrolment { learner, course }) = name
                    && let Some(suspect) = suspects.get_mut(&(bucket::of(learner), course))
                    && !suspect.learners.contains_key(&learner)
                {
                    // Whoever joined meanwhile lacks nothing.
                    suspect.learners.insert(learner, None);
                    suspect.has_joined = true;
                }
            }
        }
        Ok(())
    }

    /// Looks again, and gives the summary back where it still is not known how it stands.
    async fn look_again(&self, mut suspect: Suspect) -> Step<Option<(Pair, Suspect)>> {
        let standing = self.summary(suspect.pair, &suspect.learners).await?;
        if standing.as_ref().is_some_and(Standing::is_well) {
            return Ok(None);
        }
        let lack = |standing: &Option<Standing>| standing.as_ref().map(Standing::lack);
        let is_same = !suspect.has_joined && lack(&standing) == lack(&suspect.standing);
        suspect.agreeing = if is_same { suspect.agreeing + 1 } else { 1 };
        suspect.standing = standing;
        match &suspect.standing {
            Some(standing) if suspect.agreeing >= AGREEING => {
                let (bucket, course) = suspect.pair;
                let target = Target::summary(&self.store.keys, bucket, course);
                self.hold_sums(&target, standing).await?;
                Ok(None)
            }
            _ => Ok(Some((suspect.pair, suspect))),
        }
    }

    /// How a summary stands to its known learners; `None` where it changes all the time.
    async fn summary(
        &self,
        (bucket, course): Pair,
        learners: &BTreeMap<LearnerId, Option<Lack>>,
    ) -> Step<Option<Standing>> {
        let page = self.store.bounds.page;
        let known: Vec<_> = learners.iter().collect();
        for _ in 0..ATTEMPTS {
            let (mut expected, mut found): (AggregateDelta, Option<Stored>) =
                (AggregateDelta::default(), None);
            let mut is_steady = true;
            let mut from = 0;
            while found.is_none() || (is_steady && from < known.len()) {
                let some = &known[from..known.len().min(from + page)];
                let mut keys = vec![self.store.keys.summary_in(bucket, course)];
                keys.extend(
                    some.iter().map(|(learner, _)| {
                        self.store.keys.totals(Enrolment::new(**learner, course))
                    }),
                );
                let mut aggregates = self.store.aggregates(&keys).await?.into_iter();
                let summary = aggregates.next();
                is_steady = found.is_none() || found == summary;
                found = summary;
                for ((_, lack), totals) in some.iter().zip(aggregates) {
                    expected = expected + share(&totals, lack.as_ref());
                }
                from += page;
            }
            if is_steady {
                return Ok(found.map(|found| Standing { found, expected }));
            }
        }
        Ok(None)
    }
}

/// What a learner contributes to the summary.
fn share(totals: &Stored, lack: Option<&Lack>) -> AggregateDelta {
    let mut sums = match (totals.sums(), lack) {
        (Some(sums), Some(Lack::Sums(lack))) => sums + *lack,
        (Some(sums), _) => sums,
        (None, Some(Lack::All(standing))) => standing.expected,
        (None, _) => AggregateDelta::default(),
    };
    sums.learners = i128::from(sums.sessions > 0);
    sums
}
