//! What a pass over all keys gathers, in bounded memory.

use std::collections::BTreeMap;

/// How much something counts, beside one for its key.
pub(crate) trait Size {
    fn size(&self) -> usize;
}

impl Size for () {
    fn size(&self) -> usize {
        0
    }
}

/// The first of the keys that come by, in their order and not in that of their coming, with what is
/// gathered of each. Where they are too many the last ones are left out, for a later pass.
///
/// At least one key is kept, however much it counts.
pub(crate) struct Window<K, V> {
    bound: usize,
    /// The first key that belongs in; without one, the first of all.
    from: Option<K>,
    /// The first key that was left out.
    until: Option<K>,
    is_past_all: bool,
    held: BTreeMap<K, V>,
    size: usize,
}

impl<K: Ord + Clone, V: Default + Size> Window<K, V> {
    pub(crate) fn new(bound: usize, from: Option<K>) -> Self {
        Self {
            bound,
            from,
            until: None,
            is_past_all: false,
            held: BTreeMap::new(),
            size: 0,
        }
    }

    /// Whether a key belongs in.
    pub(crate) fn admits(&self, key: &K) -> bool {
        let is_past = |bound: &K| key >= bound;
        !self.is_past_all
            && self.from.as_ref().is_none_or(is_past)
            && !self.until.as_ref().is_some_and(is_past)
    }

    /// Gathers a key that belongs in, and something of it.
    pub(crate) fn add(&mut self, key: K, gather: impl FnOnce(&mut V)) {
        if !self.admits(&key) {
            return;
        }
        let held = self.held.entry(key).or_default();
        let before = held.size();
        gather(held);
        self.size += held.size() - before;
        while self.size + self.held.len() > self.bound.max(1)
            && self.held.len() > 1
            && let Some((key, last)) = self.held.pop_last()
        {
            self.size -= last.size();
            self.until = Some(key);
        }
    }

    /// Hands over what is gathered; what was left out belongs in next.
    pub(crate) fn take(&mut self) -> BTreeMap<K, V> {
        self.size = 0;
        self.from = self.until.take();
        self.is_past_all = self.from.is_none();
        std::mem::take(&mut self.held)
    }

    /// Whether nothing more belongs in.
    pub(crate) fn is_past_all(&self) -> bool {
        self.is_past_all
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

    /// What comes out pass by pass where all of it comes by in each.
    fn passes(bound: usize, coming: &[(u8, u8)]) -> Vec<Vec<(u8, Vec<u8>)>> {
        let mut window: Window<u8, Many> = Window::new(bound, None);
        let mut passes = Vec::new();
        while !window.is_past_all() {
            for &(key, value) in coming {
                window.add(key, |many| many.0.push(value));
            }
            let taken = window.take().into_iter();
            passes.push(taken.map(|(key, many)| (key, many.0)).collect());
        }
        passes
    }

    #[test]
    fn all_comes_out_in_order_however_little_is_kept() {
        let coming = [(5, 1), (2, 2), (9, 3), (2, 4), (1, 5), (9, 6), (9, 7)];
        let all = vec![
            (1, vec![5]),
            (2, vec![2, 4]),
            (5, vec![1]),
            (9, vec![3, 6, 7]),
        ];
        assert_eq!(passes(100, &coming), std::slice::from_ref(&all));
        assert_eq!(
            passes(5, &coming),
            [all[..2].to_vec(), all[2..3].to_vec(), all[3..].to_vec()]
        );
        for bound in 0..20 {
            assert_eq!(passes(bound, &coming).concat(), all, "{bound}");
        }
        assert_eq!(passes(1, &[]), [vec![]]);
    }
}
