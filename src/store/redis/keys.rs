//! How the keys are spelled.
//!
//! Each is `prefix:{bucket}:kind:ids…`. Redis Cluster hashes only what stands between the first
//! braces, so all keys of a bucket share a slot and one script may touch them together
//! (<https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags>). Ids
//! are their 16 bytes as 22 characters of base64url, a third shorter than the hyphenated form.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::domain::{CourseId, Enrolment, LearnerId, Record, SessionId};
use crate::store::bucket::{self, BUCKETS};

/// Most characters of a key between its prefix and its ids.
const BEFORE_IDS: usize = ":{1023}:s".len();
/// Characters of an id and what stands before it.
const PER_ID: usize = ":AZPU8XorfD2eT1prfI2eDw".len();

/// What a key is the key of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    Session(Enrolment, SessionId),
    Totals(Enrolment),
    Timeline(Enrolment),
    Courses(LearnerId),
    Summary(u16, CourseId),
    Erased(LearnerId),
}

/// Spells keys that begin with one prefix, which lets several services share a Redis.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    /// `prefix` must have no braces: they would end up in front of the hash tag.
    pub(crate) fn new(prefix: String) -> Self {
        Self { prefix }
    }

    /// Hash: one session.
    pub(crate) fn session(&self, enrolment: Enrolment, session: SessionId) -> String {
        let Enrolment { learner, course } = enrolment;
        self.key(
            learner,
            's',
            &[&text(learner), &text(course), &text(session)],
        )
    }

    /// Hash: a learner's totals in a course.
    pub(crate) fn totals(&self, enrolment: Enrolment) -> String {
        let Enrolment { learner, course } = enrolment;
        self.key(learner, 't', &[&text(learner), &text(course)])
    }

    /// Sorted set: a learner's sessions in a course by the time they occurred.
    pub(crate) fn timeline(&self, enrolment: Enrolment) -> String {
        let Enrolment { learner, course } = enrolment;
        self.key(learner, 'i', &[&text(learner), &text(course)])
    }

    /// Sorted set: a learner's courses by the time of their latest session.
    pub(crate) fn courses(&self, learner: LearnerId) -> String {
        self.key(learner, 'u', &[&text(learner)])
    }

    /// Hash: the course's summary over the learners of this learner's bucket.
    pub(crate) fn summary(&self, enrolment: Enrolment) -> String {
        self.summary_in(bucket::of(enrolment.learner), enrolment.course)
    }

    /// Hash: the course's summary over the learners of a bucket.
    pub(crate) fn summary_in(&self, bucket: u16, course: CourseId) -> String {
        self.key_in(bucket, 'c', &[&text(course)])
    }

    /// String: when the learner was erased.
    pub(crate) fn erased(&self, learner: LearnerId) -> String {
        self.key(learner, 'x', &[&text(learner)])
    }

    /// Hash: what the last verification came to. In no bucket, as it is of all of them: so no scan of
    /// the others comes by it.
    pub(crate) fn verified(&self) -> String {
        format!("{}:verified", self.prefix)
    }

    /// The keys of the record script, in its order.
    pub(crate) fn of_record(&self, record: &Record) -> [String; 6] {
        self.all(record.enrolment, record.session)
    }

    /// The keys of the forget script, in its order.
    pub(crate) fn of_forgotten(&self, enrolment: Enrolment, sessions: &[SessionId]) -> Vec<String> {
        let mut keys = vec![
            self.totals(enrolment),
            self.timeline(enrolment),
            self.courses(enrolment.learner),
            self.summary(enrolment),
        ];
        keys.extend(sessions.iter().map(|&id| self.session(enrolment, id)));
        keys
    }

    /// The keys of a record that there is none of, to try out what may be done with them.
    pub(crate) fn of_nobody(&self) -> [String; 6] {
        let nobody = Uuid::nil();
        self.all(Enrolment::new(nobody.into(), nobody.into()), nobody.into())
    }

    /// What a key is the key of; `None` where it is not spelled as any is.
    pub(crate) fn read(&self, key: &str) -> Option<Name> {
        let (bucket, rest) = key
            .strip_prefix(&self.prefix)?
            .strip_prefix(":{")?
            .split_once("}:")?;
        let mut parts = rest.split(':');
        let kind = parts.next()?;
        let ids: Option<Vec<Uuid>> = parts.map(id).collect();
        let name = match (kind, &ids?[..]) {
            ("s", &[learner, course, session]) => Name::Session(
                Enrolment::new(learner.into(), course.into()),
                session.into(),
            ),
            ("t", &[learner, course]) => {
                Name::Totals(Enrolment::new(learner.into(), course.into()))
            }
            ("i", &[learner, course]) => {
                Name::Timeline(Enrolment::new(learner.into(), course.into()))
            }
            ("u", &[learner]) => Name::Courses(learner.into()),
            ("c", &[course]) => Name::Summary(bucket.parse().ok()?, course.into()),
            ("x", &[learner]) => Name::Erased(learner.into()),
            _ => return None,
        };
        // Else it may be one in a bucket that is not the learner's, where nobody looks for it.
        (self.spell(name)? == key).then_some(name)
    }

    /// The key of that name; `None` where there is no such bucket.
    fn spell(&self, name: Name) -> Option<String> {
        Some(match name {
            Name::Session(enrolment, session) => self.session(enrolment, session),
            Name::Totals(enrolment) => self.totals(enrolment),
            Name::Timeline(enrolment) => self.timeline(enrolment),
            Name::Courses(learner) => self.courses(learner),
            Name::Summary(bucket, course) if bucket < BUCKETS => self.summary_in(bucket, course),
            Name::Summary(..) => return None,
            Name::Erased(learner) => self.erased(learner),
        })
    }

    /// The pattern of the keys of a kind, or of all.
    pub(crate) fn pattern(&self, kind: Option<char>) -> String {
        match kind {
            Some(kind) => format!("{}:{{*}}:{kind}:*", self.prefix),
            None => format!("{}:{{*", self.prefix),
        }
    }

    /// What every key begins with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Each id is spelled but once: these are the keys of every write.
    fn all(&self, enrolment: Enrolment, session: SessionId) -> [String; 6] {
        let Enrolment { learner, course } = enrolment;
        let bucket = bucket::of(learner);
        let (u, c, s) = (&*text(learner), &*text(course), &*text(session));
        [
            self.key_in(bucket, 's', &[u, c, s]),
            self.key_in(bucket, 't', &[u, c]),
            self.key_in(bucket, 'i', &[u, c]),
            self.key_in(bucket, 'u', &[u]),
            self.key_in(bucket, 'c', &[c]),
            self.key_in(bucket, 'x', &[u]),
        ]
    }

    fn key(&self, learner: LearnerId, kind: char, ids: &[&str]) -> String {
        self.key_in(bucket::of(learner), kind, ids)
    }

    fn key_in(&self, bucket: u16, kind: char, ids: &[&str]) -> String {
        let length = self.prefix.len() + BEFORE_IDS + ids.len() * PER_ID;
        let mut key = String::with_capacity(length);
        key.push_str(&self.prefix);
        key.push_str(":{");
        key.push_str(itoa::Buffer::new().format(bucket));
        key.push_str("}:");
        key.push(kind);
        for id in ids {
            key.push(':');
            key.push_str(id);
        }
        key
    }
}

/// An id as it stands in keys.
fn text(id: impl Into<Uuid>) -> String {
    URL_SAFE_NO_PAD.encode(id.into().as_bytes())
}

/// The id that stands in a key as this text.
fn id(text: &str) -> Option<Uuid> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    Uuid::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> (Enrolment, SessionId) {
        let learner = LearnerId::parse("0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f");
        let course = CourseId::parse("fbffbfff-0000-4000-8000-000000000001");
        (
            Enrolment::new(learner.unwrap(), course.unwrap()),
            SessionId::parse("00000000-0000-0000-0000-000000000000").unwrap(),
        )
    }

    fn all_keys() -> [String; 6] {
        let (enrolment, session) = ids();
        Keys::new("ss".into()).all(enrolment, session)
    }

    #[test]
    fn keys_are_spelled_so_and_not_otherwise() {
        assert_eq!(
            all_keys(),
            [
                "ss:{194}:s:AZPU8XorfD2eT1prfI2eDw:-_-__wAAQACAAAAAAAAAAQ:AAAAAAAAAAAAAAAAAAAAAA",
                "ss:{194}:t:AZPU8XorfD2eT1prfI2eDw:-_-__wAAQACAAAAAAAAAAQ",
                "ss:{194}:i:AZPU8XorfD2eT1prfI2eDw:-_-__wAAQACAAAAAAAAAAQ",
                "ss:{194}:u:AZPU8XorfD2eT1prfI2eDw",
                "ss:{194}:c:-_-__wAAQACAAAAAAAAAAQ",
                "ss:{194}:x:AZPU8XorfD2eT1prfI2eDw",
            ]
        );
    }

    #[test]
    fn every_key_is_read_as_what_it_is_and_others_are_not() {
        let keys = Keys::new("ss".into());
        let (enrolment, session) = ids();
        let names = [
            Name::Session(enrolment, session),
            Name::Totals(enrolment),
            Name::Timeline(enrolment),
            Name::Courses(enrolment.learner),
            Name::Summary(194, enrolment.course),
            Name::Erased(enrolment.learner),
        ];
        assert_eq!(all_keys().map(|key| keys.read(&key)), names.map(Some));
        let totals = &all_keys()[1];
        for other in [
            totals.replace("ss:", "other:"),
            totals.replace("{194}", "{195}"),
            totals.replace(":t:", ":c:"),
            totals.replace(":t:", ":y:"),
            totals.replace("AZPU", "azpu"),
            format!("{totals}:AAAAAAAAAAAAAAAAAAAAAA"),
            format!("{totals}A"),
            "ss:{1024}:c:AAAAAAAAAAAAAAAAAAAAAA".into(),
            "ss:{07}:c:AAAAAAAAAAAAAAAAAAAAAA".into(),
            "ss:{194}:t".into(),
        ] {
            assert_eq!(keys.read(&other), None, "{other}");
        }
    }

    #[test]
    fn all_keys_of_a_record_share_the_slot_of_their_bucket() {
        // redis-cli cluster keyslot 'ss:{194}:t:AZPU8XorfD2eT1prfI2eDw:-_-__wAAQACAAAAAAAAAAQ'
        assert_eq!(all_keys().map(|key| slot(&key)), [15183; 6]);
    }

    /// The slot of a key with a hash tag: CRC-16/XMODEM of the tag, modulo 16,384.
    fn slot(key: &str) -> u16 {
        let tag = key.split_once('{').unwrap().1.split_once('}').unwrap().0;
        let crc = tag.bytes().fold(0_u16, |crc, byte| {
            (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| {
                if crc & 0x8000 == 0 {
                    crc << 1
                } else {
                    crc << 1 ^ 0x1021
                }
            })
        });
        crc % 16_384
    }
}
