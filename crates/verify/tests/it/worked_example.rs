//! The worked example of the format's description, where records meet the tree: both leaves and the root.
//!
//! Lives elsewhere: the bytes of both records and their place in the chain (`record`). The hashes were computed
//! with two independent SHA-256 programs; they never change.

use record::{Block, BlockBuilder, Draft, Hash, Hex, Seq, ZERO_HASH};
use tlog::Frontier;
use tlog::tree::{leaf_hash, node_hash};

/// 2016-11-21 in days since 1970-01-01, and noon of that day in China.
const DATE: u32 = 17_126;
const NOON_MS: u64 = 1_479_700_800_000;

const GENESIS_LEAF: &str = "e4a794126fe26aa68812bdce5d0588c1947b4fff08149a8e26277402ea88915d";
const PAYMENT_LEAF: &str = "01aa5251381a62ce5ee4500d994dd89ff96c34e3db6886178d49ef20c1e7cc8c";
const ROOT: &str = "f12e85e56fed56a70482bd6c9a7d928f8ca5542d3480d11f54f444af016efe82";

fn hex(hash: &Hash) -> String {
    Hex(hash).to_string()
}

#[test]
fn leaves_and_root_are_as_described() {
    let salt_key = std::array::from_fn(|i| u8::try_from(i).unwrap());
    let mut builder = BlockBuilder::start(1, Seq(0), ZERO_HASH, salt_key);
    let mut draft = Draft::new();
    draft.push(1, DATE, &[], b"\x0a\x11ledger.example/gd").unwrap();
    builder.append(&draft, NOON_MS);
    let mut blocks = vec![builder.finish()];
    draft.clear();
    let legs = [("C.hold.441424901201.Q16", -300_000), ("C.hh.44142490120100013", 300_000)];
    draft.push(330, DATE, &legs, &[]).unwrap();
    builder.append(&draft, NOON_MS + 1_500);
    blocks.push(builder.finish());

    let records = blocks.iter().flat_map(Block::records);
    let leaves: Vec<_> = records.map(|record| leaf_hash(record.bytes())).collect();
    assert_eq!(leaves.iter().map(hex).collect::<Vec<_>>(), [GENESIS_LEAF, PAYMENT_LEAF]);
    let mut tree = Frontier::new();
    for leaf in &leaves {
        tree.push(*leaf);
    }
    assert_eq!((tree.size(), hex(&tree.root())), (2, ROOT.to_owned()));
    assert_eq!(hex(&node_hash(&leaves[0], &leaves[1])), ROOT);
}
