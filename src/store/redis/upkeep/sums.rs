//! Aggregates as they are stored, as they should be, and what lies between.

use std::ops::{Add, Sub};

use super::ask::OtherType;
use super::text;
use crate::domain::{Decimal, Totals};

/// The fields of an aggregate, in the order of `arithmetic.lua`.
pub(super) const FIELDS: [&str; 8] = ["m", "mf", "s", "sf", "t", "tf", "n", "l"];

/// The largest whole number up to which all are exact in Lua.
const EXACT: i64 = 1 << 53;

/// What an aggregate sums up, and by how much one differs from another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    modules: Decimal,
    score: Decimal,
    time: Decimal,
    pub(super) sessions: i128,
    pub(super) learners: i128,
}

impl Add for Sums {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            modules: self.modules + other.modules,
            score: self.score + other.score,
            time: self.time + other.time,
            sessions: self.sessions + other.sessions,
            learners: self.learners + other.learners,
        }
    }
}

impl Sub for Sums {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            modules: self.modules - other.modules,
            score: self.score - other.score,
            time: self.time - other.time,
            sessions: self.sessions - other.sessions,
            learners: self.learners - other.learners,
        }
    }
}

impl From<Totals> for Sums {
    fn from(totals: Totals) -> Self {
        Self {
            modules: totals.modules,
            score: totals.score,
            time: totals.time,
            sessions: totals.sessions.into(),
            learners: 0,
        }
    }
}

impl Sums {
    /// Whether a script can: its numbers are exact up to there.
    pub(super) fn can_be_counted_with(&self) -> bool {
        let sums = [self.modules, self.score, self.time];
        let numbers = self.numbers();
        sums.iter().all(|sum| sum.is_within_limit())
            && numbers.iter().all(|number| number.abs() <= EXACT.into())
    }

    /// Its fields, zeros included.
    fn numbers(&self) -> [i128; 8] {
        let parts = [self.modules, self.score, self.time].map(Decimal::to_parts);
        let [(m, mf), (s, sf), (t, tf)] = parts;
        let [m, mf, s, sf, t, tf] = [m, mf, s, sf, t, tf].map(i128::from);
        [m, mf, s, sf, t, tf, self.sessions, self.learners]
    }

    /// Its fields as a script takes them.
    pub(super) fn arguments(&self) -> impl Iterator<Item = Vec<u8>> {
        let numbers = self.numbers().into_iter();
        numbers.map(|number| number.to_string().into_bytes())
    }

    fn text(&self) -> String {
        let counts = [("l", self.learners), ("n", self.sessions)];
        let counts = counts.map(|(name, count)| (name, (count != 0).then(|| count.to_string())));
        let sums = [("m", self.modules), ("s", self.score), ("t", self.time)];
        let sums =
            sums.map(|(name, sum)| (name, (sum != Decimal::default()).then(|| sum.to_string())));
        text::fields(counts.into_iter().chain(sums))
    }
}

/// The fields of an aggregate as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored(pub(super) Result<[Option<String>; 8], OtherType>);

impl Stored {
    /// How an aggregate of these sums is spelled.
    fn of(sums: &Sums) -> Self {
        let numbers = sums.numbers();
        Self(Ok(
            numbers.map(|number| (number != 0).then(|| number.to_string()))
        ))
    }

    /// What it sums up, however it is spelled; `None` where a script cannot count with it.
    pub(super) fn sums(&self) -> Option<Sums> {
        let fields = self.0.as_ref().ok()?;
        let mut numbers = [0_i64; 8];
        for (number, field) in numbers.iter_mut().zip(fields) {
            *number = field.as_deref().map_or(Some(0), |text| text.parse().ok())?;
            if number.unsigned_abs() > EXACT.unsigned_abs() {
                return None;
            }
        }
        let [m, mf, s, sf, t, tf, n, l] = numbers;
        Some(Sums {
            modules: Decimal::from_parts(m, mf),
            score: Decimal::from_parts(s, sf),
            time: Decimal::from_parts(t, tf),
            sessions: n.into(),
            learners: l.into(),
        })
    }

    /// Its fields as a script takes them.
    pub(super) fn arguments(&self) -> Vec<Vec<u8>> {
        let fields = match &self.0 {
            Ok(fields) => fields.clone(),
            Err(OtherType) => {
                let mut fields = [const { None }; 8];
                fields[0] = Some(text::OTHER_TYPE.into());
                fields
            }
        };
        let fields = fields.into_iter();
        fields
            .map(|field| field.unwrap_or_default().into_bytes())
            .collect()
    }

    /// Its sums where it is spelled as it should be, else its fields.
    pub(super) fn text(&self) -> String {
        match (&self.0, self.sums()) {
            (_, Some(sums)) if *self == Self::of(&sums) => sums.text(),
            (Ok(fields), _) => text::fields(FIELDS.into_iter().zip(fields.clone())),
            (Err(OtherType), _) => text::OTHER_TYPE.into(),
        }
    }
}

/// An aggregate as it was found, and as it should have been at that moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) found: Stored,
    pub(super) expected: Sums,
}

/// What an aggregate lacks of what it should be: writes leave it as it is, as they move both alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lack {
    /// So much.
    Sums(Sums),
    /// All: it cannot be read, and so it cannot be written either.
    All(Standing),
}

impl Standing {
    pub(super) fn is_well(&self) -> bool {
        self.found == Stored::of(&self.expected)
    }

    pub(super) fn lack(&self) -> Lack {
        match self.found.sums() {
            Some(found) => Lack::Sums(self.expected - found),
            None => Lack::All(self.clone()),
        }
    }

    /// What is expected, and what is found.
    pub(super) fn texts(&self) -> (String, String) {
        (self.expected.text(), self.found.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(fields: &[(&str, &str)]) -> Stored {
        let fields = FIELDS.map(|name| {
            let field = fields.iter().find(|(other, _)| *other == name);
            field.map(|(_, text)| (*text).to_owned())
        });
        Stored(Ok(fields))
    }

    #[test]
    fn sums_have_one_spelling() {
        let well = stored(&[("m", "12"), ("mf", "500000000000000"), ("n", "3")]);
        let sums = well.sums().unwrap();
        assert_eq!(Stored::of(&sums), well);
        assert_eq!(well.text(), "n=3 m=12.5");
        for (field, other) in [("m", "012"), ("sf", "0"), ("l", "0")] {
            let mut fields = vec![("m", "12"), ("mf", "500000000000000"), ("n", "3")];
            fields.retain(|(name, _)| *name != field);
            fields.push((field, other));
            let stored = stored(&fields);
            assert_eq!(stored.sums(), Some(sums));
            let standing = Standing {
                found: stored,
                expected: sums,
            };
            assert!(!standing.is_well());
            assert_eq!(standing.lack(), Lack::Sums(Sums::default()));
            assert!(standing.found.text().contains(&format!("{field}={other}")));
        }
        assert_eq!(stored(&[]).text(), "nothing");
    }

    #[test]
    fn what_cannot_be_counted_with_is_shown_as_it_is() {
        for text in ["many", "1.5", "", "9007199254740993"] {
            let stored = stored(&[("n", text)]);
            assert_eq!(stored.sums(), None);
            assert_eq!(stored.text(), format!("n={text}"));
        }
        assert_eq!(Stored(Err(OtherType)).text(), "another type");
    }
}
