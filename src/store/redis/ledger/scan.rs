//! Passes over all keys of all masters.

use async_trait::async_trait;
use redis::cmd;

use super::probes::{self, Pair, Probe};

use crate::domain::{CourseId, Enrolment, LearnerId};
use crate::store::maintenance::ledger::{self, Found, InvalidEntry, Location, Pass};
use crate::store::redis::keys::Key;
use crate::store::redis::scan::keyspace::Scan;
use crate::store::redis::{RedisStore, codec, reads};
use crate::store::{StoreError, bucket};

/// Number of members that a step reads from an index.
const STEP: usize = 1_000;

/// Running pass over the keys of some kinds.
pub(super) struct KeyScan<'a> {
    store: &'a RedisStore,
    pass: Pass,
    scan: Scan<'a>,
    /// Restarts of the scan up to now.
    restarts: u32,
    /// Kinds of keys to scan afterwards.
    kinds: Vec<char>,
}

impl<'a> KeyScan<'a> {
    pub(super) async fn start(store: &'a RedisStore, pass: Pass) -> Result<Self, StoreError> {
        let (kind, kinds) = match pass {
            Pass::Sessions => (Some('s'), vec![]),
            Pass::Enrolments => (None, vec![]),
            Pass::Summaries => (Some('y'), vec!['r']),
        };
        let scan = store.scan(store.keys.pattern(kind)).await?;
        Ok(Self {
            store,
            pass,
            scan,
            restarts: 0,
            kinds,
        })
    }
}

#[async_trait]
impl ledger::Scan for KeyScan<'_> {
    async fn next(&mut self) -> Result<Option<Vec<Found>>, StoreError> {
        let keys = loop {
            if let Some(keys) = self.scan.next().await? {
                break keys;
            }
            let Some(kind) = self.kinds.pop() else {
                return Ok(None);
            };
            self.scan = self.store.scan(self.store.keys.pattern(Some(kind))).await?;
            self.restarts = 0;
        };
        let mut step = Step {
            store: self.store,
            found: Vec::new(),
            probes: Vec::new(),
            pairs: Vec::new(),
        };
        if self.restarts != self.scan.restarts() {
            self.restarts = self.scan.restarts();
            step.found.push(Found::Restart);
        }
        for text in keys {
            match (self.pass, self.store.keys.parse(&text)) {
                (Pass::Sessions, Some(key)) => step.session(key),
                (Pass::Enrolments, Some(key)) => step.derived(key).await?,
                (Pass::Summaries, Some(key)) => step.summary(key),
                (Pass::Enrolments, None) => {
                    // A key may have control sequences of terminals.
                    let text = text.as_bytes().escape_ascii().to_string();
                    step.found.push(Found::Unknown(text));
                }
                (_, None) => {}
            }
        }
        if self.pass == Pass::Sessions {
            // A probe for each session.
            let sessions = step.probes.len() as u64;
            step.found.push(Found::Sessions(sessions));
        }
        let mut found = step.found;
        found.extend(probes::send(self.store, step.probes).await?);
        found.extend(probes::send_pairs(self.store, step.pairs).await?);
        Ok(Some(found))
    }
}

/// Findings of a step of a pass.
struct Step<'a> {
    store: &'a RedisStore,
    found: Vec<Found>,
    probes: Vec<Probe>,
    pairs: Vec<Pair>,
}

impl Step<'_> {
    /// Finds a session without an entry in the session index.
    fn session(&mut self, key: Key) {
        let Key::Session(enrolment, session) = key else {
            return;
        };
        let mut command = cmd("ZSCORE");
        command.arg(self.store.keys.timeline(enrolment));
        command.arg(session.as_bytes());
        let finding = Found::Unindexed(enrolment, session);
        self.probes.push(Probe {
            bucket: bucket::of(enrolment.learner),
            command,
            absent: Some(finding.clone()),
            other_type: Some(finding),
        });
    }

    /// Finds enrolments, and damaged indexes.
    async fn derived(&mut self, key: Key) -> Result<(), StoreError> {
        match key {
            Key::Totals(enrolment) => self.found.push(Found::Enrolment(enrolment)),
            Key::Timeline(enrolment) => self.pairs.push(Pair {
                bucket: bucket::of(enrolment.learner),
                index: self.store.keys.timeline(enrolment),
                aggregate: self.store.keys.totals(enrolment),
                count: |totals| Some(totals.totals()?.totals.sessions),
                differs: Found::Enrolment(enrolment),
                other_type: Found::OtherType(Location::SessionIndex(enrolment)),
            }),
            Key::Courses(learner) => self.course_index(learner).await?,
            Key::Roster(bucket, course) => self.roster(bucket, course).await?,
            Key::Erased(learner) => self.probes.push(Probe {
                bucket: bucket::of(learner),
                command: reads::text(&self.store.keys.erased(learner)),
                absent: None,
                other_type: Some(Found::OtherType(Location::Erasure(learner))),
            }),
            Key::Session(..) | Key::Summary(..) => {}
        }
        Ok(())
    }

    /// Finds a summary, or a roster without a summary.
    fn summary(&mut self, key: Key) {
        match key {
            Key::Summary(bucket, course) => self.found.push(Found::Summary(bucket, course)),
            Key::Roster(bucket, course) => self.pairs.push(Pair {
                bucket,
                index: self.store.keys.roster_in(bucket, course),
                aggregate: self.store.keys.summary_in(bucket, course),
                count: |summary| Some(summary.summary()?.summary.learners),
                differs: Found::Summary(bucket, course),
                // A finding of the enrolments' pass.
                other_type: Found::Summary(bucket, course),
            }),
            _ => {}
        }
    }

    /// Finds an enrolment without totals.
    fn totals(&mut self, enrolment: Enrolment) {
        self.probes.push(Probe {
            bucket: bucket::of(enrolment.learner),
            command: reads::text(&self.store.keys.totals(enrolment)),
            absent: Some(Found::Enrolment(enrolment)),
            other_type: None,
        });
    }

    async fn course_index(&mut self, learner: LearnerId) -> Result<(), StoreError> {
        let index = Location::CourseIndex(learner);
        let key = self.store.keys.courses(learner);
        for (member, score) in self.members(index, &key, bucket::of(learner)).await? {
            match codec::id(&member) {
                Ok(course) => self.totals(Enrolment::new(learner, course.into())),
                Err(_) => self.invalid(index, member, score),
            }
        }
        Ok(())
    }

    async fn roster(&mut self, bucket: u16, course: CourseId) -> Result<(), StoreError> {
        let index = Location::Roster(bucket, course);
        let key = self.store.keys.roster_in(bucket, course);
        for (member, score) in self.members(index, &key, bucket).await? {
            match codec::id(&member).map(LearnerId::from) {
                Ok(learner) if bucket::of(learner) == bucket => {
                    self.totals(Enrolment::new(learner, course));
                }
                _ => self.invalid(index, member, score),
            }
        }
        Ok(())
    }

    fn invalid(&mut self, index: Location, member: Vec<u8>, score: String) {
        let entry = InvalidEntry {
            index,
            member,
            score,
        };
        self.found.push(Found::Invalid(entry));
    }

    /// Reads all members of an index, some more than once; none of an index of another type, which is a finding.
    async fn members(
        &mut self,
        index: Location,
        key: &str,
        bucket: u16,
    ) -> Result<Vec<(Vec<u8>, String)>, StoreError> {
        let (mut members, mut cursor) = (Vec::new(), 0u64);
        loop {
            let mut command = cmd("ZSCAN");
            command.arg(key).arg(cursor).arg("COUNT").arg(STEP);
            let commands = vec![(bucket, command)];
            let mut replies = self.store.query_typed_retried(commands).await?;
            let Some(Ok((next, page))) = replies.pop() else {
                self.found.push(Found::OtherType(index));
                return Ok(members);
            };
            let page: Vec<(Vec<u8>, String)> = page;
            members.extend(page);
            cursor = next;
            if cursor == 0 {
                return Ok(members);
            }
        }
    }
}
