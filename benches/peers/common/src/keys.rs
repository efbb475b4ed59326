//! The keys of a learner's data, spelled on the stack. See `src/store/redis/keys.rs` of the project.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::bucket;
use crate::domain::LearnerId;

/// Bytes of an id in a key.
const ID: usize = 22;
/// The longest key: `ss:{1023}:s` and three ids, each behind a colon.
const LONGEST: usize = 11 + 3 * (ID + 1);

/// An id as keys have it.
pub(crate) type EncodedId = [u8; ID];

pub(crate) fn encode(id: &[u8; 16]) -> EncodedId {
    let mut encoded = [0; ID];
    let written = URL_SAFE_NO_PAD.encode_slice(id, &mut encoded);
    debug_assert_eq!(written, Ok(ID));
    encoded
}

/// A key.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Key {
    /// What all keys of a learner begin with.
    pub(crate) fn start(learner: LearnerId) -> Self {
        let mut key = Self {
            bytes: [0; LONGEST],
            length: 0,
        };
        key.push(b"ss:{");
        key.push(itoa::Buffer::new().format(bucket::of(learner)).as_bytes());
        key.push(b"}:");
        key
    }

    /// The key of a kind and these ids that begins like this one.
    pub(crate) fn of(mut self, kind: u8, ids: &[&EncodedId]) -> Self {
        self.push(&[kind]);
        for id in ids {
            self.push(b":");
            self.push(*id);
        }
        self
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }
}
