//! A log that cannot be opened says which file, where, and which records; and is left as it is.

use super::tests::{append, closed, segment_names, sim, writer};
use super::*;
use crate::disk::SimDisk;

/// A log of several segments, closed or not, and where each segment begins.
fn long_log(blocks: usize) -> (SimDisk, Arc<dyn Disk>, Vec<String>) {
    let (sim, disk) = sim();
    let (mut journal, epoch) = writer(&disk, Options::simulated(16 * 1024));
    append(&mut journal, epoch, 0).unwrap();
    for _ in 1..blocks {
        append(&mut journal, epoch, 3_000).unwrap();
    }
    drop(journal);
    let names = segment_names(&disk);
    assert!(3 <= names.len());
    (sim, disk, names.iter().map(|name| format!("segments/{name}")).collect())
}

fn refusal(disk: &Arc<dyn Disk>) -> String {
    let options = Options::simulated(16 * 1024);
    let error = SegmentJournal::open(disk.clone(), "", options).map(|_| ()).unwrap_err();
    let same = open_read_only(disk.clone(), "").map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), same.to_string());
    error.to_string()
}

#[test]
fn damage_before_the_last_segment_is_named_with_its_place() {
    let (sim, _, paths) = long_log(14);
    // Segment 0: genesis and three blocks; then four blocks of one record a segment.
    let cases: [(&str, usize, u8, &str); 4] = [
        // A block header in the middle.
        (
            &paths[1],
            4_096 + 2 * 3_112 + 20,
            1,
            "segments/00000000000000000004.mzs, offset 10320: \
         offset 4: checksum of block header is ",
        ),
        // The padding behind the last block.
        (
            &paths[1],
            16_380,
            9,
            "segments/00000000000000000004.mzs, offset 13432: offset 0: no block \
         begins here; a later segment exists; records from 7 on",
        ),
        // The header of a segment.
        (
            &paths[1],
            40,
            1,
            "segments/00000000000000000004.mzs, offset 0: offset 8: checksum of \
         segment header is ",
        ),
        (
            &paths[2],
            0,
            1,
            "segments/00000000000000000007.mzs, offset 0: offset 0: no segment begins \
         here; records 7-9",
        ),
    ];
    for (path, offset, flip, expected) in cases {
        let copy = sim.fork();
        copy.restart();
        copy.edit(path, |bytes| bytes[offset] ^= flip).unwrap();
        let text = refusal(&(Arc::new(copy) as Arc<dyn Disk>));
        assert!(text.starts_with(expected), "{path} {offset}: {text}");
    }
}

#[test]
fn missing_segments_are_noticed() {
    let (sim, _, paths) = long_log(18);
    let without = |path: &str| {
        let copy = sim.fork();
        copy.restart();
        copy.remove(path).unwrap();
        Arc::new(copy) as Arc<dyn Disk>
    };
    let text = refusal(&without(&paths[0]));
    let expected = "segments/00000000000000000004.mzs, offset 16: first_seq of the segment header \
                    is 4, 0 expected; records 0-3";
    assert_eq!(text, expected);
    let text = refusal(&without(&paths[1]));
    let expected = "segments/00000000000000000000.mzs, offset 13656: no block; a later segment \
                    exists; records 4-6";
    assert_eq!(text, expected);
    // The last one cannot be missed from within: that is what the published checkpoint is for ...
    let cut = without(paths.last().unwrap());
    let (_, opened) = open_read_only(cut, "").unwrap();
    assert!(opened.head.next_seq.0 < 18);
    // ... or the marker of a clean stop.
    let copy = sim.fork();
    copy.restart();
    let disk: Arc<dyn Disk> = Arc::new(copy.clone());
    let (journal, _) =
        SegmentJournal::open(disk.clone(), "", Options::simulated(16 * 1024)).unwrap();
    closed(journal).unwrap();
    copy.remove(paths.last().unwrap()).unwrap();
    let text = refusal(&disk);
    assert!(
        text.contains("the marker `clean` says the log ended whole at 18 records, 16"),
        "{text}"
    );
}

type Change = fn(&mut SegmentHeader);

#[test]
fn a_header_that_disagrees_with_its_log_is_refused() {
    let (sim, _, paths) = long_log(14);
    let changed = |path: &str, change: Change| {
        let copy = sim.fork();
        copy.restart();
        copy.edit(path, |bytes| {
            let mut header = SegmentHeader::decode(bytes).unwrap();
            change(&mut header);
            bytes[..SEGMENT_HEADER_BYTES].copy_from_slice(&header.encode());
        })
        .unwrap();
        refusal(&(Arc::new(copy) as Arc<dyn Disk>))
    };
    let cases: [(Change, &str); 6] = [
        (
            |header| header.file_size += 8,
            "offset 12: file size of the segment header is 16392, 16384",
        ),
        (
            |header| header.first_seq = record::Seq(8),
            "offset 16: first_seq of the segment header is 8, 7",
        ),
        (|header| header.number = 7, "offset 24: number of the segment header is 7, 2 expected"),
        (|header| header.prev = [3; 32], "offset 32: prev of the segment header is 0303"),
        (|header| header.log_id = [6; 32], "offset 64: log id of the segment header is 0606"),
        (|header| header.epoch = 0, "offset 96: epoch of the segment header is 0, 1 expected"),
    ];
    for (change, expected) in cases {
        let text = changed(&paths[2], change);
        assert!(text.contains(expected), "{expected}: {text}");
        assert!(text.starts_with(&paths[2]), "{text}");
    }
    // An epoch that rises too early makes the blocks behind it fall.
    let text = changed(&paths[2], |header| header.epoch = 2);
    assert!(text.contains("offset 4096: epoch falls from 2 to 1; a later segment"), "{text}");
}

#[test]
fn damage_in_an_earlier_body_is_found_by_whoever_reads_it() {
    let (sim, disk, paths) = long_log(14);
    let intact = open_read_only(disk, "").unwrap().0.block_of(record::Seq(5)).unwrap().unwrap();
    let copy = sim.fork();
    copy.restart();
    copy.edit(&paths[1], |bytes| bytes[4_096 + 3_112 + 500] ^= 4).unwrap();
    let copy: Arc<dyn Disk> = Arc::new(copy);
    // Opening does not read it.
    let (reader, _) = open_read_only(copy, "").unwrap();
    let error = reader.block_of(record::Seq(5)).map(|_| ()).unwrap_err();
    let text = error.to_string();
    let expected =
        "segments/00000000000000000004.mzs, offset 7208: offset 96: checksum of block body is ";
    assert!(text.starts_with(expected) && text.ends_with("; record 5"), "{text}");
    let items: Vec<_> = reader.blocks(record::Seq(0)).collect();
    assert_eq!(items.len(), 6, "five blocks, then the error, then nothing");
    assert!(items[5].is_err() && items[..5].iter().all(Result::is_ok));
    assert_eq!(intact.first_seq(), record::Seq(5));
}

/// Gives the block's first record another version and mends all checksums.
fn newer_record(frame: &mut [u8]) {
    frame[112 + 2] = 2;
    let body_end = 112 + u32::from_le_bytes(frame[20..24].try_into().unwrap()) as usize;
    let crc = crc32c::crc32c(&frame[112..body_end]);
    frame[96..100].copy_from_slice(&crc.to_le_bytes());
    let crc = crc32c::crc32c(&frame[8..112]);
    frame[4..8].copy_from_slice(&crc.to_le_bytes());
}

#[test]
fn what_a_newer_program_wrote_is_not_called_damage() {
    let (sim, _, paths) = long_log(14);
    let changed = |path: &str, at: usize| {
        let copy = sim.fork();
        copy.restart();
        copy.edit(path, |bytes| newer_record(&mut bytes[at..])).unwrap();
        Arc::new(copy) as Arc<dyn Disk>
    };
    // In the last segment opening tells, in an earlier one reading.
    let text = refusal(&changed(paths.last().unwrap(), 4_096));
    let expected = "a record of segments/00000000000000000013.mzs, block at offset 4096, has \
                    version 2, this program reads up to 1";
    assert_eq!(text, expected);
    let (reader, _) = open_read_only(changed(&paths[1], 4_096), "").unwrap();
    let error = reader.block_of(record::Seq(4)).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Newer { found: 2, max: 1, .. }), "{error}");
    let copy = sim.fork();
    copy.restart();
    copy.edit(&paths[1], |bytes| bytes[7] = 2).unwrap();
    let text = refusal(&(Arc::new(copy) as Arc<dyn Disk>));
    assert_eq!(text, "segments/00000000000000000004.mzs has version 2, this program reads up to 1");
}

#[test]
fn a_log_that_ends_before_its_checkpoint_is_left_as_it_is() {
    let (sim, disk, paths) = long_log(14);
    let last = paths.last().unwrap();
    // The last block, as torn as it can be.
    sim.edit(last, |bytes| bytes[4_096 + 1_024..].fill(0)).unwrap();
    let before = sim.contents(last).unwrap();
    let options = Options { published: 14, ..Options::simulated(16 * 1024) };
    let error = SegmentJournal::open(disk.clone(), "", options).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "ledger has 13 records, the checkpoint speaks of 14");
    assert_eq!(sim.contents(last).unwrap(), before);
    let options = Options { published: 13, ..options };
    let (_, opened) = SegmentJournal::open(disk, "", options).unwrap();
    assert_eq!(opened.torn.map(|tail| (tail.offset, 900 < tail.bytes)), Some((4_096, true)));
    assert_ne!(sim.contents(last).unwrap(), before);
}
