//! Any bytes are answered: with a value or a named error, never with a panic.

use proptest::collection::vec;
use proptest::prelude::*;
use record::system::{
    AttemptsAnchored, FormatRaised, Genesis, KeyChanged, RollbackAcknowledged, Seal,
};
use record::{Block, BlockHeader, Record, SegmentHeader, chain_hash};

use crate::raw::Raw;

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

    #[test]
    fn headers_with_good_checksums(covered in vec(any::<u8>(), 104), long in vec(0..2_u8, 4_084)) {
        let crc = crc32c::crc32c(&covered).to_le_bytes();
        read(&[b"MZB1", &crc[..], &covered].concat());
        let crc = crc32c::crc32c(&long).to_le_bytes();
        read(&[b"MZSEG\0\0\x01", &crc[..], &long].concat());
    }
}
