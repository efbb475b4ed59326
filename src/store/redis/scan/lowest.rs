//! Lowest keys of a pass, in bounded memory.

use std::collections::BTreeSet;

/// The lowest keys of a pass that are not below a first key, whatever the order of the pass. A full set leaves
/// the highest keys to a later pass.
pub(crate) struct Lowest<K> {
    /// Maximum number of keys, at least 1.
    capacity: usize,
    first: Option<K>,
    keys: BTreeSet<K>,
}

impl<K: Ord> Lowest<K> {
    pub(crate) fn new(capacity: usize, first: Option<K>) -> Self {
        Self {
            capacity: capacity.max(1),
            first,
            keys: BTreeSet::new(),
        }
    }

    /// Adds a key.
    pub(crate) fn add(&mut self, key: K) {
        if self.first.as_ref().is_some_and(|first| key < *first) {
            return;
        }
        if self.keys.len() == self.capacity && self.keys.last().is_some_and(|last| *last <= key) {
            return;
        }
        self.keys.insert(key);
        if self.keys.len() > self.capacity {
            self.keys.pop_last();
        }
    }

    /// Returns the keys in order.
    pub(crate) fn into_vec(self) -> Vec<K> {
        self.keys.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_collect_all_keys_in_order_at_any_capacity() {
        let input = [5, 2, 9, 2, 1, 9, 9];
        for capacity in 0..8 {
            let (mut all, mut first) = (Vec::new(), Some(0));
            while first.is_some() {
                let mut lowest = Lowest::new(capacity, first);
                input.iter().for_each(|&key| lowest.add(key));
                let keys = lowest.into_vec();
                assert!(keys.len() <= capacity.max(1), "{keys:?}");
                first = keys.last().map(|last| last + 1);
                all.extend(keys);
            }
            assert_eq!(all, [1, 2, 5, 9], "{capacity}");
        }
    }
}
