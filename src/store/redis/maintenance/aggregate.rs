//! Aggregates as they are stored, as they should be, and what lies between.

use super::display;
use super::query::OtherType;
use crate::domain::{AggregateDelta, Decimal, Measures};

/// The fields of an aggregate, in the order of `arithmetic.lua`.
pub(crate) const FIELDS: [&str; 8] = ["m", "mf", "s", "sf", "t", "tf", "n", "l"];

/// The largest whole number up to which all are exact in Lua.
const EXACT: i64 = 1 << 53;

/// Whether the scripts calculate exactly with the aggregate.
pub(crate) fn is_exact_in_lua(delta: &AggregateDelta) -> bool {
    let sums = delta.sums.into_array();
    sums.iter().all(|sum| sum.is_within_limit())
        && numbers(delta)
            .iter()
            .all(|number| number.abs() <= EXACT.into())
}

/// Values of the [`FIELDS`], zeros included.
fn numbers(delta: &AggregateDelta) -> [i128; 8] {
    let [(m, mf), (s, sf), (t, tf)] = delta.sums.map(Decimal::to_parts).into_array();
    let [m, mf, s, sf, t, tf] = [m, mf, s, sf, t, tf].map(i128::from);
    [m, mf, s, sf, t, tf, delta.sessions, delta.learners]
}

/// Values of the [`FIELDS`] as arguments of a script.
pub(crate) fn arguments(delta: &AggregateDelta) -> impl Iterator<Item = Vec<u8>> + use<> {
    let numbers = numbers(delta).into_iter();
    numbers.map(|number| number.to_string().into_bytes())
}

fn text(delta: &AggregateDelta) -> String {
    let counts = [("l", delta.learners), ("n", delta.sessions)];
    let counts = counts.map(|(name, count)| (name, (count != 0).then(|| count.to_string())));
    let sums = Measures::from(["m", "s", "t"]).zip(delta.sums);
    let sums = sums.map(|(name, sum)| (name, (sum != Decimal::default()).then(|| sum.to_string())));
    display::fields(counts.into_iter().chain(sums.into_array()))
}

/// The fields of an aggregate as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored(pub(crate) Result<[Option<String>; 8], OtherType>);

impl Stored {
    /// How an aggregate of these sums is spelled.
    fn of(sums: &AggregateDelta) -> Self {
        let numbers = numbers(sums);
        Self(Ok(
            numbers.map(|number| (number != 0).then(|| number.to_string()))
        ))
    }

    /// What it sums up, however it is spelled; `None` where a script cannot count with it.
    pub(crate) fn sums(&self) -> Option<AggregateDelta> {
        let fields = self.0.as_ref().ok()?;
        let mut numbers = [0_i64; 8];
        for (number, field) in numbers.iter_mut().zip(fields) {
            *number = field.as_deref().map_or(Some(0), |text| text.parse().ok())?;
            if number.unsigned_abs() > EXACT.unsigned_abs() {
                return None;
            }
        }
        let [m, mf, s, sf, t, tf, n, l] = numbers;
        Some(AggregateDelta {
            learners: l.into(),
            sessions: n.into(),
            sums: Measures {
                modules: Decimal::from_parts(m, mf),
                score: Decimal::from_parts(s, sf),
                time: Decimal::from_parts(t, tf),
            },
        })
    }

    /// Its fields as a script takes them.
    pub(crate) fn arguments(&self) -> Vec<Vec<u8>> {
        let fields = match &self.0 {
            Ok(fields) => fields.clone(),
            Err(OtherType) => {
                let mut fields = [const { None }; 8];
                fields[0] = Some(display::OTHER_TYPE.into());
                fields
            }
        };
        let fields = fields.into_iter();
        fields
            .map(|field| field.unwrap_or_default().into_bytes())
            .collect()
    }

    /// Its sums where it is spelled as it should be, else its fields.
    pub(crate) fn text(&self) -> String {
        match (&self.0, self.sums()) {
            (_, Some(sums)) if *self == Self::of(&sums) => text(&sums),
            (Ok(fields), _) => display::fields(FIELDS.into_iter().zip(fields.clone())),
            (Err(OtherType), _) => display::OTHER_TYPE.into(),
        }
    }
}

/// An aggregate as it was found, and as it should have been at that moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) found: Stored,
    pub(crate) expected: AggregateDelta,
}

/// What an aggregate lacks of what it should be: writes leave it as it is, as they move both alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lack {
    /// So much.
    Sums(AggregateDelta),
    /// All: it cannot be read, and so it cannot be written either.
    All(Standing),
}

impl Standing {
    pub(crate) fn is_well(&self) -> bool {
        self.found == Stored::of(&self.expected)
    }

    pub(crate) fn lack(&self) -> Lack {
        match self.found.sums() {
            Some(found) => Lack::Sums(self.expected - found),
            None => Lack::All(self.clone()),
        }
    }

    /// What is expected, and what is found.
    pub(crate) fn texts(&self) -> (String, String) {
        (text(&self.expected), self.found.text())
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
            assert_eq!(standing.lack(), Lack::Sums(AggregateDelta::default()));
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
