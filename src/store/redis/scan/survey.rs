//! Finds out which learners, courses and summaries there are.

use std::collections::{BTreeMap, BTreeSet};

use redis::{Cmd, cmd};
use uuid::Uuid;

use super::window::{Size, Window};
use crate::domain::{CourseId, Enrolment, LearnerId, SessionId};
use crate::store::bucket;
use crate::store::redis::keys::Key;
use crate::store::redis::maintenance::verify::{Step, Verification};

/// What is looked at together: a course's learners of a bucket. Without a course, the learners of the
/// bucket whose lists of courses hold what is no course.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) bucket: u16,
    pub(crate) course: Option<CourseId>,
}

/// The learners of a place, each with the sessions that are not in the timeline.
#[derive(Debug, Default)]
pub(crate) struct Members {
    pub(crate) learners: BTreeMap<LearnerId, BTreeSet<SessionId>>,
    size: usize,
}

impl Members {
    fn add(&mut self, learner: LearnerId, session: Option<SessionId>) {
        let before = self.learners.len();
        let sessions = self.learners.entry(learner).or_default();
        let is_new = session.is_some_and(|session| sessions.insert(session));
        self.size += usize::from(is_new) + self.learners.len() - before;
    }
}

impl Size for Members {
    fn size(&self) -> usize {
        self.size
    }
}

/// The keys of one step of a pass that must be looked into.
#[derive(Default)]
struct Questions {
    sessions: Vec<(Place, LearnerId, SessionId)>,
    listed: Vec<(u16, Cmd)>,
    lists: Vec<LearnerId>,
    members: Vec<(u16, Cmd)>,
}

impl Verification<'_> {
    /// Passes over all keys once, and gathers what belongs into the windows: keys that are spelled
    /// as none is, and places.
    pub(crate) async fn survey(
        &self,
        strays: &mut Window<String, ()>,
        places: &mut Window<Place, Members>,
    ) -> Step {
        let mut scan = self.store.scan(self.store.keys.pattern(None)).await?;
        while let Some(keys) = scan.next().await? {
            self.is_heard()?;
            let mut questions = Questions::default();
            for key in keys {
                match self.store.keys.parse(&key) {
                    Some(name) => self.sort(name, places, &mut questions),
                    None => strays.add(key, |()| ()),
                }
            }
            self.look_for_sessions(questions.sessions, questions.listed, places)
                .await?;
            self.look_into_lists(questions.lists, questions.members, places)
                .await?;
        }
        Ok(())
    }

    fn sort(&self, name: Key, places: &mut Window<Place, Members>, questions: &mut Questions) {
        let keys = &self.store.keys;
        match name {
            Key::Session(enrolment, session) => {
                let Enrolment { learner, course } = enrolment;
                let place = place_of(learner, Some(course));
                if places.admits(&place) {
                    let mut listed = cmd("ZSCORE");
                    listed.arg(keys.timeline(enrolment));
                    listed.arg(session.as_bytes());
                    questions.listed.push((place.bucket, listed));
                    questions.sessions.push((place, learner, session));
                }
            }
            Key::Totals(enrolment) | Key::Timeline(enrolment) => {
                let Enrolment { learner, course } = enrolment;
                let place = place_of(learner, Some(course));
                places.add(place, |members| members.add(learner, None));
            }
            Key::Courses(learner) if !places.is_past_all() => {
                let mut members = cmd("ZRANGE");
                members.arg(keys.courses(learner)).arg(0);
                members.arg(self.store.bounds.page - 1);
                questions.members.push((bucket::of(learner), members));
                questions.lists.push(learner);
            }
            Key::Summary(bucket, course) => {
                let course = Some(course);
                places.add(Place { bucket, course }, |_| ());
            }
            Key::Courses(_) | Key::Erased(_) => {}
        }
    }

    /// Gathers sessions that are not in their timelines.
    async fn look_for_sessions(
        &self,
        sessions: Vec<(Place, LearnerId, SessionId)>,
        listed: Vec<(u16, Cmd)>,
        places: &mut Window<Place, Members>,
    ) -> Step {
        let scores = self.store.ask_each::<Option<String>>(listed).await?;
        for ((place, learner, session), score) in sessions.into_iter().zip(scores) {
            if !matches!(score, Ok(Some(_))) {
                places.add(place, |members| members.add(learner, Some(session)));
            }
        }
        Ok(())
    }

    /// Gathers the courses of lists, and lists that hold what is no course.
    async fn look_into_lists(
        &self,
        learners: Vec<LearnerId>,
        members: Vec<(u16, Cmd)>,
        places: &mut Window<Place, Members>,
    ) -> Step {
        let lists = self.store.ask_each::<Vec<Vec<u8>>>(members).await?;
        for (learner, list) in learners.into_iter().zip(lists) {
            let is_list = list.is_ok();
            let list = list.unwrap_or_default();
            let mut is_clean = gather(learner, &list, places);
            if list.len() >= self.store.bounds.page {
                is_clean &= self.look_into_long_list(learner, places).await?;
            }
            if !(is_list && is_clean) {
                let place = place_of(learner, None);
                places.add(place, |members| members.add(learner, None));
            }
        }
        Ok(())
    }

    /// As [`gather`], page by page.
    async fn look_into_long_list(
        &self,
        learner: LearnerId,
        places: &mut Window<Place, Members>,
    ) -> Step<bool> {
        let key = self.store.keys.courses(learner);
        let (mut before, mut is_clean) = (None, true);
        while let Ok(page) = self.store.page(&key, before.as_ref()).await? {
            let members: Vec<_> = page.iter().map(|(member, _)| member.clone()).collect();
            is_clean &= gather(learner, &members, places);
            before = page.into_iter().next();
            if before.is_none() {
                break;
            }
        }
        Ok(is_clean)
    }
}

/// Gathers a learner's courses, and answers whether all are courses.
fn gather(learner: LearnerId, courses: &[Vec<u8>], places: &mut Window<Place, Members>) -> bool {
    let mut is_clean = true;
    for course in courses {
        match Uuid::from_slice(course) {
            Ok(course) => {
                let place = place_of(learner, Some(course.into()));
                places.add(place, |members| members.add(learner, None));
            }
            Err(_) => is_clean = false,
        }
    }
    is_clean
}

fn place_of(learner: LearnerId, course: Option<CourseId>) -> Place {
    let bucket = bucket::of(learner);
    Place { bucket, course }
}
