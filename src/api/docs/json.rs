//! JSON with the members of objects in their order.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Object with its members in order.
pub(super) type Object = IndexMap<String, Json>;

/// JSON value. serde_json sorts the members of objects; readers of the document expect the order of the
/// declarations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Json {
    /// Object.
    Object(Object),
    /// Array.
    Array(Vec<Json>),
    /// Text, number, boolean or null.
    Scalar(Value),
}

impl Json {
    /// Object with one member.
    pub(super) fn object(name: &str, value: impl Into<Self>) -> Self {
        Self::Object(Object::from([(name.to_owned(), value.into())]))
    }

    /// Value of a member; `None` in every other value than an object.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(object) => object.get(name),
            _ => None,
        }
    }

    /// Value of a member of a member.
    pub(super) fn at_mut(&mut self, path: &[&str]) -> Option<&mut Self> {
        path.iter().try_fold(self, |value, name| match value {
            Self::Object(object) => object.get_mut(*name),
            _ => None,
        })
    }

    /// Text; empty for every other value.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Scalar(value) => value.as_str().unwrap_or_default(),
            _ => "",
        }
    }

    /// Object in the member `name`, inserted if missing; `None` if a value of another kind is in its place.
    pub(super) fn object_mut(&mut self, name: &str) -> Option<&mut Object> {
        let Self::Object(object) = self else {
            return None;
        };
        let member = object.entry(name.to_owned());
        match member.or_insert_with(|| Self::Object(Object::new())) {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Values of the members or elements.
    pub(super) fn children_mut(&mut self) -> Vec<&mut Self> {
        match self {
            Self::Object(object) => object.values_mut().collect(),
            Self::Array(array) => array.iter_mut().collect(),
            Self::Scalar(_) => Vec::new(),
        }
    }

    /// Calls `change` for every object, inner objects first.
    pub(super) fn for_each_object(&mut self, change: &impl Fn(&mut Object)) {
        for child in self.children_mut() {
            child.for_each_object(change);
        }
        if let Self::Object(object) = self {
            change(object);
        }
    }
}

impl<T: Into<Value>> From<T> for Json {
    fn from(value: T) -> Self {
        Self::Scalar(value.into())
    }
}
