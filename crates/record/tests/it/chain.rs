//! Links between records: each that can break, broken.

use record::{ChainCheck, ChainError, Record, Seq, ZERO_HASH, chain_hash};

use crate::raw::Raw;

/// A check that has taken the genesis, and the genesis.
fn started() -> (ChainCheck, Vec<u8>) {
    let genesis = Raw::genesis().bytes();
    let mut chain = ChainCheck::new();
    push(&mut chain, &genesis).unwrap();
    (chain, genesis)
}

fn push(chain: &mut ChainCheck, bytes: &[u8]) -> Result<(), ChainError> {
    chain.push(&Record::parse(bytes).unwrap(), chain_hash(bytes))
}

fn no(expected: ChainError, change: impl FnOnce(&mut Raw)) {
    let (mut chain, genesis) = started();
    let before = chain.clone();
    let mut raw = Raw::after(&genesis);
    change(&mut raw);
    assert_eq!(push(&mut chain, &raw.bytes()), Err(expected));
    // A refused record leaves the check where it stood.
    assert_eq!((chain.head(), chain.next_seq()), (before.head(), before.next_seq()));
    push(&mut chain, &Raw::after(&genesis).bytes()).unwrap();
}

#[test]
fn links() {
    let (_, genesis) = started();
    let (expected, time) = (chain_hash(&genesis), Raw::default().time_ms);
    no(ChainError::Seq { expected: Seq(1), found: Seq(2) }, |r| r.seq = 2);
    no(ChainError::Prev { seq: Seq(1), expected, found: [8; 32] }, |r| r.prev = [8; 32]);
    let fell = ChainError::TimeFell { seq: Seq(1), before: time, found: time - 1 };
    no(fell, |r| r.time_ms -= 1);
    no(ChainError::Part { seq: Seq(1), expected: 0, found: 1 }, |r| (r.part, r.parts) = (1, 2));
}

#[test]
fn record_0_is_a_genesis() {
    let raw = Raw { seq: 0, prev: ZERO_HASH, ..Raw::default() };
    let mut chain = ChainCheck::new();
    assert_eq!(push(&mut chain, &raw.bytes()), Err(ChainError::NotGenesis { kind: 330 }));
}

#[test]
fn groups_are_whole() {
    let (mut chain, genesis) = started();
    let first = Raw { parts: 3, ..Raw::after(&genesis) }.bytes();
    push(&mut chain, &first).unwrap();
    assert!(!chain.at_group_end());
    let second = Raw { part: 1, parts: 3, ..Raw::after(&first) };
    let seq = Seq(2);
    let mut no = |raw: Raw, expected| assert_eq!(push(&mut chain, &raw.bytes()), Err(expected));
    no(Raw { part: 2, ..second.clone() }, ChainError::Part { seq, expected: 1, found: 2 });
    no(Raw { part: 0, ..second.clone() }, ChainError::Part { seq, expected: 1, found: 0 });
    no(Raw { parts: 2, ..second.clone() }, ChainError::Parts { seq, expected: 3, found: 2 });
    let time_ms = second.time_ms + 1;
    let late = ChainError::GroupTime { seq, expected: second.time_ms, found: time_ms };
    no(Raw { time_ms, ..second.clone() }, late);
    push(&mut chain, &second.bytes()).unwrap();
    let third = Raw { part: 2, parts: 3, ..Raw::after(&second.bytes()) }.bytes();
    push(&mut chain, &third).unwrap();
    assert!(chain.at_group_end());

    let mut resumed = ChainCheck::resume(chain.next_seq(), chain.head(), chain.time_ms());
    let fourth = Raw { time_ms, ..Raw::after(&third) }.bytes();
    push(&mut resumed, &fourth).unwrap();
    assert_eq!((resumed.next_seq(), resumed.head()), (Seq(5), chain_hash(&fourth)));
}

#[test]
fn a_broken_link_is_told_in_hex() {
    let error = ChainError::Prev { seq: Seq(9), expected: [0xab; 32], found: [0x01; 32] };
    let text = format!(
        "record 9 does not continue the chain: its `prev` is {}, the record before hashes to {}",
        "01".repeat(32),
        "ab".repeat(32)
    );
    assert_eq!(error.to_string(), text);
}
