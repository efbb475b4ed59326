//! Buckets: groups of learners.

use crate::domain::LearnerId;

/// Number of buckets. Part of the data model: data written with another number is unreadable.
pub(crate) const BUCKETS: u16 = 1_024;

/// Returns the bucket of a learner: the CRC-32 (of zlib and PNG) of the UUID's 16 bytes, modulo
/// [`BUCKETS`].
///
/// A course has a summary per bucket. On Redis, all keys of a record are in one slot therefore, and the
/// learners of a course spread over the whole Cluster.
pub(crate) fn of(learner: LearnerId) -> u16 {
    let bucket = crc32fast::hash(learner.as_bytes()) % u32::from(BUCKETS);
    #[allow(clippy::cast_possible_truncation, reason = "less than 1,024")]
    let bucket = bucket as u16;
    bucket
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_learners_have_known_buckets() {
        // python3 -c 'import uuid, zlib; print(zlib.crc32(uuid.UUID("…").bytes) % 1024)'
        for (learner, bucket) in [
            ("00000000-0000-0000-0000-000000000000", 853),
            ("0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f", 194),
        ] {
            assert_eq!(of(LearnerId::parse(learner).unwrap()), bucket);
        }
    }
}
