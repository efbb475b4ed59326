//! The three ids of the API, each a type of its own so that they cannot be mixed up.

use std::fmt;

use uuid::Uuid;

/// The text is not a hyphenated UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a hyphenated UUID")]
pub struct InvalidId;

/// Reads a UUID of any version in its hyphenated form of 36 characters, in either case.
///
/// `Uuid` itself also reads the simple, braced and URN forms; their lengths tell them apart.
fn parse_hyphenated(text: &str) -> Result<Uuid, InvalidId> {
    if text.len() != uuid::fmt::Hyphenated::LENGTH {
        return Err(InvalidId);
    }
    Uuid::try_parse(text).map_err(|_| InvalidId)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Reads a hyphenated UUID of any version, in either case.
            ///
            /// # Errors
            ///
            /// Any other text is an [`InvalidId`].
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                parse_hyphenated(text).map(Self)
            }

            /// The UUID's 16 bytes, in network order.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The UUID as a number that sorts as its text does.
            #[must_use]
            pub fn as_u128(&self) -> u128 {
                self.0.as_u128()
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            /// Writes the hyphenated form in lower case.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    };
}

id! {
    /// A learner: `userId` in messages, `X-User-Id` in requests.
    LearnerId
}
id! {
    /// A course: `courseId`.
    CourseId
}
id! {
    /// One study session of one learner in one course: `sessionId`.
    ///
    /// It names a session within its learner and course only: the same UUID under another learner
    /// is another session.
    SessionId
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f";

    #[test]
    fn a_hyphenated_uuid_is_read_in_either_case_and_written_in_lower_case() {
        let upper = LearnerId::parse(&TEXT.to_uppercase()).unwrap();
        assert_eq!(upper, LearnerId::parse(TEXT).unwrap());
        assert_eq!(upper.to_string(), TEXT);
    }

    #[test]
    fn every_version_is_an_id() {
        for text in [
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "c9bf9e57-1685-1c89-bafb-ff5af830be8a",
            "c9bf9e57-1685-4c89-0afb-ff5af830be8a",
        ] {
            assert_eq!(CourseId::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_forms_are_refused() {
        let simple = TEXT.replace('-', "");
        for text in [
            "",
            "x",
            &simple,
            &format!("{{{TEXT}}}"),
            &format!("urn:uuid:{TEXT}"),
            &format!(" {TEXT}"),
            &TEXT.replace('0', "g"),
            &TEXT.replace('-', "_"),
            "0193d4f17-a2b-7c3d-9e4f-5a6b7c8d9e0f",
            "0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9eé",
        ] {
            assert_eq!(SessionId::parse(text), Err(InvalidId), "{text:?}");
        }
    }
}
