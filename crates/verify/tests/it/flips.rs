//! Every bit of a ledger, changed by itself.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};

use crate::ledger::{HEADER, Ledger, SEGMENT, holds};

/// From the first byte of the segment to the last one of the last block's padding.
#[test]
fn every_changed_bit_is_found() {
    let ledger = Ledger::sample();
    assert!(ledger.len() <= 12);
    let dir = ledger.write();
    holds(&dir.verify());
    let bytes = dir.get(SEGMENT);
    let end = HEADER + ledger.frames().concat().len();
    let mut file = OpenOptions::new().write(true).open(dir.path(SEGMENT)).unwrap();
    let mut put = |at: usize, byte: u8| {
        file.seek(SeekFrom::Start(at as u64)).unwrap();
        file.write_all(&[byte]).unwrap();
    };
    // The segment's version, which no checksum covers, leads to "written by a newer version": 2.
    let mut newer = 0;
    for (at, byte) in bytes.iter().enumerate().take(end) {
        for bit in 0..8 {
            put(at, byte ^ (1 << bit));
            let report = dir.verify();
            match report.exit_code() {
                1 => {
                    let failure = report.failure.as_ref().unwrap();
                    assert_eq!(failure.segment.as_deref(), Some(SEGMENT), "byte {at}, bit {bit}");
                }
                2 => newer += 1,
                code => panic!("byte {at}, bit {bit}: exit {code}\n{}", report.text(false)),
            }
        }
        put(at, *byte);
    }
    // The last byte of the segment's magic, and no byte of a block.
    assert_eq!(newer, 8);
    holds(&dir.verify());
}

/// A changed byte of a record is told by the record's own position, wherever it stands.
#[test]
fn the_changed_record_is_named() {
    let ledger = Ledger::sample();
    let mut at = HEADER;
    for records in &ledger.blocks {
        at += 112;
        for record in records {
            for offset in 0..record.len() {
                let dir = ledger.write();
                dir.edit(|bytes| bytes[at + offset] ^= 0x40);
                let report = dir.verify();
                let seq = u64::from_le_bytes(record[8..16].try_into().unwrap());
                // A length or version may lead anywhere, so the bytes 0 to 2 are left out.
                if 3 <= offset {
                    let failure = report.failure.unwrap();
                    let place = (failure.seq, failure.offset);
                    assert_eq!(place, (Some(seq), Some(at as u64)), "byte {offset}");
                    assert!(failure.what.contains("was changed"), "{}", failure.what);
                }
            }
            at += record.len();
        }
        at = at.next_multiple_of(8);
    }
}
