//! Optional fields of a session's row: a further field is no new version of the layout.
//!
//! Each field is a tag of one byte and a number of eight bytes, little-endian. A program keeps the fields that
//! it does not know.

use crate::store::StoreError;

/// Length of a field, in bytes.
const FIELD: usize = 9;
/// Tag of the version of the session.
const VERSION: u8 = b'v';

/// Optional fields as bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OptionalFields(pub(super) Vec<u8>);

impl OptionalFields {
    /// Returns the version of the session; `None` without the field.
    ///
    /// # Errors
    ///
    /// The bytes are no fields.
    pub(super) fn version(&self) -> Result<Option<i64>, StoreError> {
        let (fields, rest) = self.0.as_chunks::<FIELD>();
        if !rest.is_empty() {
            let text = "a stored session has damaged optional fields";
            return Err(StoreError::Unexpected(text.into()));
        }
        let version = fields.iter().find(|[tag, ..]| *tag == VERSION);
        Ok(
            version
                .map(|&[_, a, b, c, d, e, f, g, h]| i64::from_le_bytes([a, b, c, d, e, f, g, h])),
        )
    }

    /// Sets or removes the version of the session. The other fields stay.
    pub(super) fn set_version(&mut self, version: Option<i64>) {
        let fields = self.0.chunks(FIELD);
        let others = fields.filter(|field| field.first() != Some(&VERSION));
        let mut fields: Vec<u8> = others.flatten().copied().collect();
        if let Some(version) = version {
            fields.push(VERSION);
            fields.extend(version.to_le_bytes());
        }
        self.0 = fields;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_a_later_program_is_kept() {
        let later: Vec<u8> = [b"x12345678".as_slice(), b"y12345678"].concat();
        let mut fields = OptionalFields(later.clone());
        assert_eq!(fields.version().unwrap(), None);
        for version in [i64::MIN, -1, 0, i64::MAX] {
            fields.set_version(Some(version));
            assert_eq!(fields.version().unwrap(), Some(version));
            assert_eq!(fields.0[..18], later);
        }
        fields.set_version(None);
        assert_eq!(fields.0, later);
    }

    #[test]
    fn damaged_fields_are_an_error() {
        assert!(OptionalFields(b"v123".to_vec()).version().is_err());
    }
}
