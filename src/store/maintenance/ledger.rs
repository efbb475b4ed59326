//! The parts of a store that maintenance reads and repairs: verification, repair and inspection are one
//! algorithm over a [`Ledger`], on every store.

use std::str::FromStr;

use async_trait::async_trait;

use crate::domain::{AggregateDelta, CourseId, Enrolment, LearnerId, Session, SessionId};
use crate::store::aggregate_text::{REPAIR, StoredSummary, StoredTotals};
use crate::store::{StoreError, bucket};

/// Data of a store, as maintenance reads and repairs them.
///
/// Each call is a step, which delays requests by a few milliseconds at most: a step reads at most a page of a
/// bounded number of entries, all at one moment. A write of a client changes a session, its index entries and its
/// aggregates in one step, and raises the revision of the totals and of the summary.
#[async_trait]
pub(crate) trait Ledger: Send + Sync {
    /// Returns the name of a location for operators: the key in Redis, and for an entry the member; the table
    /// and the key in the embedded store.
    fn name(&self, location: &Location) -> String;

    /// Starts a pass over the whole store. Data that concurrent writes add or remove are found or not.
    async fn scan(&self, pass: Pass) -> Result<Box<dyn Scan + '_>, StoreError>;

    /// Reads a page of an enrolment: the state of its derived data, and the sessions of a page of its session
    /// index, after a position or from the start. The first page also has the sessions `unindexed`.
    async fn enrolment(
        &self,
        enrolment: Enrolment,
        after: Option<&EntryPosition>,
        unindexed: &[SessionId],
    ) -> Result<EnrolmentPage, StoreError>;

    /// Reads a summary, and the totals of a page of its roster, after a learner or from the start.
    async fn summary(
        &self,
        bucket: u16,
        course: CourseId,
        after: Option<LearnerId>,
    ) -> Result<SummaryPage, StoreError>;

    /// Reads a page of a learner's courses, in the order of the course index, latest first.
    async fn courses(
        &self,
        learner: LearnerId,
        after: Option<&EntryPosition>,
    ) -> Result<CoursesPage, StoreError>;

    /// Reads the time of a learner's erasure as stored; `None` without an erasure.
    async fn erasure(&self, learner: LearnerId) -> Result<Option<String>, StoreError>;

    /// Makes the entries of sessions in the session index agree with the sessions, and then the entries of the
    /// enrolment in the course index and in the roster with the session index: all as they are at the time of
    /// the call. The snapshots have the wrong entries.
    async fn align(
        &self,
        enrolment: Enrolment,
        sessions: &[SessionSnapshot],
    ) -> Result<(), StoreError>;

    /// Removes members from an index, as [`InvalidEntry`] has them. Without members, deletes an index or an
    /// erasure of another type; returns false where the type is right.
    async fn strip(&self, location: &Location, members: &[Vec<u8>]) -> Result<bool, StoreError>;

    /// Repairs [`Totals`](Location::Totals) or a [`Summary`](Location::Summary) that was `found` in place of
    /// `expected`: adds the delta between the two, which later writes leave as it is. Returns false, and changes
    /// nothing, after another repair or a deletion, and where an unreadable aggregate is no longer as found.
    async fn repair_aggregate(
        &self,
        location: &Location,
        found: &StoredAggregate,
        expected: &AggregateDelta,
    ) -> Result<bool, StoreError>;
}

/// Location of a stored value, or of an entry of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Location {
    Session(Enrolment, SessionId),
    Totals(Enrolment),
    /// The index of an enrolment's sessions, as a whole.
    SessionIndex(Enrolment),
    /// The entry of a session in the session index.
    SessionEntry(Enrolment, SessionId),
    /// The index of a learner's courses, as a whole.
    CourseIndex(LearnerId),
    /// The entry of a course in the course index.
    CourseEntry(Enrolment),
    /// The roster of a bucket in a course, as a whole.
    Roster(u16, CourseId),
    /// The entry of a learner in the roster.
    RosterEntry(Enrolment),
    Summary(u16, CourseId),
    Erasure(LearnerId),
}

impl Location {
    /// Returns the bucket of the learner, or of the roster or summary.
    pub(crate) fn bucket(&self) -> u16 {
        match *self {
            Self::Session(Enrolment { learner, .. }, _)
            | Self::Totals(Enrolment { learner, .. })
            | Self::SessionIndex(Enrolment { learner, .. })
            | Self::SessionEntry(Enrolment { learner, .. }, _)
            | Self::CourseIndex(learner)
            | Self::CourseEntry(Enrolment { learner, .. })
            | Self::RosterEntry(Enrolment { learner, .. })
            | Self::Erasure(learner) => bucket::of(learner),
            Self::Roster(bucket, _) | Self::Summary(bucket, _) => bucket,
        }
    }
}

/// Pass over a store. A verification makes the passes in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Counts the sessions, and finds the sessions that are absent from the session index.
    Sessions,
    /// Finds the enrolments by all derived data, damaged indexes, and unknown keys.
    Enrolments,
    /// Finds the summaries.
    Summaries,
}

/// Running pass.
#[async_trait]
pub(crate) trait Scan: Send {
    /// Returns the next findings, which may be empty; `None` at the end of the pass. A finding may come more
    /// than once.
    async fn next(&mut self) -> Result<Option<Vec<Found>>, StoreError>;
}

/// Finding of a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// A number of sessions.
    Sessions(u64),
    /// A session without an entry in the session index.
    Unindexed(Enrolment, SessionId),
    /// An enrolment with totals, or with an entry in an index and without totals. Also an enrolment whose totals
    /// and session index have different numbers of sessions: the totals may have been lost, and written again
    /// behind the pass.
    Enrolment(Enrolment),
    /// An index or an erasure of another type.
    OtherType(Location),
    /// A member of an index that is no id.
    Invalid(InvalidEntry),
    /// A summary, or a roster without a summary.
    Summary(u16, CourseId),
    /// The name of a key that no request reads.
    Unknown(String),
    /// The pass starts again from the beginning, as the servers have changed.
    Restart,
}

/// Member of an index that is no id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidEntry {
    /// The index.
    pub(crate) index: Location,
    pub(crate) member: Vec<u8>,
    /// Score of the member, as text.
    pub(crate) score: String,
}

/// The value is of another type than the store writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OtherType;

/// Aggregate as stored: the bytes of the text, `None` without an aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredAggregate(pub(crate) Result<Option<Vec<u8>>, OtherType>);

impl StoredAggregate {
    /// Value of totals; `None` for an unreadable aggregate.
    pub(crate) fn totals(&self) -> Option<StoredTotals> {
        self.parsed()
    }

    /// Value of a summary; `None` for an unreadable aggregate.
    pub(crate) fn summary(&self) -> Option<StoredSummary> {
        self.parsed()
    }

    /// Value of totals, as a delta from nothing; `None` for an unreadable aggregate.
    pub(crate) fn totals_value(&self) -> Option<AggregateDelta> {
        self.totals().map(|stored| stored.totals.into())
    }

    /// Value of a summary, as a delta from nothing; `None` for an unreadable aggregate.
    pub(crate) fn summary_value(&self) -> Option<AggregateDelta> {
        self.summary().map(|stored| stored.summary.into())
    }

    /// Returns whether neither a repair nor a deletion has come in since the aggregate was `found`; an unreadable
    /// aggregate must be as found. `revision` reads the revision, `None` for an unreadable aggregate.
    pub(crate) fn is_repairable(
        &self,
        found: &Self,
        revision: impl Fn(&Self) -> Option<u64>,
    ) -> bool {
        match (revision(self), revision(found)) {
            (Some(now), Some(then)) => {
                now / REPAIR == then / REPAIR && (self.0 == Ok(None)) == (found.0 == Ok(None))
            }
            _ => self == found,
        }
    }

    fn parsed<T: FromStr + Default>(&self) -> Option<T> {
        match &self.0 {
            Ok(None) => Some(T::default()),
            Ok(Some(bytes)) => std::str::from_utf8(bytes).ok()?.parse().ok(),
            Err(OtherType) => None,
        }
    }
}

/// Derived data of an enrolment. Equal states before and after a read show that no write came in between, as
/// every write raises the revision of the totals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EnrolmentState {
    pub(crate) totals: StoredAggregate,
    pub(crate) session_index: Result<(), OtherType>,
    /// Times of the entries in the course index, as text; the store has at most one without damage.
    pub(crate) course_entries: Result<Vec<String>, OtherType>,
    /// Whether the roster has the learner.
    pub(crate) is_in_roster: Result<bool, OtherType>,
}

/// Page of an enrolment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EnrolmentPage {
    pub(crate) state: EnrolmentState,
    pub(crate) sessions: Vec<SessionSnapshot>,
    /// Members of the page of the session index that are no ids.
    pub(crate) invalid: Vec<InvalidEntry>,
    /// End of the page; `None` on the last page.
    pub(crate) next: Option<EntryPosition>,
}

/// Position in an index: an entry, as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntryPosition {
    pub(crate) member: Vec<u8>,
    pub(crate) score: String,
}

/// Session, and its entry in the session index.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SessionSnapshot {
    pub(crate) id: SessionId,
    /// Time of the entry as text; `None` for a session without an entry.
    pub(crate) entry: Option<String>,
    pub(crate) session: StoredSession,
    /// Whether a recount counts the session here: once for each session, however many entries are damaged.
    pub(crate) counts: bool,
}

/// Value of a session.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum StoredSession {
    Absent,
    Valid(Session),
    /// A value that no record stores, as text for operators.
    Unreadable(String),
}

/// Page of a summary's learners.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SummaryPage {
    pub(crate) summary: StoredAggregate,
    /// Learners of the roster with their totals.
    pub(crate) learners: Vec<(LearnerId, StoredAggregate)>,
    /// Last learner of the page; `None` on the last page.
    pub(crate) next: Option<LearnerId>,
}

/// Page of a learner's course index.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CoursesPage {
    /// Courses with the times of their entries, as text.
    pub(crate) courses: Vec<(CourseId, String)>,
    pub(crate) invalid: Vec<InvalidEntry>,
    /// End of the page; `None` on the last page.
    pub(crate) next: Option<EntryPosition>,
}
