//! The Merkle tree over any range of leaves, so that ranges are hashed in parallel and then joined.
//!
//! A range keeps the largest full subtrees that fit in it. Two ranges that meet are joined by pushing
//! the right one's subtrees onto the left one: a node of odd index merges with the one before it.
//! Over a range from 0 this is the frontier of RFC 6962 (`tlog::Frontier`, against which it is tested).

use tlog::Hash;
use tlog::tree::{empty_root, leaf_hash, node_hash};

/// Full subtrees over the leaves `begin..end`, from left to right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    begin: u64,
    end: u64,
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Node {
    level: u32,
    /// Index within the level.
    index: u64,
    hash: Hash,
}

impl Range {
    /// Makes the empty range before leaf `begin`.
    pub(crate) fn new(begin: u64) -> Self {
        Self { begin, end: begin, nodes: Vec::new() }
    }

    /// Appends a leaf.
    pub(crate) fn push(&mut self, leaf: &[u8]) {
        self.join(Node { level: 0, index: self.end, hash: leaf_hash(leaf) });
        self.end += 1;
    }

    /// Appends the range that begins where this one ends.
    pub(crate) fn append(&mut self, next: &Self) {
        debug_assert!(self.end == next.begin, "ranges meet");
        next.nodes.iter().for_each(|node| self.join(*node));
        self.end = next.end;
    }

    fn join(&mut self, mut node: Node) {
        while node.index & 1 == 1 {
            // A range that does not begin at 0 may lack the sibling: it stands in a range before.
            let Some(left) = self.nodes.pop_if(|left| left.level == node.level) else { break };
            let hash = node_hash(&left.hash, &node.hash);
            node = Node { level: node.level + 1, index: node.index >> 1, hash };
        }
        self.nodes.push(node);
    }

    /// Returns the number of leaves before the end: the tree's size, for a range from 0.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Returns the root over a range from 0.
    pub(crate) fn root(&self) -> Hash {
        let hashes = self.nodes.iter().rev().map(|node| node.hash);
        hashes.reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_ranges_are_the_frontier() {
        for size in 0..70_u64 {
            for cuts in [[0, 0], [1, 1], [1, 2], [3, 40], [5, 64], [17, 33], [63, 65]] {
                let mut tree = Range::new(0);
                let mut frontier = tlog::Frontier::new();
                let mut from = 0;
                for to in cuts.into_iter().chain([size]).map(|cut| cut.min(size)) {
                    let mut range = Range::new(from);
                    for leaf in from..to {
                        range.push(&leaf.to_le_bytes());
                        frontier.push(leaf_hash(&leaf.to_le_bytes()));
                    }
                    tree.append(&range);
                    assert_eq!((tree.end(), tree.root()), (frontier.size(), frontier.root()));
                    from = to.max(from);
                }
                assert_eq!(tree.end(), size);
            }
        }
    }
}
