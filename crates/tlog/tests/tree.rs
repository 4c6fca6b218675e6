//! The tree against other people's vectors and against a naive tree of our own.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

use std::convert::Infallible;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::Value;
use tlog::tree::{
    Frontier, Hash, ProofError, ProveError, consistency_proof, empty_root, inclusion_proof,
    leaf_hash, node_hash, verify_consistency, verify_inclusion,
};

fn load(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A hash of the vectors; `None` where it is not 32 bytes, which no verifier takes.
fn hash(value: &Value) -> Option<Hash> {
    STANDARD.decode(value.as_str().unwrap_or_default()).unwrap().try_into().ok()
}

/// A root of the consistency vectors, some of which say "don't care" in fewer bytes.
fn padded(value: &Value) -> Hash {
    let mut root = STANDARD.decode(value.as_str().unwrap_or_default()).unwrap();
    root.resize(32, 0);
    root.try_into().unwrap()
}

fn hashes(value: &Value) -> Option<Vec<Hash>> {
    value.as_array().map_or(Some(Vec::new()), |list| list.iter().map(hash).collect())
}

fn unhex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn hex_hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(|v| unhex(v).try_into().unwrap()).collect()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

/// RFC 6962's definition, word for word.
fn naive(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            node_hash(&naive(&leaves[..split]), &naive(&leaves[split..]))
        }
    }
}

/// Reads a final node of a naive tree, and fails on one that is not final.
fn read(leaves: &[Hash]) -> impl FnMut(u32, u64) -> Result<Hash, Infallible> {
    |level, index| {
        let start = usize::try_from(index << level).unwrap();
        Ok(naive(&leaves[start..start + (1 << level)]))
    }
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|i| leaf_hash(&i.to_le_bytes())).collect()
}

#[test]
fn inclusion_vectors() {
    let vectors = load(include_str!("data/inclusion.json"));
    for case in vectors.as_array().unwrap() {
        let (index, size) = (number(&case["leafIdx"]), number(&case["treeSize"]));
        let parts = (hash(&case["leafHash"]), hashes(&case["proof"]), hash(&case["root"]));
        let ok = match parts {
            (Some(leaf), Some(path), Some(root)) => {
                verify_inclusion(index, size, &leaf, &path, &root).is_ok()
            }
            _ => false,
        };
        assert_eq!(ok, !case["wantErr"].as_bool().unwrap(), "{}", case["name"]);
    }
    assert_eq!(vectors.as_array().unwrap().len(), 98);
}

#[test]
fn consistency_vectors() {
    let vectors = load(include_str!("data/consistency.json"));
    for case in vectors.as_array().unwrap() {
        let (m, n) = (number(&case["size1"]), number(&case["size2"]));
        let (old, new) = (padded(&case["root1"]), padded(&case["root2"]));
        let ok = hashes(&case["proof"])
            .is_some_and(|path| verify_consistency(m, n, &old, &new, &path).is_ok());
        assert_eq!(ok, !case["wantErr"].as_bool().unwrap(), "{}", case["name"]);
    }
    assert_eq!(vectors.as_array().unwrap().len(), 98);
}

#[test]
fn reference_tree() {
    let tree = load(include_str!("data/reference_tree.json"));
    let named = &tree["hashes"];
    assert_eq!(empty_root().to_vec(), unhex(&named["empty_tree"]));
    assert_eq!(leaf_hash(b"").to_vec(), unhex(&named["empty_leaf"]));
    assert_eq!(leaf_hash(b"L123456").to_vec(), unhex(&named["leaf L123456 (ascii)"]));

    let roots = hex_hashes(&tree["root_by_size_hex"]);
    let levels: Vec<Vec<Hash>> =
        tree["node_hashes_by_level_hex"].as_array().unwrap().iter().map(hex_hashes).collect();
    let mut frontier = Frontier::new();
    assert_eq!(frontier.root(), roots[0]);
    for (i, leaf) in tree["leaf_inputs_hex"].as_array().unwrap().iter().enumerate() {
        frontier.push_with(leaf_hash(&unhex(leaf)), |level, index, node| {
            let level = usize::try_from(level).unwrap();
            assert_eq!(*node, levels[level][usize::try_from(index).unwrap()]);
        });
        assert_eq!(frontier.root(), roots[i + 1]);
    }
    for case in tree["inclusion"].as_array().unwrap() {
        let (index, size) = (number(&case["index"]), number(&case["size"]));
        let proof = inclusion_proof(index, size, &mut read(&levels[0])).unwrap();
        assert_eq!(proof, hex_hashes(&case["proof_hex"]), "{index} {size}");
    }
    for case in tree["consistency"].as_array().unwrap() {
        let (m, n) = (number(&case["size1"]), number(&case["size2"]));
        let proof = consistency_proof(m, n, &mut read(&levels[0])).unwrap();
        assert_eq!(proof, hex_hashes(&case["proof_hex"]), "{m} {n}");
    }
}

#[test]
fn a_public_log_of_961_984_011_leaves() {
    let log = load(include_str!("data/ct_argon2020.json"));
    let (size, root) = (number(&log["size"]), hash(&log["root"]).unwrap());
    let case = &log["inclusion"];
    let leaf = leaf_hash(&STANDARD.decode(case["leaf_input"].as_str().unwrap()).unwrap());
    assert_eq!(Some(leaf), hash(&case["leaf_hash"]));
    let path = hashes(&case["proof"]).unwrap();
    assert_eq!(verify_inclusion(number(&case["index"]), size, &leaf, &path, &root), Ok(()));
    let case = &log["consistency"];
    let (old, path) = (hash(&case["root1"]).unwrap(), hashes(&case["proof"]).unwrap());
    assert_eq!(verify_consistency(number(&case["size1"]), size, &old, &root, &path), Ok(()));
}

#[test]
fn every_pair_up_to_65_against_the_definition() {
    const SIZES: u64 = 65;
    let all = leaves(SIZES);
    let roots: Vec<Hash> = (0..=all.len()).map(|n| naive(&all[..n])).collect();
    let mut frontier = Frontier::new();
    for n in 0..=SIZES {
        let at_n = usize::try_from(n).unwrap();
        assert_eq!((frontier.size(), frontier.root()), (n, roots[at_n]));
        assert_eq!(Frontier::from_bytes(&frontier.to_bytes()), Ok(frontier.clone()));
        for m in 0..=n {
            let (at_m, mut read) = (usize::try_from(m).unwrap(), read(&all[..at_n]));
            if m < n {
                let path = inclusion_proof(m, n, &mut read).unwrap();
                let check =
                    |i, path: &[Hash]| verify_inclusion(i, n, &all[at_m], path, &roots[at_n]);
                assert_eq!(check(m, &path), Ok(()), "{m} {n}");
                refuse_changes(&path, |path| check(m, path));
            } else {
                let error = inclusion_proof(m, n, &mut read).unwrap_err();
                assert_eq!(error, ProveError::Range { m, n });
            }
            if 0 < m {
                let path = consistency_proof(m, n, &mut read).unwrap();
                let check =
                    |path: &[Hash]| verify_consistency(m, n, &roots[at_m], &roots[at_n], path);
                assert_eq!(check(&path), Ok(()), "{m} {n}");
                refuse_changes(&path, check);
            }
        }
        if n < SIZES {
            frontier.push(all[at_n]);
        }
    }
}

/// One hash too many, one too few, one wrong: each is refused.
fn refuse_changes(path: &[Hash], check: impl Fn(&[Hash]) -> Result<(), ProofError>) {
    let longer = [path, &[[7; 32]]].concat();
    assert_eq!(check(&longer), Err(ProofError::Length { found: longer.len() }));
    let Some((_, shorter)) = path.split_last() else { return };
    assert!(check(shorter).is_err());
    for at in 0..path.len() {
        let mut wrong = path.to_vec();
        wrong[at][at % 32] ^= 1;
        assert_eq!(check(&wrong), Err(ProofError::Root));
    }
}

#[test]
fn what_cannot_be_proved_is_refused_whatever_the_hashes() {
    let h = [1; 32];
    let range = |m, n| Err(ProofError::Range { m, n });
    assert_eq!(verify_inclusion(0, 0, &h, &[], &h), range(0, 0));
    assert_eq!(verify_inclusion(5, 5, &h, &[], &h), range(5, 5));
    assert_eq!(verify_inclusion(u64::MAX, u64::MAX, &h, &[], &h), range(u64::MAX, u64::MAX));
    assert_eq!(verify_consistency(0, 5, &h, &h, &[]), range(0, 5));
    assert_eq!(verify_consistency(6, 5, &h, &h, &[]), range(6, 5));
    assert_eq!(verify_consistency(5, 5, &h, &h, &[h]), Err(ProofError::Length { found: 1 }));
    assert_eq!(verify_consistency(5, 5, &h, &[2; 32], &[]), Err(ProofError::Root));
    // The deepest tree there can be takes 64 hashes, and none more.
    let deep = verify_inclusion(0, u64::MAX, &h, &[h; 65], &h);
    assert_eq!(deep, Err(ProofError::Length { found: 65 }));
    assert_eq!(verify_inclusion(0, u64::MAX, &h, &[h; 64], &h), Err(ProofError::Root));
}

#[test]
fn an_error_of_the_store_is_handed_on() {
    let mut read = |_, _| Err::<Hash, _>(std::fmt::Error);
    assert_eq!(inclusion_proof(1, 9, &mut read), Err(ProveError::Read(std::fmt::Error)));
    assert_eq!(consistency_proof(5, 9, &mut read), Err(ProveError::Read(std::fmt::Error)));
}

#[test]
fn frontiers_of_other_lengths_are_refused() {
    let mut frontier = Frontier::new();
    all_but_exact(&frontier);
    for leaf in leaves(7) {
        frontier.push(leaf);
        all_but_exact(&frontier);
    }
}

fn all_but_exact(frontier: &Frontier) {
    let bytes = frontier.to_bytes();
    for len in 0..bytes.len() {
        assert!(Frontier::from_bytes(&bytes[..len]).is_err());
    }
    assert!(Frontier::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    assert!(Frontier::from_bytes(&[&bytes[..], &[0; 32]].concat()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_numbers_and_hashes_are_answered(
        m: u64, n: u64, h: Hash, path in proptest::collection::vec(any::<Hash>(), 0..70),
    ) {
        prop_assert!(verify_inclusion(m, n, &h, &path, &h).is_err());
        let same = m == n && m != 0 && path.is_empty();
        prop_assert_eq!(verify_consistency(m, n, &h, &h, &path).is_ok(), same);
    }

    #[test]
    fn proofs_of_large_trees_read_final_nodes_only(m: u64, n: u64) {
        let mut asked = 0;
        let mut read = |level: u32, index: u64| {
            asked += 1;
            assert!((u128::from(index) + 1) << level <= u128::from(n));
            Ok::<_, Infallible>([0; 32])
        };
        prop_assert_eq!(inclusion_proof(m, n, &mut read).is_ok(), m < n);
        prop_assert_eq!(consistency_proof(m, n, &mut read).is_ok(), 0 < m && m <= n);
        prop_assert!(asked <= 2 * 128);
    }
}
