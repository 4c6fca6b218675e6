//! The Merkle tree of RFC 6962 section 2.1 (equal to RFC 9162 section 2.1), over SHA-256.
//!
//! `N(l, i)` is the hash over leaves `i·2^l` to `min((i+1)·2^l, size)`. It is final once the tree
//! reaches `(i+1)·2^l`; only final nodes are ever stored or asked for.

use sha2::{Digest, Sha256};
use thiserror::Error;

/// A SHA-256 hash of a leaf or node.
pub type Hash = [u8; 32];

/// Returns the root of the tree without leaves: the hash of nothing.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// Returns the hash of a leaf's bytes.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new_with_prefix([0]).chain_update(leaf).finalize().into()
}

/// Returns the hash of a node over its two children.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new_with_prefix([1]).chain_update(left).chain_update(right).finalize().into()
}

/// All that appending needs: the full subtrees of a tree, one for each 1-bit of its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// From the largest subtree to the smallest, at most 64.
    nodes: Vec<Hash>,
}

/// Bytes that are no frontier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{found} bytes are no frontier: a size, and a hash for each 1-bit of it, expected")]
pub struct FrontierError {
    found: usize,
}

impl Frontier {
    /// Makes the frontier of the empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the hash of the next leaf.
    pub fn push(&mut self, leaf_hash: Hash) {
        self.push_with(leaf_hash, |_, _, _| ());
    }

    /// Appends the hash of the next leaf, and shows every node that becomes final by it as
    /// (level, index, hash), the leaf first: for whoever stores nodes.
    pub fn push_with(&mut self, leaf_hash: Hash, mut on_final: impl FnMut(u32, u64, &Hash)) {
        let (mut node, mut index, mut level) = (leaf_hash, self.size, 0);
        on_final(level, index, &node);
        while index & 1 == 1 {
            let Some(left) = self.nodes.pop() else { break };
            node = node_hash(&left, &node);
            index >>= 1;
            level = level.saturating_add(1);
            on_final(level, index, &node);
        }
        self.nodes.push(node);
        self.size = self.size.saturating_add(1);
    }

    /// Returns the number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the root.
    pub fn root(&self) -> Hash {
        fold(&self.nodes).unwrap_or_else(empty_root)
    }

    /// Writes `u64 size` little-endian and the nodes, for snapshots.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.size.to_le_bytes(), self.nodes.as_flattened()].concat()
    }

    /// Reads what [`Frontier::to_bytes`] wrote.
    ///
    /// # Errors
    /// Another number of hashes than the size asks for.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrontierError> {
        let error = FrontierError { found: bytes.len() };
        let (size, nodes) = bytes.split_first_chunk::<8>().ok_or(error)?;
        let size = u64::from_le_bytes(*size);
        let (nodes, rest) = nodes.as_chunks::<32>();
        let expected = usize::try_from(size.count_ones()).unwrap_or(usize::MAX);
        if nodes.len() != expected || !rest.is_empty() {
            return Err(error);
        }
        Ok(Self { size, nodes: nodes.to_vec() })
    }
}

/// Folds full subtrees, given from the largest to the smallest, into one hash.
fn fold(nodes: &[Hash]) -> Option<Hash> {
    nodes.iter().copied().rev().reduce(|right, left| node_hash(&left, &right))
}

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProofError {
    /// No such proof exists, whatever its hashes.
    #[error("no proof is possible of {m} in a tree of {n} leaves")]
    Range {
        /// Leaf index, or the smaller size.
        m: u64,
        /// Size of the tree, or the larger size.
        n: u64,
    },
    /// Too few or too many hashes.
    #[error("{found} hashes do not fit the tree's shape")]
    Length {
        /// Hashes given.
        found: usize,
    },
    /// The hashes lead to another root.
    #[error("proof leads to another root")]
    Root,
}

/// Checks that the leaf with this hash stands at `index` in the tree of `size` leaves and `root`.
///
/// Proves nothing unless the root is signed by somebody who is trusted.
///
/// # Errors
/// [`ProofError`].
pub fn verify_inclusion(
    index: u64,
    size: u64,
    leaf_hash: &Hash,
    path: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if size <= index {
        return Err(ProofError::Range { m: index, n: size });
    }
    let mut at = Walk::new(index, size.saturating_sub(1));
    let mut hash = *leaf_hash;
    for step in path {
        match at.next_side() {
            Some(Side::Left) => hash = node_hash(step, &hash),
            Some(Side::Right) => hash = node_hash(&hash, step),
            None => return Err(ProofError::Length { found: path.len() }),
        }
    }
    at.finish(path.len())?;
    if hash == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// Checks that the tree of `m` leaves and `root_m` is the beginning of that of `n` and `root_n`.
///
/// From the empty tree nothing is proved: `m` = 0 is refused, and a caller that allows it, like a
/// witness, does not ask.
///
/// # Errors
/// [`ProofError`].
pub fn verify_consistency(
    m: u64,
    n: u64,
    root_m: &Hash,
    root_n: &Hash,
    path: &[Hash],
) -> Result<(), ProofError> {
    if m == 0 || n < m {
        return Err(ProofError::Range { m, n });
    }
    let wrong_length = ProofError::Length { found: path.len() };
    if m == n {
        return match (path.is_empty(), root_m == root_n) {
            (false, _) => Err(wrong_length),
            (true, false) => Err(ProofError::Root),
            (true, true) => Ok(()),
        };
    }
    // A power of two is a node of the larger tree itself, which the proof leaves out.
    let (first, rest) = if m.is_power_of_two() {
        (root_m, path)
    } else {
        path.split_first().ok_or(wrong_length)?
    };
    if path.is_empty() {
        return Err(wrong_length);
    }
    let mut at = Walk::new(m.saturating_sub(1), n.saturating_sub(1));
    at.skip_odd();
    let (mut old, mut new) = (*first, *first);
    for step in rest {
        match at.next_side() {
            Some(Side::Left) => {
                old = node_hash(step, &old);
                new = node_hash(step, &new);
            }
            Some(Side::Right) => new = node_hash(&new, step),
            None => return Err(wrong_length),
        }
    }
    at.finish(path.len())?;
    if old == *root_m && new == *root_n { Ok(()) } else { Err(ProofError::Root) }
}

/// The way up from a node: its index and that of the last node, level by level.
struct Walk {
    index: u64,
    last: u64,
}

enum Side {
    Left,
    Right,
}

impl Walk {
    fn new(index: u64, last: u64) -> Self {
        Self { index, last }
    }

    fn up(&mut self) {
        self.index >>= 1;
        self.last >>= 1;
    }

    fn skip_odd(&mut self) {
        while self.index & 1 == 1 {
            self.up();
        }
    }

    /// Returns on which side the next hash of a proof stands, or `None` at the root.
    fn next_side(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        let side = if self.index & 1 == 1 || self.index == self.last {
            // A right edge without a sibling moves up until it has one.
            while self.index & 1 == 0 && self.index != 0 {
                self.up();
            }
            Side::Left
        } else {
            Side::Right
        };
        self.up();
        Some(side)
    }

    fn finish(self, found: usize) -> Result<(), ProofError> {
        if self.last == 0 { Ok(()) } else { Err(ProofError::Length { found }) }
    }
}

/// Why a proof cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProveError<E> {
    /// No such proof exists.
    #[error("no proof is possible of {m} in a tree of {n} leaves")]
    Range {
        /// Leaf index, or the smaller size.
        m: u64,
        /// Size of the tree, or the larger size.
        n: u64,
    },
    /// A node could not be read.
    #[error(transparent)]
    Read(#[from] E),
}

/// Reads a final node: level, index in that level.
pub type ReadNode<'a, E> = &'a mut dyn FnMut(u32, u64) -> Result<Hash, E>;

/// Makes the proof that leaf `index` stands in the tree of `size` leaves.
///
/// `read` is asked for final nodes of that tree only; nodes of its right edge are computed.
///
/// # Errors
/// [`ProveError::Range`] for an index that the tree does not have, else what `read` answers.
pub fn inclusion_proof<E>(
    index: u64,
    size: u64,
    read: ReadNode<'_, E>,
) -> Result<Vec<Hash>, ProveError<E>> {
    if size <= index {
        return Err(ProveError::Range { m: index, n: size });
    }
    let mut proof = Vec::new();
    siblings(Walk::new(index, size.saturating_sub(1)), 0, size, &mut proof, read)?;
    Ok(proof)
}

/// Makes the proof that the tree of `m` leaves is the beginning of that of `n`.
///
/// # Errors
/// [`ProveError::Range`] unless 0 < `m` ≤ `n`, else what `read` answers.
pub fn consistency_proof<E>(
    m: u64,
    n: u64,
    read: ReadNode<'_, E>,
) -> Result<Vec<Hash>, ProveError<E>> {
    if m == 0 || n < m {
        return Err(ProveError::Range { m, n });
    }
    let mut proof = Vec::new();
    if m == n {
        return Ok(proof);
    }
    let mut at = Walk::new(m.saturating_sub(1), n.saturating_sub(1));
    let level = at.index.trailing_ones();
    at.skip_odd();
    if at.index != 0 {
        proof.push(node(level, at.index, n, read)?);
    }
    siblings(at, level, n, &mut proof, read)?;
    Ok(proof)
}

/// Pushes the siblings of a node on its way up to the root.
fn siblings<E>(
    mut at: Walk,
    mut level: u32,
    size: u64,
    proof: &mut Vec<Hash>,
    read: ReadNode<'_, E>,
) -> Result<(), E> {
    while 0 < at.last {
        if at.index & 1 == 1 || at.index < at.last {
            proof.push(node(level, at.index ^ 1, size, read)?);
        }
        at.up();
        level = level.saturating_add(1);
    }
    Ok(())
}

/// Returns `N(level, index)` of a tree of `size` leaves: read when final, else folded from the
/// final nodes below it.
fn node<E>(level: u32, index: u64, size: u64, read: ReadNode<'_, E>) -> Result<Hash, E> {
    let end = u128::from(index).saturating_add(1) << level;
    if end <= u128::from(size) {
        return read(level, index);
    }
    let mut start = index << level;
    let mut nodes = Vec::new();
    for below in (0..level).rev() {
        // The bits of the number of leaves left are the full subtrees that hold them.
        if size.saturating_sub(start) >> below & 1 == 1 {
            nodes.push(read(below, start >> below)?);
            start = start.saturating_add(1 << below);
        }
    }
    Ok(fold(&nodes).unwrap_or_else(empty_root))
}
