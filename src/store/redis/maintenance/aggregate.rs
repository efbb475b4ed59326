//! Aggregates as stored, as recounted from the sessions, and the delta between the two.

use super::display;
use crate::domain::{AggregateDelta, Decimal, Measures};
use crate::store::redis::scan::query::WrongType;

/// Fields of an aggregate, in the order of `arithmetic.lua`.
pub(crate) const FIELDS: [&str; 8] = ["m", "mf", "s", "sf", "t", "tf", "n", "l"];

/// Largest integer up to which Lua, like every user of doubles, represents each integer exactly.
const EXACT: i64 = 1 << 53;

/// Fields of a stored aggregate, or the error that the key is no hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredAggregate(pub(crate) Result<[Option<String>; 8], WrongType>);

impl StoredAggregate {
    /// The aggregate as the scripts would store the delta from nothing.
    fn canonical(delta: &AggregateDelta) -> Self {
        let numbers = numbers(delta);
        Self(Ok(
            numbers.map(|number| (number != 0).then(|| number.to_string()))
        ))
    }

    /// Value of the aggregate, as a delta from nothing, in any spelling of the numbers; `None` when a
    /// script cannot calculate with the fields.
    pub(crate) fn value(&self) -> Option<AggregateDelta> {
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

    /// Fields as arguments of the script `replace_aggregate.lua`.
    pub(crate) fn arguments(&self) -> Vec<Vec<u8>> {
        let fields = match &self.0 {
            Ok(fields) => fields.clone(),
            Err(WrongType) => {
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

    /// Text for operators: the value, or the fields of an aggregate that is not in canonical spelling.
    pub(crate) fn text(&self) -> String {
        match (&self.0, self.value()) {
            (_, Some(value)) if *self == Self::canonical(&value) => text(&value),
            (Ok(fields), _) => display::fields(FIELDS.into_iter().zip(fields.clone())),
            (Err(WrongType), _) => display::OTHER_TYPE.into(),
        }
    }
}

/// Values of the [`FIELDS`], zeros included.
fn numbers(delta: &AggregateDelta) -> [i128; 8] {
    let [(m, mf), (s, sf), (t, tf)] = delta.sums.map(Decimal::to_parts).into_array();
    let [m, mf, s, sf, t, tf] = [m, mf, s, sf, t, tf].map(i128::from);
    [m, mf, s, sf, t, tf, delta.sessions, delta.learners]
}

/// Values of the [`FIELDS`] as arguments of a script; `None` when the arithmetic of Lua is not exact for
/// the delta.
pub(crate) fn exact_arguments(delta: &AggregateDelta) -> Option<Vec<Vec<u8>>> {
    let (sums, numbers) = (delta.sums.into_array(), numbers(delta));
    let is_exact = sums.iter().all(|sum| sum.is_within_limit())
        && numbers.iter().all(|number| number.abs() <= EXACT.into());
    let arguments = numbers.map(|number| number.to_string().into_bytes());
    is_exact.then(|| arguments.into())
}

fn text(delta: &AggregateDelta) -> String {
    let counts = [("l", delta.learners), ("n", delta.sessions)];
    let counts = counts.map(|(name, count)| (name, (count != 0).then(|| count.to_string())));
    let sums = Measures::from(["m", "s", "t"]).zip(delta.sums);
    let sums = sums.map(|(name, sum)| (name, (sum != Decimal::default()).then(|| sum.to_string())));
    display::fields(counts.into_iter().chain(sums.into_array()))
}

/// A stored aggregate and the recount from the sessions, at the same moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AggregateCheck {
    pub(crate) stored: StoredAggregate,
    pub(crate) recounted: AggregateDelta,
}

/// Deviation of a stored aggregate from its recount. Writes leave the deviation as it is, as a write moves
/// the stored aggregate and the recount by the same delta.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deviation {
    /// Delta from the stored aggregate to the recount.
    Delta(AggregateDelta),
    /// The stored aggregate is not readable, and so refuses writes.
    Unreadable(AggregateCheck),
}

impl AggregateCheck {
    /// Whether the stored aggregate equals the recount, in canonical spelling.
    pub(crate) fn is_equal(&self) -> bool {
        self.stored == StoredAggregate::canonical(&self.recounted)
    }

    pub(crate) fn deviation(&self) -> Deviation {
        match self.stored.value() {
            Some(stored) => Deviation::Delta(self.recounted - stored),
            None => Deviation::Unreadable(self.clone()),
        }
    }

    /// Expected and found value, as texts for operators.
    pub(crate) fn texts(&self) -> (String, String) {
        (text(&self.recounted), self.stored.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(fields: &[(&str, &str)]) -> StoredAggregate {
        let fields = FIELDS.map(|name| {
            let field = fields.iter().find(|(other, _)| *other == name);
            field.map(|(_, text)| (*text).to_owned())
        });
        StoredAggregate(Ok(fields))
    }

    #[test]
    fn an_aggregate_in_another_spelling_differs_with_a_delta_of_zero() {
        let canonical = stored(&[("m", "12"), ("mf", "500000000000000"), ("n", "3")]);
        let value = canonical.value().unwrap();
        assert_eq!(StoredAggregate::canonical(&value), canonical);
        assert_eq!(canonical.text(), "n=3 m=12.5");
        for (field, other) in [("m", "012"), ("sf", "0"), ("l", "0")] {
            let mut fields = vec![("m", "12"), ("mf", "500000000000000"), ("n", "3")];
            fields.retain(|(name, _)| *name != field);
            fields.push((field, other));
            let stored = stored(&fields);
            assert_eq!(stored.value(), Some(value));
            let check = AggregateCheck {
                stored,
                recounted: value,
            };
            assert!(!check.is_equal());
            let deviation = Deviation::Delta(AggregateDelta::default());
            assert_eq!(check.deviation(), deviation);
            assert!(check.stored.text().contains(&format!("{field}={other}")));
        }
        assert_eq!(stored(&[]).text(), "nothing");
    }

    #[test]
    fn fields_that_are_no_integers_of_lua_are_shown_as_stored() {
        for text in ["many", "1.5", "", "9007199254740993"] {
            let stored = stored(&[("n", text)]);
            assert_eq!(stored.value(), None);
            assert_eq!(stored.text(), format!("n={text}"));
        }
        assert_eq!(StoredAggregate(Err(WrongType)).text(), "another type");
    }
}
