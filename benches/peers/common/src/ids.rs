//! Ids as serde reads them, from a path or a body.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::domain::{CourseId, LearnerId, SessionId};

/// An id that serde reads without an allocation.
#[derive(Debug, Clone, Copy)]
pub struct Id<T>(pub T);

/// The domain's ids.
pub trait Parse: Sized {
    /// The id that is written so.
    fn parse(text: &str) -> Option<Self>;
}

macro_rules! parse {
    ($($id:ident),+) => {
        $(impl Parse for $id {
            fn parse(text: &str) -> Option<Self> {
                Self::parse(text).ok()
            }
        })+
    };
}
parse!(LearnerId, CourseId, SessionId);

impl<T: Parse> Id<T> {
    /// The id that these bytes, of a header, are.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<T> {
        T::parse(str::from_utf8(bytes).ok()?)
    }
}

impl<'de, T: Parse> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(IdVisitor(PhantomData))
    }
}

struct IdVisitor<T>(PhantomData<T>);

impl<T: Parse> Visitor<'_> for IdVisitor<T> {
    type Value = Id<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a hyphenated UUID")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Id<T>, E> {
        T::parse(text)
            .map(Id)
            .ok_or_else(|| E::custom("not a hyphenated UUID"))
    }
}
