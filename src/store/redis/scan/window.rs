//! Collection of keys and values by passes over all keys, in bounded memory.

use std::collections::BTreeMap;

/// Size of a value, in entries; the key of the value counts as one more entry.
pub(crate) trait Size {
    fn size(&self) -> usize;
}

impl Size for () {
    fn size(&self) -> usize {
        0
    }
}

/// The lowest keys of a pass, each with a value, whatever the order of the pass. When the window is full,
/// the highest keys are left to a later pass.
///
/// The window has room for at least one key, of any size.
pub(crate) struct Window<K, V> {
    /// Maximum number of entries.
    capacity: usize,
    /// Lowest accepted key; `None` for the lowest key of all.
    from: Option<K>,
    /// Lowest key left to a later pass.
    until: Option<K>,
    is_exhausted: bool,
    entries: BTreeMap<K, V>,
    /// Size of the values.
    size: usize,
}

impl<K: Ord + Clone, V: Default + Size> Window<K, V> {
    pub(crate) fn new(capacity: usize, from: Option<K>) -> Self {
        Self {
            capacity,
            from,
            until: None,
            is_exhausted: false,
            entries: BTreeMap::new(),
            size: 0,
        }
    }

    /// Whether the present pass collects a key.
    pub(crate) fn accepts(&self, key: &K) -> bool {
        let is_at_least = |bound: &K| key >= bound;
        !self.is_exhausted
            && self.from.as_ref().is_none_or(is_at_least)
            && !self.until.as_ref().is_some_and(is_at_least)
    }

    /// Adds an accepted key, and updates the value.
    pub(crate) fn add(&mut self, key: K, update: impl FnOnce(&mut V)) {
        if !self.accepts(&key) {
            return;
        }
        let value = self.entries.entry(key).or_default();
        let before = value.size();
        update(value);
        self.size += value.size() - before;
        while self.size + self.entries.len() > self.capacity.max(1)
            && self.entries.len() > 1
            && let Some((key, last)) = self.entries.pop_last()
        {
            self.size -= last.size();
            self.until = Some(key);
        }
    }

    /// Returns the collected entries; the next pass begins with the lowest key that was left.
    pub(crate) fn take(&mut self) -> BTreeMap<K, V> {
        self.size = 0;
        self.from = self.until.take();
        self.is_exhausted = self.from.is_none();
        std::mem::take(&mut self.entries)
    }

    /// Whether no key is left to a later pass.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.is_exhausted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq)]
    struct Many(Vec<u8>);

    impl Size for Many {
        fn size(&self) -> usize {
            self.0.len()
        }
    }

    /// Entries collected by each pass, where each pass meets all entries of `input`.
    fn passes(capacity: usize, input: &[(u8, u8)]) -> Vec<Vec<(u8, Vec<u8>)>> {
        let mut window: Window<u8, Many> = Window::new(capacity, None);
        let mut passes = Vec::new();
        while !window.is_exhausted() {
            for &(key, value) in input {
                window.add(key, |many| many.0.push(value));
            }
            let taken = window.take().into_iter();
            passes.push(taken.map(|(key, many)| (key, many.0)).collect());
        }
        passes
    }

    #[test]
    fn all_entries_are_collected_in_order_at_any_capacity() {
        let input = [(5, 1), (2, 2), (9, 3), (2, 4), (1, 5), (9, 6), (9, 7)];
        let all = vec![
            (1, vec![5]),
            (2, vec![2, 4]),
            (5, vec![1]),
            (9, vec![3, 6, 7]),
        ];
        assert_eq!(passes(100, &input), std::slice::from_ref(&all));
        assert_eq!(
            passes(5, &input),
            [all[..2].to_vec(), all[2..3].to_vec(), all[3..].to_vec()]
        );
        for capacity in 0..20 {
            assert_eq!(passes(capacity, &input).concat(), all, "{capacity}");
        }
        assert_eq!(passes(1, &[]), [vec![]]);
    }
}
