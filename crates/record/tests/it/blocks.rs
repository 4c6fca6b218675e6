//! Drafts become blocks, blocks become bytes, and back.

use proptest::collection::vec;
use proptest::prelude::*;
use record::{
    Block, BlockBuilder, ChainCheck, ChainError, Draft, FrameError, Record, Seq, ZERO_HASH,
    chain_hash, salt,
};

use crate::raw::{DATE, NOON_MS, Raw};

const KEY: [u8; 32] = [3; 32];

/// A log of one genesis, and the builder behind it.
fn started() -> (Block, BlockBuilder) {
    let mut builder = BlockBuilder::start(1, Seq(0), ZERO_HASH, KEY);
    let mut draft = Draft::new();
    draft.push(1, DATE, &[], b"\x0a\x01o").unwrap();
    builder.append(&draft, NOON_MS);
    (builder.finish(), builder)
}

fn payments(records: usize, payload: usize) -> Draft {
    let mut draft = Draft::new();
    for _ in 0..records {
        draft.push(330, DATE, &[("C.a", 1), ("C.b", -1)], &vec![7; payload]).unwrap();
    }
    draft
}

#[derive(Clone, Debug)]
struct Line {
    kind: u16,
    amounts: Vec<(u8, i64)>,
    payload: Vec<u8>,
}

fn line() -> impl Strategy<Value = Line> {
    let amounts = vec((0..20_u8, 1..1_000_000_i64), 0..6);
    (100..600_u16, amounts, vec(any::<u8>(), 0..300)).prop_map(|(kind, amounts, payload)| Line {
        kind,
        amounts,
        payload,
    })
}

/// Legs in a wild order: each amount into one account and out of another.
fn legs(line: &Line) -> Vec<(String, i64)> {
    let mut legs = std::collections::HashMap::new();
    for (account, fen) in &line.amounts {
        let book = ["Q", "C", "B", "I"][usize::from(account % 4)];
        *legs.entry(format!("{book}.in.{account}")).or_insert(0) += fen;
        *legs.entry(format!("{book}.out")).or_insert(0) -= fen;
    }
    legs.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_goes_in_comes_out(
        groups in vec((vec(line(), 1..8), 0..5_u64), 1..6), key: [u8; 32], epoch: u64,
    ) {
        let (genesis, _) = started();
        let mut builder = BlockBuilder::start(epoch, Seq(1), genesis.head(), key);
        let mut expected = Vec::new();
        let mut time_ms = NOON_MS;
        let mut draft = Draft::new();
        for (group, later) in &groups {
            time_ms += later;
            draft.clear();
            for (part, line) in group.iter().enumerate() {
                let mut legs = legs(line);
                let given: Vec<(&str, i64)> =
                    legs.iter().map(|(path, fen)| (path.as_str(), *fen)).collect();
                draft.push(line.kind, DATE, &given, &line.payload).unwrap();
                legs.sort();
                expected.push((line.kind, time_ms, part, group.len(), legs, &line.payload));
            }
            let first = builder.next_seq();
            let placed = builder.append(&draft, time_ms);
            prop_assert_eq!(placed.first_seq, first);
            prop_assert_eq!(placed.last_seq.next(), builder.next_seq());
            prop_assert_eq!(placed.head, builder.head());
        }
        prop_assert_eq!(builder.count() as usize, expected.len());
        let block = builder.finish();
        prop_assert_eq!(block.frame().len() % 8, 0);
        prop_assert_eq!(block.epoch(), epoch);
        prop_assert_eq!(Block::from_frame(block.frame().to_vec()).unwrap(), block.clone());

        let mut chain = ChainCheck::resume(Seq(1), genesis.head(), NOON_MS);
        let records: Vec<Record<'_>> = block.records().collect();
        prop_assert_eq!(records.len(), expected.len());
        for (record, expected) in records.iter().zip(&expected) {
            prop_assert_eq!(Record::parse(record.bytes()), Ok(*record));
            prop_assert_eq!(record.salt(), salt(&key, record.seq(), &record.prev()));
            chain.push(record, chain_hash(record.bytes())).unwrap();
            let legs: Vec<(String, i64)> =
                record.legs().map(|leg| (leg.path.to_owned(), leg.fen)).collect();
            let found = (record.kind(), record.time_ms(), usize::from(record.part()));
            prop_assert_eq!(found, (expected.0, expected.1, expected.2));
            prop_assert_eq!(usize::from(record.parts()), expected.3);
            prop_assert_eq!((&legs, record.payload()), (&expected.4, &expected.5[..]));
        }
        prop_assert_eq!(chain.head(), block.head());
        prop_assert!(chain.at_group_end());
        for (record, hash) in block.records_hashed() {
            prop_assert_eq!(record.chain_hash(), hash);
        }
        prop_assert_eq!(block.last_time_ms(), time_ms);

        // Whoever copies records gets the same block without the key.
        let mut copy = BlockBuilder::start(epoch, Seq(1), genesis.head(), [0; 32]);
        block.records().for_each(|record| copy.append_raw(&record).unwrap());
        prop_assert_eq!(copy.finish(), block);
    }

    #[test]
    fn any_flipped_bit_of_a_frame_is_noticed(at: prop::sample::Index, bit in 0..8_u32) {
        let (_, mut builder) = started();
        builder.append(&payments(3, 21), NOON_MS);
        let mut frame = builder.finish().frame().to_vec();
        let at = at.index(frame.len());
        frame[at] ^= 1 << bit;
        prop_assert!(Block::from_frame(frame).is_err());
    }
}

#[test]
fn which_block() {
    const MIB: usize = 1 << 20;
    let (_, mut builder) = started();
    let record = payments(1, 920);
    assert_eq!(record.sealed_len(), 1_024);
    // An empty block takes anything, a started one up to the target.
    assert!(builder.fits(&payments(200, 60_000)));
    builder.append(&payments(1_023, 920), NOON_MS);
    assert_eq!(builder.body_len(), MIB - 1_024);
    assert!(builder.fits(&record));
    assert!(!builder.fits(&payments(1, 921)));
    builder.append(&record, NOON_MS);
    assert!(!builder.fits(&payments(1, 0)));
    builder.finish();

    // A seal shares its block with nobody, in either order.
    let mut seal = Draft::new();
    seal.push(2, DATE, &[], &[0; 104]).unwrap();
    assert!(builder.fits(&seal));
    builder.append(&seal, NOON_MS);
    assert!(!builder.fits(&record));
    builder.finish();
    builder.append(&record, NOON_MS);
    assert!(!builder.fits(&seal));
}

#[test]
fn the_largest_block() {
    let (_, mut builder) = started();
    // 257 records of 65,281 bytes lead one byte past 16 MiB, a byte less leads to it.
    let mut draft = payments(256, 65_535 - 104);
    let room = (16 << 20) - draft.sealed_len();
    draft.push(330, DATE, &[], &vec![0; room - 80]).unwrap();
    assert!(!BlockBuilder::too_large(&draft) && builder.fits(&draft));
    builder.append(&draft, NOON_MS);
    let block = builder.finish();
    assert_eq!(block.body().len(), 16 << 20);
    assert!(Block::from_frame(block.into_frame()).is_ok());

    let mut draft = payments(256, 65_535 - 104);
    draft.push(330, DATE, &[], &vec![0; room - 79]).unwrap();
    assert!(BlockBuilder::too_large(&draft));
}

#[test]
fn only_records_that_continue_are_copied() {
    let (genesis, mut builder) = started();
    let next = Raw::after(genesis.body());
    let mut no = |raw: Raw, expected| {
        let bytes = raw.bytes();
        assert_eq!(builder.append_raw(&Record::parse(&bytes).unwrap()), Err(expected));
    };
    let seq = Seq(1);
    no(Raw { seq: 2, ..next.clone() }, ChainError::Seq { expected: seq, found: Seq(2) });
    let (expected, found) = (genesis.head(), [1; 32]);
    no(Raw { prev: found, ..next.clone() }, ChainError::Prev { seq, expected, found });
    let early = ChainError::TimeFell { seq, before: NOON_MS, found: NOON_MS - 1 };
    no(Raw { time_ms: NOON_MS - 1, ..next.clone() }, early);
    builder.append_raw(&Record::parse(&next.bytes()).unwrap()).unwrap();
    assert_eq!(builder.head(), chain_hash(&next.bytes()));
}

#[test]
fn a_torn_group_is_refused_when_it_is_read() {
    let (_, mut builder) = started();
    builder.append(&payments(3, 0), NOON_MS);
    let block = builder.finish();
    let mut torn = BlockBuilder::start(1, Seq(1), block.prev_head(), KEY);
    block.records().take(2).for_each(|record| torn.append_raw(&record).unwrap());
    let frame = torn.finish().into_frame();
    let torn = FrameError::TornGroup { seq: Seq(2), part: 1, parts: 3 };
    assert_eq!(Block::from_frame(frame), Err(torn));
}

#[test]
fn agreements_of_the_builder() {
    let broken = |action: &dyn Fn(&mut BlockBuilder)| {
        let (_, mut builder) = started();
        let action = std::panic::AssertUnwindSafe(|| action(&mut builder));
        assert!(std::panic::catch_unwind(action).is_err());
    };
    let mut seal = Draft::new();
    seal.push(2, DATE, &[], &[0; 104]).unwrap();
    let mut genesis = Draft::new();
    genesis.push(1, DATE, &[], &[]).unwrap();
    broken(&|b| {
        b.append(&Draft::new(), NOON_MS);
    });
    broken(&|b| drop(b.finish()));
    broken(&|b| {
        b.append(&payments(1, 0), NOON_MS - 1);
    });
    broken(&|b| {
        b.append(&payments(1, 0), 1 << 53);
    });
    broken(&|b| {
        b.append(&genesis, NOON_MS);
    });
    broken(&|b| {
        b.append(&payments(1, 0), NOON_MS);
        b.append(&seal, NOON_MS);
    });
    broken(&|b| {
        b.append(&seal, NOON_MS);
        b.append(&payments(1, 0), NOON_MS);
    });
    broken(&|b| {
        b.append(&payments(256, 65_431), NOON_MS);
        b.append(&payments(1, 1_000), NOON_MS);
        b.append(&payments(1, 1_000), NOON_MS);
    });
    broken(&|b| {
        b.restart(1, Seq(0), ZERO_HASH);
        b.append(&payments(1, 0), NOON_MS);
    });
    // A date after the China date of the time.
    broken(&|b| {
        b.restart(1, Seq(1), ZERO_HASH);
        b.append(&payments(1, 0), NOON_MS - 43_200_001);
    });
}
