//! Texts of the keys.
//!
//! A key is `prefix:{bucket}:kind:ids…`. Redis Cluster hashes only the text between the first braces, so all
//! keys of a bucket share a slot, and a script may use several keys of a bucket
//! (<https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags>). Ids are 16 bytes
//! as 22 characters of base64url, a third shorter than the hyphenated form.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::domain::{CourseId, Enrolment, LearnerId, Record, SessionId};
use crate::store::bucket::{self, BUCKETS};

/// Maximum number of characters between the prefix and the ids of a key.
const BEFORE_IDS: usize = ":{1023}:s".len();
/// Number of characters of a colon and an id.
const PER_ID: usize = ":AZPU8XorfD2eT1prfI2eDw".len();

/// Parsed key: the kind of the value, with the ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Session(Enrolment, SessionId),
    Totals(Enrolment),
    Timeline(Enrolment),
    Courses(LearnerId),
    Summary(u16, CourseId),
    Roster(u16, CourseId),
    Erased(LearnerId),
}

/// Keys of one prefix. Services with different prefixes can share a Redis.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    /// `prefix` must not contain braces, which would replace the hash tag.
    pub(crate) fn new(prefix: String) -> Self {
        Self { prefix }
    }

    /// Hash: a session.
    pub(crate) fn session(&self, enrolment: Enrolment, session: SessionId) -> String {
        let Enrolment { learner, course } = enrolment;
        self.key(
            learner,
            's',
            &[&encoded(learner), &encoded(course), &encoded(session)],
        )
    }

    /// String: totals of an enrolment.
    pub(crate) fn totals(&self, enrolment: Enrolment) -> String {
        let Enrolment { learner, course } = enrolment;
        self.key(learner, 'a', &[&encoded(learner), &encoded(course)])
    }

    /// Sorted set, the session index: ids of an enrolment's sessions by time.
    pub(crate) fn timeline(&self, enrolment: Enrolment) -> String {
        let Enrolment { learner, course } = enrolment;
        self.key(learner, 'i', &[&encoded(learner), &encoded(course)])
    }

    /// Sorted set, the course index: ids of a learner's courses by time of the latest session.
    pub(crate) fn courses(&self, learner: LearnerId) -> String {
        self.key(learner, 'u', &[&encoded(learner)])
    }

    /// String: summary of the course over the learners of the learner's bucket.
    pub(crate) fn summary(&self, enrolment: Enrolment) -> String {
        self.summary_in(bucket::of(enrolment.learner), enrolment.course)
    }

    /// String: summary of a course over the learners of a bucket.
    pub(crate) fn summary_in(&self, bucket: u16, course: CourseId) -> String {
        self.key_in(bucket, 'y', &[&encoded(course)])
    }

    /// Sorted set, the roster: ids of a bucket's learners with sessions in a course, all with the score 0.
    pub(crate) fn roster_in(&self, bucket: u16, course: CourseId) -> String {
        self.key_in(bucket, 'r', &[&encoded(course)])
    }

    /// String: time of the learner's erasure.
    pub(crate) fn erased(&self, learner: LearnerId) -> String {
        self.key(learner, 'x', &[&encoded(learner)])
    }

    /// Hash: result of the last verification. The key has no bucket, so no scan of the other keys returns
    /// the key.
    pub(crate) fn verified(&self) -> String {
        format!("{}:verified", self.prefix)
    }

    /// String: version of the layout. The key has no bucket, as that of the last verification.
    pub(crate) fn schema(&self) -> String {
        format!("{}:schema", self.prefix)
    }

    /// Bucket of a key of this prefix, of any kind; `None` for a text without a bucket.
    pub(crate) fn bucket_of(&self, text: &str) -> Option<u16> {
        let tagged = text.strip_prefix(&self.prefix)?.strip_prefix(":{")?;
        let (bucket, _) = tagged.split_once('}')?;
        bucket.parse().ok().filter(|bucket| *bucket < BUCKETS)
    }

    /// Text of a session's key up to the session's id, which follows as in [`encoded`].
    pub(crate) fn session_prefix(&self, enrolment: Enrolment) -> String {
        let Enrolment { learner, course } = enrolment;
        let ids = [&*encoded(learner), &*encoded(course), ""];
        self.key(learner, 's', &ids)
    }

    /// Text of the keys of totals up to the learner's id, and the text of the course's id, which follows after a
    /// colon.
    pub(crate) fn totals_prefix(&self, bucket: u16, course: CourseId) -> (String, String) {
        (self.key_in(bucket, 'a', &[""]), encoded(course))
    }

    /// Keys of the record script, in the script's order.
    pub(crate) fn of_record(&self, record: &Record) -> [String; 7] {
        self.all(record.enrolment, record.session)
    }

    /// Keys of the delete script, in the script's order.
    pub(crate) fn of_delete(&self, enrolment: Enrolment, sessions: &[SessionId]) -> Vec<String> {
        let mut keys = vec![
            self.totals(enrolment),
            self.timeline(enrolment),
            self.courses(enrolment.learner),
            self.summary(enrolment),
            self.roster_in(bucket::of(enrolment.learner), enrolment.course),
        ];
        keys.extend(sessions.iter().map(|&id| self.session(enrolment, id)));
        keys
    }

    /// Keys of the erase script, in the script's order.
    pub(crate) fn of_erase(&self, learner: LearnerId) -> Vec<String> {
        vec![self.erased(learner), self.courses(learner)]
    }

    /// Keys of a record that never exists, to check permissions on keys.
    pub(crate) fn of_nobody(&self) -> [String; 7] {
        let nil = Uuid::nil();
        self.all(Enrolment::new(nil.into(), nil.into()), nil.into())
    }

    /// Parses a key; `None` for a text that is no key of this prefix.
    pub(crate) fn parse(&self, text: &str) -> Option<Key> {
        let (bucket, rest) = text
            .strip_prefix(&self.prefix)?
            .strip_prefix(":{")?
            .split_once("}:")?;
        let mut parts = rest.split(':');
        let kind = parts.next()?;
        let ids: Option<Vec<Uuid>> = parts.map(decoded).collect();
        let key = match (kind, &ids?[..]) {
            ("s", &[learner, course, session]) => Key::Session(
                Enrolment::new(learner.into(), course.into()),
                session.into(),
            ),
            ("a", &[learner, course]) => Key::Totals(Enrolment::new(learner.into(), course.into())),
            ("i", &[learner, course]) => {
                Key::Timeline(Enrolment::new(learner.into(), course.into()))
            }
            ("u", &[learner]) => Key::Courses(learner.into()),
            ("y", &[course]) => Key::Summary(bucket.parse().ok()?, course.into()),
            ("r", &[course]) => Key::Roster(bucket.parse().ok()?, course.into()),
            ("x", &[learner]) => Key::Erased(learner.into()),
            _ => return None,
        };
        // Another text is no key: in a wrong bucket, for example.
        (self.text(key)? == text).then_some(key)
    }

    /// Text of a key; `None` for a bucket out of range.
    fn text(&self, key: Key) -> Option<String> {
        Some(match key {
            Key::Session(enrolment, session) => self.session(enrolment, session),
            Key::Totals(enrolment) => self.totals(enrolment),
            Key::Timeline(enrolment) => self.timeline(enrolment),
            Key::Courses(learner) => self.courses(learner),
            Key::Summary(bucket, course) if bucket < BUCKETS => self.summary_in(bucket, course),
            Key::Roster(bucket, course) if bucket < BUCKETS => self.roster_in(bucket, course),
            Key::Summary(..) | Key::Roster(..) => return None,
            Key::Erased(learner) => self.erased(learner),
        })
    }

    /// Pattern of the keys of a kind, or of all keys with a bucket.
    pub(crate) fn pattern(&self, kind: Option<char>) -> String {
        match kind {
            Some(kind) => format!("{}:{{*}}:{kind}:*", self.prefix),
            None => format!("{}:{{*", self.prefix),
        }
    }

    /// Prefix of all keys.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Encodes each id once, as every write needs these keys.
    fn all(&self, enrolment: Enrolment, session: SessionId) -> [String; 7] {
        let Enrolment { learner, course } = enrolment;
        let bucket = bucket::of(learner);
        let (u, c, s) = (&*encoded(learner), &*encoded(course), &*encoded(session));
        [
            self.key_in(bucket, 's', &[u, c, s]),
            self.key_in(bucket, 'a', &[u, c]),
            self.key_in(bucket, 'i', &[u, c]),
            self.key_in(bucket, 'u', &[u]),
            self.key_in(bucket, 'y', &[c]),
            self.key_in(bucket, 'x', &[u]),
            self.key_in(bucket, 'r', &[c]),
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

/// Text of an id in keys.
fn encoded(id: impl Into<Uuid>) -> String {
    URL_SAFE_NO_PAD.encode(id.into().as_bytes())
}

/// Id of a text in keys.
fn decoded(text: &str) -> Option<Uuid> {
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

    fn all_keys() -> [String; 7] {
        let (enrolment, session) = ids();
        Keys::new("ss".into()).all(enrolment, session)
    }

    #[test]
    fn keys_have_the_documented_texts() {
        assert_eq!(
            all_keys(),
            [
                "ss:{194}:s:AZPU8XorfD2eT1prfI2eDw:-_-__wAAQACAAAAAAAAAAQ:AAAAAAAAAAAAAAAAAAAAAA",
                "ss:{194}:a:AZPU8XorfD2eT1prfI2eDw:-_-__wAAQACAAAAAAAAAAQ",
                "ss:{194}:i:AZPU8XorfD2eT1prfI2eDw:-_-__wAAQACAAAAAAAAAAQ",
                "ss:{194}:u:AZPU8XorfD2eT1prfI2eDw",
                "ss:{194}:y:-_-__wAAQACAAAAAAAAAAQ",
                "ss:{194}:x:AZPU8XorfD2eT1prfI2eDw",
                "ss:{194}:r:-_-__wAAQACAAAAAAAAAAQ",
            ]
        );
    }

    #[test]
    fn every_key_parses_to_its_kind_and_other_texts_do_not() {
        let keys = Keys::new("ss".into());
        let (enrolment, session) = ids();
        let parsed = [
            Key::Session(enrolment, session),
            Key::Totals(enrolment),
            Key::Timeline(enrolment),
            Key::Courses(enrolment.learner),
            Key::Summary(194, enrolment.course),
            Key::Erased(enrolment.learner),
            Key::Roster(194, enrolment.course),
        ];
        assert_eq!(all_keys().map(|key| keys.parse(&key)), parsed.map(Some));
        let totals = &all_keys()[1];
        for other in [
            totals.replace("ss:", "other:"),
            totals.replace("{194}", "{195}"),
            totals.replace(":a:", ":y:"),
            totals.replace(":a:", ":t:"),
            totals.replace("AZPU", "azpu"),
            format!("{totals}:AAAAAAAAAAAAAAAAAAAAAA"),
            format!("{totals}A"),
            "ss:{1024}:y:AAAAAAAAAAAAAAAAAAAAAA".into(),
            "ss:{07}:y:AAAAAAAAAAAAAAAAAAAAAA".into(),
            "ss:{194}:a".into(),
        ] {
            assert_eq!(keys.parse(&other), None, "{other}");
        }
    }

    #[test]
    fn all_keys_of_a_record_share_the_slot_of_their_bucket() {
        // redis-cli cluster keyslot 'ss:{194}:a:AZPU8XorfD2eT1prfI2eDw:-_-__wAAQACAAAAAAAAAAQ'
        assert_eq!(all_keys().map(|key| slot(&key)), [15183; 7]);
    }

    /// Slot of a key with a hash tag: CRC-16/XMODEM of the tag, modulo 16,384.
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
