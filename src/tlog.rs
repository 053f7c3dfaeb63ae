//! Tlog: the Merkle tree over the log, and the notes that are signed about it.
//!
//! An auditor must be able to check us with tools that are not ours, so everything here is a public
//! format to the letter: hashes as in RFC 6962, notes and checkpoints as in C2SP signed-note and
//! tlog-checkpoint.
//!
//! Never keeps the tree: appending needs only its frontier, the roots of the largest full subtrees,
//! of which there are at most 64.

pub mod checkpoint;

use sha2::{Digest as _, Sha256};

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// Returns the hash of a leaf's bytes: `SHA-256(0x00 | leaf)`.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()
}

/// Returns the hash of the subtree over two others: `SHA-256(0x01 | left | right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut node = [0; 65];
    let (kind, children) = node.split_at_mut(1);
    let (first, second) = children.split_at_mut(32);
    kind.fill(1);
    first.copy_from_slice(left);
    second.copy_from_slice(right);
    Sha256::digest(node).into()
}

/// The right edge of a growing tree: all that is needed to append to it and to know its root.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Frontier {
    size: u64,
    // The roots of the full subtrees from left to right: one for each bit set in `size`, the
    // largest first.
    nodes: Vec<Hash>,
}

impl Frontier {
    /// Returns how many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        // Each low bit that is set is a full subtree as large as the one in hand: they join.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.nodes.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.nodes.push(node);
        self.size = self.size.saturating_add(1);
    }

    /// Returns the root of the tree; of an empty one the hash of nothing.
    pub fn root(&self) -> Hash {
        let mut nodes = self.nodes.iter().rev();
        let Some(last) = nodes.next() else {
            return Sha256::digest([]).into();
        };
        nodes.fold(*last, |right, left| node_hash(left, &right))
    }

    /// Appends `size u64 BE | nodes`, from which [`Self::take`] makes the same frontier.
    pub fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.size.to_be_bytes());
        bytes.extend_from_slice(self.nodes.as_flattened());
    }

    /// Takes a frontier off the front of `bytes`; `None` where they end too early.
    pub fn take(bytes: &mut &[u8]) -> Option<Self> {
        let (size, rest) = bytes.split_first_chunk()?;
        let size = u64::from_be_bytes(*size);
        let length = usize::try_from(size.count_ones()).ok()?.checked_mul(32)?;
        let (nodes, rest) = rest.split_at_checked(length)?;
        *bytes = rest;
        Some(Self { size, nodes: nodes.as_chunks().0.to_vec() })
    }
}

impl Clone for Frontier {
    fn clone(&self) -> Self {
        Self { size: self.size, nodes: self.nodes.clone() }
    }

    // By hand, to keep the allocation: the writer does this for every batch.
    fn clone_from(&mut self, source: &Self) {
        self.size = source.size;
        self.nodes.clone_from(&source.nodes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ct_merkle::mem_backed_tree::MemoryBackedTree;

    fn leaf(index: u64) -> Vec<u8> {
        format!("leaf {index}").into_bytes()
    }

    #[test]
    fn roots_are_those_of_another_implementation() {
        let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        let mut frontier = Frontier::default();
        for size in 0..=300 {
            assert_eq!(frontier.size(), size);
            assert_eq!(frontier.root()[..], other.root().as_bytes()[..], "{size} leaves");

            other.push(leaf(size));
            frontier.push(leaf_hash(&leaf(size)));
        }
    }

    #[test]
    fn roots_are_those_of_the_certificate_transparency_vectors() {
        let leaves: [&[u8]; 4] = [b"", b"\x00", b"\x10", b"\x20\x21"];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        let mut frontier = Frontier::default();
        for (size, root) in roots.iter().enumerate() {
            let hex = frontier.root().map(|byte| format!("{byte:02x}")).concat();
            assert_eq!(hex, *root, "{size} leaves");
            if let Some(leaf) = leaves.get(size) {
                frontier.push(leaf_hash(leaf));
            }
        }
    }

    #[test]
    fn a_frontier_read_back_grows_the_same_tree() {
        let mut frontier = Frontier::default();
        for size in 0..70 {
            let mut bytes = Vec::new();
            frontier.put(&mut bytes);
            bytes.push(7);
            let mut rest = bytes.as_slice();
            let mut read = Frontier::take(&mut rest).unwrap();
            assert_eq!((rest, &read), (&[7][..], &frontier));
            assert_eq!(Frontier::take(&mut bytes[..bytes.len() - 2].as_ref()), None);

            frontier.push(leaf_hash(&leaf(size)));
            read.push(leaf_hash(&leaf(size)));
            assert_eq!(read.root(), frontier.root());
        }
    }
}
