//! The worked example of the format's description, byte for byte. Its hashes were computed with
//! two independent BLAKE3 and SHA-256 programs; these bytes never change.

use record::{Block, BlockBuilder, ChainCheck, Draft, Record, Seq, ZERO_HASH, chain_hash, salt};

const GENESIS: &str = "\
    6300 01 00 0100 0000 0000000000000000 00620a8558010000 \
    0000000000000000000000000000000000000000000000000000000000000000 0000 0100 e6420000 \
    fdfb73ba5d804105bf44e282896018a3 0a11 6c65646765722e6578616d706c652f6764";
const GENESIS_HASH: &str = "7957230009d4b8994f9529c20046786857c90b67a7c9268fe72d6da73c3c4f7f";
const PAYMENT: &str = "\
    8f00 01 02 4a01 3f00 0100000000000000 dc670a8558010000 \
    7957230009d4b8994f9529c20046786857c90b67a7c9268fe72d6da73c3c4f7f 0000 0100 e6420000 \
    4834a2f1a46b31ec6d1bd1b683a2d076 \
    e093040000000000 16 432e68682e3434313432343930313230313030303133 \
    206cfbffffffffff 17 432e686f6c642e3434313432343930313230312e513136";
const PAYMENT_HASH: &str = "57637527832cf022acfd462eb06768df86bb90893a60ec92b9b81cf207fef9d9";

/// 2016-11-21 in days since 1970-01-01, and noon of that day in China.
const DATE: u32 = 17_126;
const GENESIS_MS: u64 = 1_479_700_800_000;
const PAYMENT_MS: u64 = 1_479_700_801_500;

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap())
        .collect()
}

fn salt_key() -> [u8; 32] {
    std::array::from_fn(|i| u8::try_from(i).unwrap())
}

#[test]
fn records_are_read_as_described() {
    let (genesis, payment) = (hex(GENESIS), hex(PAYMENT));
    let zero = Record::parse(&genesis).unwrap();
    assert_eq!((zero.version(), zero.kind(), zero.seq(), zero.prev()), (1, 1, Seq(0), ZERO_HASH));
    assert_eq!((zero.part(), zero.parts(), zero.date(), zero.time_ms()), (0, 1, DATE, GENESIS_MS));
    assert_eq!(record::Genesis::decode(zero.payload()).unwrap().origin, "ledger.example/gd");
    assert_eq!(zero.chain_hash().to_vec(), hex(GENESIS_HASH));

    let one = Record::parse(&payment).unwrap();
    assert_eq!((one.kind(), one.seq(), one.prev()), (330, Seq(1), zero.chain_hash()));
    let legs: Vec<(&str, i64)> = one.legs().map(|leg| (leg.path, leg.fen)).collect();
    let expected = [("C.hh.44142490120100013", 300_000), ("C.hold.441424901201.Q16", -300_000)];
    assert_eq!(legs, expected);
    assert!(one.payload().is_empty());
    assert_eq!(one.chain_hash().to_vec(), hex(PAYMENT_HASH));

    let mut chain = ChainCheck::new();
    chain.push(&zero, zero.chain_hash()).unwrap();
    chain.push(&one, one.chain_hash()).unwrap();
    assert_eq!((chain.head().to_vec(), chain.next_seq()), (hex(PAYMENT_HASH), Seq(2)));
}

#[test]
fn records_are_built_as_described() {
    let (genesis, payment) = (hex(GENESIS), hex(PAYMENT));
    let mut builder = BlockBuilder::start(7, Seq(0), ZERO_HASH, salt_key());
    let mut draft = Draft::new();
    draft.push(1, DATE, &[], b"\x0a\x11ledger.example/gd").unwrap();
    let placed = builder.append(&draft, GENESIS_MS);
    assert_eq!(placed.head.to_vec(), hex(GENESIS_HASH));
    let first = builder.finish();
    assert_eq!(first.body(), genesis);

    draft.clear();
    let legs = [
        ("C.hold.441424901201.Q16", -300_000),
        ("C.hold.unused", 0),
        ("C.hh.44142490120100013", 300_000),
    ];
    draft.push(330, DATE, &legs, &[]).unwrap();
    let time_ms = Record::parse(&payment).unwrap().time_ms();
    assert_eq!(time_ms, PAYMENT_MS);
    let placed = builder.append(&draft, time_ms);
    assert_eq!((placed.first_seq, placed.last_seq), (Seq(1), Seq(1)));
    let second = builder.finish();
    assert_eq!(second.body(), payment);
    assert_eq!(second.head().to_vec(), hex(PAYMENT_HASH));
    assert_eq!(second.prev_head(), first.head());
    for block in [first, second] {
        assert_eq!(Block::from_frame(block.frame().to_vec()).unwrap(), block);
    }
}

#[test]
fn salts_and_hashes_alone() {
    let genesis_salt = hex("fdfb73ba5d804105bf44e282896018a3");
    assert_eq!(salt(&salt_key(), Seq(0), &ZERO_HASH).to_vec(), genesis_salt);
    let head = chain_hash(&hex(GENESIS));
    let payment_salt = hex("4834a2f1a46b31ec6d1bd1b683a2d076");
    assert_eq!(salt(&salt_key(), Seq(1), &head).to_vec(), payment_salt);
}
