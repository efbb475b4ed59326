//! The triple of modules, score and time.

/// Modules, score and time, each as a `T`: the measures of a session as `f64`, the sums of an aggregate as
/// [`Decimal`](super::Decimal), or the text of either.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measures<T> {
    /// Number of modules studied.
    pub modules: T,
    /// Average score of a session, or a sum of average scores.
    pub score: T,
    /// Time studied, in milliseconds.
    pub time: T,
}

impl<T> Measures<T> {
    /// Applies `f` to each measure.
    #[must_use]
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> Measures<U> {
        Measures {
            modules: f(self.modules),
            score: f(self.score),
            time: f(self.time),
        }
    }

    /// Pairs each measure with the same measure of `other`.
    #[must_use]
    pub fn zip<U>(self, other: Measures<U>) -> Measures<(T, U)> {
        Measures {
            modules: (self.modules, other.modules),
            score: (self.score, other.score),
            time: (self.time, other.time),
        }
    }

    /// Returns the measures in the order modules, score, time.
    #[must_use]
    pub fn into_array(self) -> [T; 3] {
        [self.modules, self.score, self.time]
    }
}

impl<T> From<[T; 3]> for Measures<T> {
    /// Returns the measures of an array in the order modules, score, time.
    fn from([modules, score, time]: [T; 3]) -> Self {
        Self {
            modules,
            score,
            time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_keep_their_order_when_mapped_and_zipped() {
        let measures = Measures::from([1, 2, 3]);
        assert_eq!(measures.map(|n| n * 10).into_array(), [10, 20, 30]);
        let pairs = measures.zip(Measures::from(["a", "b", "c"]));
        assert_eq!(pairs.into_array(), [(1, "a"), (2, "b"), (3, "c")]);
    }
}
