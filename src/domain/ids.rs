//! The three ids of the API. Each id is a type, so that no id is passed in the place of another.

use std::fmt;

use uuid::Uuid;

/// Error of a text that is not a hyphenated UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a hyphenated UUID")]
pub struct InvalidId;

/// Parses a UUID of any version in the hyphenated form of 36 characters, in upper or lower case.
///
/// `Uuid` also parses the simple, braced and URN forms; the check of the length excludes these.
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
            /// Parses a hyphenated UUID of any version, in upper or lower case.
            ///
            /// # Errors
            ///
            /// Returns [`InvalidId`] for any other text.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                parse_hyphenated(text).map(Self)
            }

            /// Returns the UUID's 16 bytes, in network order.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// Returns the UUID as a number. Numbers, bytes and texts of ids sort alike.
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
    /// Id of a learner: `userId` in JSON, header `X-User-Id` of requests.
    LearnerId
}
id! {
    /// Id of a course: `courseId` in JSON.
    CourseId
}
id! {
    /// Id of a session: `sessionId` in JSON.
    ///
    /// Unique within an [`Enrolment`](super::Enrolment) only: under another learner, or in another course,
    /// the same UUID is another session.
    SessionId
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f";

    #[test]
    fn a_hyphenated_uuid_is_parsed_in_either_case_and_written_in_lower_case() {
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
    fn other_forms_of_a_uuid_are_refused() {
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
