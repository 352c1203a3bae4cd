//! A prefix tree of key sequences.

use std::collections::BTreeMap;

use super::key::Key;

/// A tree from sequences to values.
#[derive(Clone, Debug)]
pub(super) struct Trie<V> {
    nodes: Vec<Node<V>>,
}

#[derive(Clone, Debug)]
struct Node<V> {
    value: Option<V>,
    next: BTreeMap<Key, usize>,
}

impl<V> Default for Node<V> {
    fn default() -> Self {
        Self { value: None, next: BTreeMap::new() }
    }
}

impl<V> Default for Trie<V> {
    fn default() -> Self {
        Self { nodes: vec![Node::default()] }
    }
}

/// A place in a tree that some sequence leads to.
pub(super) struct At<'t, V> {
    trie: &'t Trie<V>,
    node: &'t Node<V>,
}

impl<V> Trie<V> {
    /// Binds a sequence, in place of what it was bound to.
    pub(super) fn insert(&mut self, keys: &[Key], value: V) {
        let mut at = 0;
        for key in keys {
            let fresh = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else { return };
            at = *node.next.entry(*key).or_insert(fresh);
            if at == fresh {
                self.nodes.push(Node::default());
            }
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.value = Some(value);
        }
    }

    /// Where a sequence leads, if anything begins with it.
    pub(super) fn at(&self, keys: &[Key]) -> Option<At<'_, V>> {
        let mut node = self.nodes.first()?;
        for key in keys {
            node = self.nodes.get(*node.next.get(key)?)?;
        }
        Some(At { trie: self, node })
    }
}

impl<'t, V> At<'t, V> {
    /// What the sequence is bound to.
    pub(super) fn value(&self) -> Option<&'t V> {
        self.node.value.as_ref()
    }

    /// Whether longer sequences begin with it.
    pub(super) fn goes_on(&self) -> bool {
        !self.node.next.is_empty()
    }

    /// The keys that may follow, with where they lead.
    pub(super) fn next(&self) -> impl Iterator<Item = (Key, At<'t, V>)> + use<'t, V> {
        let trie = self.trie;
        self.node.next.iter().filter_map(move |(key, index)| Some((*key, At { trie, node: trie.nodes.get(*index)? })))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::{Strategy, proptest};

    use super::{Key, Trie};

    fn keys() -> impl Strategy<Value = Vec<Key>> {
        proptest::collection::vec(proptest::sample::select(vec![Key::char('a'), Key::char('b'), Key::ctrl('c')]), 1..5)
    }

    proptest! {
        /// The tree answers as a plain map does, and goes on exactly where some longer sequence begins so.
        #[test]
        fn a_trie_is_a_map_that_knows_prefixes(
            bound in proptest::collection::vec((keys(), 0u32..100), 0..30),
            asked in keys(),
        ) {
            let mut trie = Trie::default();
            let mut map = BTreeMap::new();
            for (keys, value) in bound {
                trie.insert(&keys, value);
                map.insert(keys, value);
            }
            let longer = map.keys().any(|keys| keys.len() > asked.len() && keys.starts_with(&asked));
            match trie.at(&asked) {
                None => assert!(!map.contains_key(&asked) && !longer),
                Some(at) => {
                    assert_eq!(at.value(), map.get(&asked));
                    assert_eq!(at.goes_on(), longer);
                    assert_eq!(at.next().count() > 0, longer);
                }
            }
        }
    }
}
