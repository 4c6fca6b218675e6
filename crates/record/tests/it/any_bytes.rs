//! Any bytes are answered: with a value or a named error, never with a panic.

use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use record::system::{
    AttemptsAnchored, FormatRaised, Genesis, KeyChanged, RollbackAcknowledged, Seal,
};
use record::{
    Block, BlockBuilder, BlockHeader, Draft, FrameError, Record, SegmentHeader, Seq, chain_hash,
};

use crate::raw::{DATE, NOON_MS, Raw};

/// Reads bytes in every way there is.
fn read(bytes: &[u8]) {
    if let Ok(record) = Record::parse(bytes) {
        assert_eq!(record.bytes(), bytes);
        assert_eq!(record.chain_hash(), chain_hash(bytes));
        assert_eq!(record.legs().count(), usize::from(record.legs_count()));
    }
    if let Ok((record, rest)) = Record::split_first(bytes) {
        assert_eq!([record.bytes(), rest].concat(), bytes);
    }
    drop(Block::from_frame(bytes.to_vec()));
    if let Ok(block) = Block::from_trusted_frame(bytes.to_vec()) {
        assert!(block.records_hashed().all(|(record, _)| record.legs().count() < 256));
    }
    if let Ok(header) = BlockHeader::decode(bytes) {
        assert_eq!(header.encode(), bytes[..112]);
    }
    if let Ok(header) = SegmentHeader::decode(bytes) {
        assert_eq!(header.encode(), bytes[..4_096]);
    }
    // A payload that is read at all is in its one canonical form.
    let canonical = |encoded: Option<Vec<u8>>| assert!(encoded.is_none_or(|e| e == bytes));
    canonical(Genesis::decode(bytes).ok().map(|m| m.encode()));
    canonical(Seal::decode(bytes).ok().map(|m| m.encode()));
    canonical(KeyChanged::decode(bytes).ok().map(|m| m.encode()));
    canonical(FormatRaised::decode(bytes).ok().map(|m| m.encode()));
    canonical(AttemptsAnchored::decode(bytes).ok().map(|m| m.encode()));
    canonical(RollbackAcknowledged::decode(bytes).ok().map(|m| m.encode()));
}

/// Fields of a record, mostly near what is allowed.
fn near_records() -> impl Strategy<Value = Raw> {
    let leg = (any::<i64>(), "[QCBI]\\.[a-z.]{0,70}");
    let legs = vec(leg.prop_map(|(fen, path)| (fen, path.into_bytes())), 0..5);
    let lengths = (any::<Option<u16>>(), any::<Option<u8>>(), any::<Option<u16>>());
    let place = (0..3_u64, 0..3_u16, 0..3_u16, 0..20_000_u32);
    (lengths, 0..4_u8, 0..400_u16, place, legs).prop_map(|(lengths, version, kind, place, legs)| {
        Raw {
            len: lengths.0,
            legs_count: lengths.1,
            legs_len: lengths.2,
            version,
            kind,
            seq: place.0,
            part: place.1,
            parts: place.2,
            date: place.3,
            legs,
            ..Raw::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn random_bytes(bytes in vec(any::<u8>(), 0..600)) {
        read(&bytes);
    }

    #[test]
    fn bytes_near_a_record(raw in near_records(), cut in 0..40_usize) {
        let bytes = raw.bytes();
        read(&bytes);
        read(&bytes[..bytes.len().saturating_sub(cut)]);
    }

    #[test]
    fn one_byte_changed(at in 0..121_usize, to: u8) {
        let mut bytes = Raw::default().bytes();
        bytes[at] = to;
        read(&bytes);
    }

    #[test]
    fn bytes_near_a_payload(fields in vec((0..9_u8, 0..4_u8, vec(any::<u8>(), 0..40)), 0..6)) {
        let mut bytes = Vec::new();
        for (field, wire, value) in fields {
            bytes.push(field << 3 | wire);
            bytes.push(value.len() as u8);
            bytes.extend(value);
        }
        read(&bytes);
    }
}

/// How often each interesting case was met; a test that met none has shown nothing.
fn counters() -> [Cell<u32>; 4] {
    Default::default()
}

fn add(met: &Cell<u32>) {
    met.set(met.get() + 1);
}

fn sealed(magic: &[u8], covered: &[u8]) -> Vec<u8> {
    [magic, &crc32c::crc32c(covered).to_le_bytes(), covered].concat()
}

/// Random bytes alone never were a header: their reserved space was never zero.
#[test]
fn headers_with_good_checksums_are_read_and_refused() {
    let numbers = (0..66_000_u32, 0..(17_u32 << 20), any::<[u64; 2]>());
    let rest = (vec(any::<u8>(), 68), vec(any::<u8>(), 92), 0..4_084_usize, 0..8_u8);
    // Block good and bad, segment good and bad.
    let met = counters();
    let count = |at: usize, ok: bool| add(&met[at + usize::from(!ok)]);
    TestRunner::default()
        .run(&(numbers, rest), |((records, body_len, [seq, epoch]), (hashes, long, at, spoil))| {
            let numbers = [&seq.to_le_bytes()[..], &records.to_le_bytes(), &body_len.to_le_bytes()];
            let mut covered = [&numbers.concat()[..], &epoch.to_le_bytes(), &hashes].concat();
            covered.resize(104, 0);
            let mut long = long;
            long.resize(4_084, 0);
            if spoil == 0 {
                covered[at % 104] ^= 1;
                long[at] ^= 1;
            }
            let (block, segment) = (sealed(b"MZB1", &covered), sealed(b"MZSEG\0\0\x01", &long));
            count(0, BlockHeader::decode(&block).is_ok());
            count(2, SegmentHeader::decode(&segment).is_ok());
            read(&block);
            read(&segment);
            Ok(())
        })
        .unwrap();
    assert!(met.iter().all(|met| 0 < met.get()), "{met:?}");
}

/// The checksum stopped every damaged frame, so that the records behind it were never looked at.
#[test]
fn damaged_records_behind_good_checksums_are_refused_by_what_they_break() {
    let mut builder = BlockBuilder::start(1, Seq(1), [1; 32], [2; 32]);
    let mut draft = Draft::new();
    for payload in [&b""[..], b"payload"] {
        draft.push(330, DATE, &[("C.a", 1), ("C.b", -1)], payload).unwrap();
    }
    builder.append(&draft, NOON_MS);
    let block = builder.finish();
    let met = counters();
    let (at, last) = (0..block.body().len(), any::<bool>());
    TestRunner::default()
        .run(&(at, any::<u8>(), last), |(at, to, good_head)| {
            let mut body = block.body().to_vec();
            body[at] = to;
            let mut header = *block.header();
            header.body_crc = crc32c::crc32c(&body);
            if let (true, Ok((_, second))) = (good_head, Record::split_first(&body)) {
                header.head = chain_hash(second);
            }
            let mut frame = [&header.encode()[..], &body].concat();
            frame.resize(header.frame_bytes(), 0);
            match Block::from_frame(frame) {
                // The same byte, or another payload, salt or date of the last record.
                Ok(read) => {
                    add(&met[0]);
                    assert_eq!(read.records().count(), 2);
                }
                Err(FrameError::Record { .. }) => add(&met[1]),
                Err(FrameError::Chain { .. }) => add(&met[2]),
                Err(FrameError::Head { .. }) => add(&met[3]),
                Err(FrameError::Count { .. } | FrameError::TornGroup { .. }) => (),
                Err(other) => panic!("{other}"),
            }
            Ok(())
        })
        .unwrap();
    assert!(met.iter().all(|met| 0 < met.get()), "{met:?}");
}
