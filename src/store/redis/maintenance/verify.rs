//! Holds all that is kept to the sessions, on a store that goes on meanwhile.
//!
//! A write moves a session and all that is kept of it in one step, so what is kept and a recount move
//! alike: what lies between them stays. It is seen where both are looked at in one moment (`look`),
//! or where what is kept was the same before and after the sessions were counted (`course`), or where
//! it was seen again and again while nobody new was found (`summary`).
//!
//! A pass over all keys (`survey`) finds out which learners and courses there are, or as many of them
//! as are kept in mind at once (`window`); then each is looked at, a bucket's learners of a course
//! together, and then their summary.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc;

use super::display;
use crate::domain::LearnerId;
use crate::store::StoreError;
use crate::store::maintenance::{Difference, VerifyEvent, VerifyReport};
use crate::store::redis::RedisStore;
use crate::store::redis::scan::survey::{Members, Place};
use crate::store::redis::scan::window::Window;

/// Courses that are looked at together: enough to keep a distant Redis busy, too few to keep others
/// waiting.
pub(crate) const TOGETHER: usize = 16;
/// Sessions between two words of how far it is.
const PROGRESS: u64 = 5_000;

/// Why a step is not followed by another.
pub(crate) enum Stop {
    /// Nobody listens any more.
    Unheard,
    Failed(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

pub(crate) type Step<T = ()> = Result<T, Stop>;

/// A verification under way.
pub(crate) struct Verification<'a> {
    pub(crate) store: &'a RedisStore,
    pub(crate) repair: bool,
    events: mpsc::Sender<VerifyEvent>,
    verified: Mutex<VerifyReport>,
    /// Learners whose list of courses was no list: it is made anew, course by course.
    lists_made_anew: Mutex<HashSet<LearnerId>>,
}

impl<'a> Verification<'a> {
    pub(crate) fn new(
        store: &'a RedisStore,
        repair: bool,
        events: mpsc::Sender<VerifyEvent>,
    ) -> Self {
        Self {
            store,
            repair,
            events,
            verified: Mutex::default(),
            lists_made_anew: Mutex::default(),
        }
    }

    pub(crate) async fn run(self) -> Result<VerifyReport, StoreError> {
        match self.walk().await {
            Ok(()) | Err(Stop::Unheard) => Ok(*self.verified()),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// Goes over all keys, in as many passes as it takes.
    async fn walk(&self) -> Step {
        let bound = self.store.bounds.remembered;
        let mut strays = Window::new(bound, None);
        let mut places = Window::new(bound, None);
        while !(strays.is_past_all() && places.is_past_all()) {
            self.survey(&mut strays, &mut places).await?;
            for (key, ()) in strays.take() {
                let found = "a key that nobody reads";
                self.tell(key, display::NOTHING, found, false).await?;
            }
            self.hold(places.take()).await?;
        }
        Ok(())
    }

    async fn hold(&self, places: BTreeMap<Place, Members>) -> Step {
        let mut pairs = Vec::new();
        for (place, members) in places {
            match place.course {
                Some(course) => pairs.push((place.bucket, course, members)),
                // The lists of courses come first, as the courses are entered there.
                None => {
                    for learner in members.learners.into_keys() {
                        self.hold_list(learner).await?;
                    }
                }
            }
        }
        let suspects = stream::iter(pairs)
            .map(|(bucket, course, members)| self.hold_pair(bucket, course, members))
            .buffer_unordered(TOGETHER)
            .try_filter_map(|suspect| std::future::ready(Ok(suspect)))
            .try_collect()
            .await?;
        self.settle(suspects).await
    }

    /// Tells of a difference.
    pub(crate) async fn tell(
        &self,
        key: String,
        expected: impl Into<String>,
        found: impl Into<String>,
        mended: bool,
    ) -> Step {
        {
            let mut verified = self.verified();
            verified.differences += 1;
            verified.repaired += u64::from(mended);
        }
        self.send(VerifyEvent::Difference(Difference {
            key,
            expected: expected.into(),
            found: found.into(),
            repaired: mended,
        }))
        .await
    }

    /// Tells from time to time how many sessions were counted.
    pub(crate) async fn counted(&self, sessions: u64) -> Step {
        let (before, now) = {
            let mut verified = self.verified();
            let before = verified.sessions;
            verified.sessions += sessions;
            (before, verified.sessions)
        };
        if before / PROGRESS == now / PROGRESS {
            return self.is_heard();
        }
        self.send(VerifyEvent::Progress { sessions: now }).await
    }

    /// Notes aggregates that changed too often.
    pub(crate) fn leave_unsettled(&self, count: usize) {
        self.verified().unsettled += count as u64;
    }

    pub(crate) fn lists_made_anew(&self) -> MutexGuard<'_, HashSet<LearnerId>> {
        let lists = self.lists_made_anew.lock();
        lists.unwrap_or_else(PoisonError::into_inner)
    }

    fn verified(&self) -> MutexGuard<'_, VerifyReport> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anybody listens: else there is nothing more to be done.
    pub(crate) fn is_heard(&self) -> Step {
        if self.events.is_closed() {
            return Err(Stop::Unheard);
        }
        Ok(())
    }

    async fn send(&self, event: VerifyEvent) -> Step {
        self.events.send(event).await.map_err(|_| Stop::Unheard)
    }
}
