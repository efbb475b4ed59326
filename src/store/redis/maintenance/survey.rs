//! Survey of the learners, courses and summaries of the store.

use redis::{Cmd, cmd};
use uuid::Uuid;

use super::verify::{Step, VerifyRun};
use crate::domain::{Enrolment, LearnerId, SessionId};
use crate::store::bucket;
use crate::store::redis::keys::Key;
use crate::store::redis::scan::learner_group::{GroupMembers, LearnerGroup};
use crate::store::redis::scan::window::Window;

type Groups = Window<LearnerGroup, GroupMembers>;

/// Commands to read index entries for the keys of a `SCAN` reply.
#[derive(Default)]
struct Lookups {
    sessions: Vec<(LearnerGroup, LearnerId, SessionId)>,
    /// Commands for the session index entries of `sessions`.
    session_entries: Vec<(u16, Cmd)>,
    learners: Vec<LearnerId>,
    /// Commands for the course indexes of `learners`.
    course_indexes: Vec<(u16, Cmd)>,
}

impl VerifyRun<'_> {
    /// Passes over all keys once, and collects unknown keys and learner groups that the windows accept.
    pub(crate) async fn survey(
        &self,
        unknown_keys: &mut Window<String, ()>,
        groups: &mut Groups,
    ) -> Step {
        let mut scan = self.store.scan(self.store.keys.pattern(None)).await?;
        while let Some(keys) = scan.next().await? {
            self.check_cancelled()?;
            let mut lookups = Lookups::default();
            for name in keys {
                match self.store.keys.parse(&name) {
                    Some(key) => self.add_key(key, groups, &mut lookups),
                    None => unknown_keys.add(name, |()| ()),
                }
            }
            self.add_unindexed_sessions(lookups.sessions, lookups.session_entries, groups)
                .await?;
            self.add_indexed_courses(lookups.learners, lookups.course_indexes, groups)
                .await?;
        }
        Ok(())
    }

    fn add_key(&self, key: Key, groups: &mut Groups, lookups: &mut Lookups) {
        let keys = &self.store.keys;
        match key {
            Key::Session(enrolment, session) => {
                let Enrolment { learner, course } = enrolment;
                let group = LearnerGroup::of(learner, Some(course));
                if groups.accepts(&group) {
                    let mut entry = cmd("ZSCORE");
                    entry.arg(keys.timeline(enrolment));
                    entry.arg(session.as_bytes());
                    lookups.session_entries.push((group.bucket, entry));
                    lookups.sessions.push((group, learner, session));
                }
            }
            Key::Totals(enrolment) | Key::Timeline(enrolment) => {
                let Enrolment { learner, course } = enrolment;
                let group = LearnerGroup::of(learner, Some(course));
                groups.add(group, |members| members.add(learner, None));
            }
            Key::Courses(learner) if !groups.is_exhausted() => {
                let mut index = cmd("ZRANGE");
                index.arg(keys.courses(learner)).arg(0);
                index.arg(self.store.bounds.page - 1);
                lookups.course_indexes.push((bucket::of(learner), index));
                lookups.learners.push(learner);
            }
            Key::Summary(bucket, course) => {
                let course = Some(course);
                groups.add(LearnerGroup { bucket, course }, |_| ());
            }
            Key::Courses(_) | Key::Erased(_) => {}
        }
    }

    /// Adds sessions that are absent from their session indexes.
    async fn add_unindexed_sessions(
        &self,
        sessions: Vec<(LearnerGroup, LearnerId, SessionId)>,
        entries: Vec<(u16, Cmd)>,
        groups: &mut Groups,
    ) -> Step {
        let query = self.store.query_typed_retried::<Option<String>>(entries);
        let scores = query.await?;
        for ((group, learner, session), score) in sessions.into_iter().zip(scores) {
            if !matches!(score, Ok(Some(_))) {
                groups.add(group, |members| members.add(learner, Some(session)));
            }
        }
        Ok(())
    }

    /// Adds the courses of course indexes, and the learners whose course index is damaged.
    async fn add_indexed_courses(
        &self,
        learners: Vec<LearnerId>,
        indexes: Vec<(u16, Cmd)>,
        groups: &mut Groups,
    ) -> Step {
        let query = self.store.query_typed_retried::<Vec<Vec<u8>>>(indexes);
        let indexes = query.await?;
        for (learner, index) in learners.into_iter().zip(indexes) {
            let is_index = index.is_ok();
            let courses = index.unwrap_or_default();
            let mut are_ids = add_courses(learner, &courses, groups);
            if courses.len() >= self.store.bounds.page {
                are_ids &= self.add_long_course_index(learner, groups).await?;
            }
            if !(is_index && are_ids) {
                let group = LearnerGroup::of(learner, None);
                groups.add(group, |members| members.add(learner, None));
            }
        }
        Ok(())
    }

    /// Adds the courses of a course index like [`add_courses`], page by page.
    async fn add_long_course_index(&self, learner: LearnerId, groups: &mut Groups) -> Step<bool> {
        let key = self.store.keys.courses(learner);
        let (mut before, mut are_ids) = (None, true);
        while let Ok(page) = self.store.page(&key, before.as_ref()).await? {
            let members: Vec<_> = page.iter().map(|(member, _)| member.clone()).collect();
            are_ids &= add_courses(learner, &members, groups);
            before = page.into_iter().next();
            if before.is_none() {
                break;
            }
        }
        Ok(are_ids)
    }
}

/// Adds courses of a learner, and returns whether all members are course ids.
fn add_courses(learner: LearnerId, courses: &[Vec<u8>], groups: &mut Groups) -> bool {
    let mut are_ids = true;
    for course in courses {
        match Uuid::from_slice(course) {
            Ok(course) => {
                let group = LearnerGroup::of(learner, Some(course.into()));
                groups.add(group, |members| members.add(learner, None));
            }
            Err(_) => are_ids = false,
        }
    }
    are_ids
}
