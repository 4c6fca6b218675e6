//! Whatever stands in the files, there is a report.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::ledger::{Dir, HEADER, Ledger, SEGMENT, frame, segment};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Splices anywhere in the file. Bytes before the end of the last block are never passed over.
    #[test]
    fn spliced_files(splices in vec((any::<Index>(), vec(any::<u8>(), 0..200)), 1..4), cut in any::<Option<Index>>()) {
        let ledger = Ledger::sample();
        let dir = ledger.write();
        let honest = dir.get(SEGMENT);
        let end = HEADER + ledger.frames().concat().len();
        dir.edit(|bytes| {
            for (index, splice) in &splices {
                let at = index.index(end + 2_000);
                bytes[at..at + splice.len()].copy_from_slice(splice);
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
        });
        let report = dir.verify();
        prop_assert!(!report.json().is_empty() && !report.text(true).is_empty());
        // A last block whose header is bad counts as torn when there are bytes further behind and a
        // sector of zeros between: its tail is told.
        if dir.get(SEGMENT).get(..end) != Some(&honest[..end]) && report.tail.is_none() {
            prop_assert_ne!(report.exit_code(), 0, "{}", report.text(false));
        }
    }

    /// Records of any bytes in blocks whose checksums and headers fit.
    #[test]
    fn records_of_any_bytes(
        block in 0..5_usize,
        edits in vec((any::<Index>(), any::<Index>(), any::<u8>()), 1..6),
        rechain in any::<bool>(),
    ) {
        let honest = Ledger::sample();
        let mut ledger = honest.clone();
        for (record, at, byte) in edits {
            let record = record.index(ledger.blocks[block].len());
            let record = &mut ledger.blocks[block][record];
            // The length is left, so that the records after it are still met.
            let at = 2 + at.index(record.len() - 2);
            record[at] = byte;
        }
        if rechain {
            ledger.rechain();
        }
        let dir = ledger.write();
        // The last record is held by nothing but a checkpoint.
        dir.put("published/checkpoint", honest.checkpoint(11));
        let report = dir.verify();
        if ledger.records() != honest.records() {
            prop_assert_ne!(report.exit_code(), 0, "{}", report.text(false));
        }
    }

    /// No ledger at all.
    #[test]
    fn files_of_any_bytes(
        file in vec(any::<u8>(), 0..6_000),
        body in vec(any::<u8>(), 80..600),
        note in vec(any::<u8>(), 0..200),
    ) {
        let dir = Dir::new(&[segment(0, 0, [0; 32], &frame(&[body], |_| ()))]);
        dir.put("published/checkpoint", &note);
        dir.put("clean", &note);
        prop_assert_ne!(dir.verify().exit_code(), 0);
        dir.put(SEGMENT, file);
        prop_assert_ne!(dir.verify().exit_code(), 0);
    }
}
