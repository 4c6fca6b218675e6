//! Every byte of the last block cut off or damaged: the outcome is exactly what the format says.
//!
//! The judge here is a second reading of `docs/format.md`, "Opening the last segment": it works on
//! the bytes of the whole file, parses headers by itself and shares no code with `scan` and
//! `record::tail`.

use record::limits::BLOCK_BYTES_MAX;
use record::tail::SECTOR_BYTES;

use super::tests::closed;
use super::*;
use crate::conformance::BlockMaker;
use crate::disk::SimDisk;
use crate::error::Damage;

const FILE: &str = "segments/00000000000000000000.mzs";
const HEADER: usize = 4_096;

/// How opening a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Opens with this many records and nothing behind them.
    Clean(u64),
    /// Opens with this many records; a torn block behind them was overwritten.
    Torn(u64),
    /// Refused: the record at which damage begins, and where.
    Corrupt(u64, usize),
    Newer,
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

fn header_holds(bytes: &[u8]) -> bool {
    112 <= bytes.len()
        && bytes.starts_with(b"MZB1")
        && crc32c::crc32c(&bytes[8..112]) as usize == u32_at(bytes, 4)
        && u32_at(bytes, 20) <= BLOCK_BYTES_MAX
}

fn body_holds(bytes: &[u8]) -> bool {
    let end = 112 + u32_at(bytes, 20);
    end <= bytes.len() && crc32c::crc32c(&bytes[112..end]) as usize == u32_at(bytes, 96)
}

/// Reads the last segment as the format tells, all else being whole.
fn second_reading(file: &[u8]) -> Outcome {
    let (mut at, mut next, mut head, mut epoch) = (HEADER, 0, [0; 32], 0);
    loop {
        let rest = &file[at..];
        let valid = header_holds(rest)
            && u64_at(rest, 8) == next
            && rest[32..64] == head
            && epoch <= u64_at(rest, 24)
            && body_holds(rest);
        if !valid {
            return judge_again(rest, at, next);
        }
        // Padding in use is no torn write and no block of ours.
        let padding = 112 + u32_at(rest, 20)..(112 + u32_at(rest, 20)).next_multiple_of(8);
        if rest[padding.clone()].iter().any(|byte| *byte != 0) {
            return Outcome::Corrupt(next, at);
        }
        next += u32_at(rest, 16) as u64;
        head.copy_from_slice(&rest[64..96]);
        epoch = u64_at(rest, 24);
        at += padding.end;
    }
}

fn judge_again(rest: &[u8], at: usize, next: u64) -> Outcome {
    // 1. All zero from here to the end of the file.
    if rest.iter().all(|byte| *byte == 0) {
        return Outcome::Clean(next);
    }
    // 2. A whole block anywhere behind, or a byte that one block cannot reach.
    for behind in (0..rest.len()).step_by(8) {
        if header_holds(&rest[behind..]) && body_holds(&rest[behind..]) {
            return Outcome::Corrupt(next, at);
        }
    }
    let used = rest.len() - rest.iter().rev().take_while(|byte| **byte == 0).count();
    if 112 + BLOCK_BYTES_MAX < used {
        return Outcome::Corrupt(next, at);
    }
    // 3. Written completely: every sector's part of the extent holds something.
    let whole_header = header_holds(rest);
    if !whole_header && used <= 112 {
        return Outcome::Torn(next);
    }
    let extent = if whole_header { 112 + u32_at(rest, 20) } else { used };
    let mut sectors_empty = std::collections::BTreeMap::new();
    for (index, byte) in rest.iter().enumerate().take(extent) {
        *sectors_empty.entry((at + index) / SECTOR_BYTES).or_insert(true) &= *byte == 0;
    }
    // 4. Torn.
    if sectors_empty.into_values().any(|empty| empty) {
        Outcome::Torn(next)
    } else {
        Outcome::Corrupt(next, at)
    }
}

/// A log of one segment, killed after its last block.
struct Log {
    disk: SimDisk,
    /// Offset and frame of the last block.
    at: usize,
    frame: Vec<u8>,
    /// Records before the last block, and all.
    records: (u64, u64),
}

/// Makes a log whose last block begins at file offset `into_sector` modulo 512 and has `bytes`
/// bytes of records.
fn log(into_sector: usize, bytes: usize, end: bool) -> Log {
    let disk = SimDisk::new();
    let options = Options::simulated(16 * 1024);
    let mut journal = SegmentJournal::create(Arc::new(disk.clone()), "", [5; 32], options).unwrap();
    let epoch = journal.acquire().unwrap();
    let append = |journal: &mut SegmentJournal, bytes: usize| {
        let head = journal.head();
        let mut maker = BlockMaker::new(&head, epoch);
        let block = if bytes == 0 { maker.block(1, 0) } else { maker.block_of_bytes(bytes) };
        journal.append(&head.hash, block.clone()).unwrap();
        block
    };
    append(&mut journal, 0);
    append(&mut journal, 700);
    let at = usize::try_from(journal.writer().active.end).unwrap();
    // One more block, as long as it takes to begin the last one where it is wanted.
    let distance = (into_sector + 4 * SECTOR_BYTES - at % SECTOR_BYTES) % SECTOR_BYTES;
    append(&mut journal, distance + SECTOR_BYTES - 112);
    let at = usize::try_from(journal.writer().active.end).unwrap();
    assert_eq!(at % SECTOR_BYTES, into_sector);
    let before = journal.head().next_seq.0;
    let last = append(&mut journal, bytes);
    let records = (before, journal.head().next_seq.0);
    if end {
        closed(journal).unwrap();
    }
    Log { disk, at, frame: last.frame().to_vec(), records }
}

/// Opens a copy of the log after a change of its file, and says how that ended.
fn open_changed(log: &Log, change: impl FnOnce(&mut Vec<u8>)) -> (Outcome, Result<Opened, Error>) {
    let disk = log.disk.fork();
    disk.restart();
    disk.edit(FILE, change).unwrap();
    let before = disk.contents(FILE).unwrap();
    let options = Options::simulated(16 * 1024);
    let opened = SegmentJournal::open(Arc::new(disk.clone()), "", options);
    let result = opened.map(|(_, opened)| opened);
    let outcome = match &result {
        Ok(opened) if opened.torn.is_some() => Outcome::Torn(opened.head.next_seq.0),
        Ok(opened) => Outcome::Clean(opened.head.next_seq.0),
        Err(Error::Corrupt { from, offset, .. }) => {
            Outcome::Corrupt(from.0, usize::try_from(*offset).unwrap())
        }
        Err(Error::Newer { .. }) => Outcome::Newer,
        Err(error) => panic!("{error}"),
    };
    match outcome {
        // Mended: a second opening finds nothing left to do.
        Outcome::Torn(records) | Outcome::Clean(records) => {
            disk.restart();
            let (_, again) = SegmentJournal::open(Arc::new(disk), "", options).unwrap();
            assert_eq!((again.head.next_seq.0, again.torn), (records, None));
        }
        // Refused: nothing was changed.
        Outcome::Corrupt(..) | Outcome::Newer => {
            assert_eq!(disk.contents(FILE).unwrap(), before, "a refusal writes nothing");
        }
    }
    (outcome, result)
}

/// Where a last block can begin in its sector: at its start, well inside, with its header cut by
/// the sector's end, and with 8 bytes left in it. How long it can be: less than a sector, a few.
const PLACES: [(usize, usize); 8] = [
    (0, 100),
    (0, 1_301),
    (96, 300),
    (96, 1_300),
    (424, 81),
    (424, 1_299),
    (504, 128),
    (504, 2_047),
];

#[test]
fn the_last_block_cut_off_at_every_byte() {
    let mut seen = [0; 3];
    for (into_sector, bytes) in PLACES {
        let log = log(into_sector, bytes, false);
        for cut in 0..=log.frame.len() {
            // Never written from `cut` on: the file was zero-filled.
            let (outcome, _) = open_changed(&log, |file| file[log.at + cut..].fill(0));
            let mut file = log.disk.contents(FILE).unwrap();
            file[log.at + cut..].fill(0);
            let what = format!("({into_sector}, {bytes}) cut at {cut}");
            assert_eq!(outcome, second_reading(&file), "{what}");
            seen[match outcome {
                Outcome::Clean(_) => 0,
                Outcome::Torn(_) => 1,
                Outcome::Corrupt(..) | Outcome::Newer => 2,
            }] += 1;
            // And said without any judge: at sector ends, what a power cut leaves is never refused.
            if (log.at + cut).is_multiple_of(SECTOR_BYTES) {
                assert!(!matches!(outcome, Outcome::Corrupt(..)), "{what}: {outcome:?}");
            }
            if cut == 0 {
                assert_eq!(outcome, Outcome::Clean(log.records.0), "{what}");
            }
            if cut == log.frame.len() {
                assert_eq!(outcome, Outcome::Clean(log.records.1), "{what}");
            }
        }
    }
    assert!(seen.iter().all(|n| 10 < *n), "clean, torn, corrupt: {seen:?}");
}

#[test]
fn every_byte_of_the_last_block_damaged() {
    let mut seen = [0; 3];
    for (into_sector, bytes) in PLACES {
        let log = log(into_sector, bytes, false);
        for index in 0..log.frame.len() {
            for flip in [1, 0x80, 0xff, log.frame[index]] {
                if flip == 0 {
                    continue;
                }
                let (outcome, _) = open_changed(&log, |file| file[log.at + index] ^= flip);
                let mut file = log.disk.contents(FILE).unwrap();
                file[log.at + index] ^= flip;
                let what = format!("({into_sector}, {bytes}) byte {index} ^ {flip:#x}");
                assert_eq!(outcome, second_reading(&file), "{what}");
                // A block that was written whole is never taken for a torn one, nor for a good one.
                assert_eq!(outcome, Outcome::Corrupt(log.records.0, log.at), "{what}");
                seen[2] += 1;
            }
        }
    }
    assert!(10_000 < seen[2], "{seen:?}");
}

#[test]
fn every_byte_of_an_earlier_block_damaged() {
    let log = log(96, 300, false);
    let file = log.disk.contents(FILE).unwrap();
    // The block before the last one, of one record.
    for at in log.at - SECTOR_BYTES..log.at {
        let (outcome, result) = open_changed(&log, |file| file[at] ^= 0x10);
        let mut file = file.clone();
        file[at] ^= 0x10;
        assert_eq!(outcome, second_reading(&file), "byte {at}");
        let Err(Error::Corrupt { segment, offset, from, to, what }) = result else {
            panic!("byte {at}: {outcome:?}")
        };
        assert_eq!(segment, FILE);
        assert!(from.0 < log.records.0 && offset < log.at as u64, "byte {at}: {from}, {offset}");
        let behind = matches!(*what, Damage::ValidBlockBehind { .. } | Damage::Block(_));
        assert!(behind && to.is_some_and(|to| from <= to), "byte {at}: {what}");
    }
}

#[test]
fn any_choice_of_sectors_of_the_last_block_is_torn_or_whole() {
    for (into_sector, bytes) in PLACES {
        let log = log(into_sector, bytes, false);
        let first = log.at / SECTOR_BYTES;
        let sectors = (log.at + log.frame.len() - 1) / SECTOR_BYTES - first + 1;
        for choice in 0..1_u32 << sectors {
            let (outcome, _) = open_changed(&log, |file| {
                for sector in (0..sectors).filter(|sector| choice & 1 << sector == 0) {
                    let start = ((first + sector) * SECTOR_BYTES).max(log.at);
                    file[start..(first + sector + 1) * SECTOR_BYTES].fill(0);
                }
            });
            let expected = if choice + 1 == 1 << sectors { log.records.1 } else { log.records.0 };
            let whole = matches!(outcome, Outcome::Clean(n) | Outcome::Torn(n) if n == expected);
            // Zeros at the end of a block may stand for themselves: then it is whole all the same.
            let by_luck = outcome == Outcome::Clean(log.records.1);
            assert!(whole || by_luck, "({into_sector}, {bytes}), choice {choice:b}: {outcome:?}");
        }
    }
}

/// SplitMix64.
fn next(random: &mut u64) -> usize {
    *random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*random ^ (*random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    usize::try_from((z ^ (z >> 27)) >> 33).unwrap()
}

#[test]
fn any_bytes_open_or_are_refused_with_the_same_words() {
    let log = log(96, 1_300, false);
    let (mut random, mut seen) = (1, [0; 4]);
    for _ in 0..3_000 {
        let mut file = log.disk.contents(FILE).unwrap();
        for _ in 0..=next(&mut random) % 4 {
            // A few bytes, or a stretch of zeros, of other bytes, of the file itself.
            let at = HEADER + next(&mut random) % (log.at + 2_000 - HEADER);
            let len = 1 + next(&mut random) % [4, 112, 1_200][next(&mut random) % 3];
            let from = HEADER + next(&mut random) % 6_000 / 8 * 8;
            let copy = file[from..from + len].to_vec();
            match next(&mut random) % 4 {
                0 => file[at] ^= 1 << (next(&mut random) % 8),
                1 => file[at..at + len].fill(0),
                2 => file[at..at + len].fill_with(|| next(&mut random).to_le_bytes()[0]),
                _ => file[at / 8 * 8..at / 8 * 8 + len].copy_from_slice(&copy),
            }
        }
        let expected = second_reading(&file);
        let (outcome, _) = open_changed(&log, |old| *old = file);
        assert_eq!(outcome, expected);
        seen[match outcome {
            Outcome::Clean(_) => 0,
            Outcome::Torn(_) => 1,
            Outcome::Corrupt(..) => 2,
            Outcome::Newer => 3,
        }] += 1;
    }
    assert!(seen[..3].iter().all(|n| 20 < *n), "clean, torn, corrupt, newer: {seen:?}");
}

#[test]
fn after_a_clean_stop_anything_else_is_damage() {
    let log = log(96, 300, true);
    let (outcome, result) = open_changed(&log, |_| {});
    assert_eq!(outcome, Outcome::Clean(log.records.1));
    assert!(result.unwrap().clean);
    for cut in 0..log.frame.len() {
        let touched = log.frame[cut..].iter().any(|byte| *byte != 0);
        let (outcome, _) = open_changed(&log, |file| file[log.at + cut..].fill(0));
        let refused = matches!(outcome, Outcome::Corrupt(from, at)
            if from == log.records.0 && at == log.at);
        assert!(refused == touched, "cut at {cut}: {outcome:?}");
    }
    // What would be a torn tail otherwise.
    let (outcome, result) = open_changed(&log, |file| file[log.at + log.frame.len()] = 1);
    assert_eq!(outcome, Outcome::Corrupt(log.records.1, log.at + log.frame.len()));
    let text = result.unwrap_err().to_string();
    assert!(text.contains("the marker `clean` says the log ended whole at 4 records, 4"), "{text}");
}

#[test]
fn a_damaged_marker_is_refused() {
    let log = log(96, 300, true);
    let marker = log.disk.contents("clean").unwrap();
    for index in 0..marker.len() {
        let disk = log.disk.fork();
        disk.restart();
        disk.edit("clean", |text| text[index] ^= 1).unwrap();
        let opened = SegmentJournal::open(Arc::new(disk), "", Options::simulated(16 * 1024));
        let refused = matches!(opened, Err(Error::Corrupt { .. }));
        assert!(refused, "byte {index}: {}", marker.escape_ascii());
    }
}

#[test]
fn every_byte_of_a_segment_header_damaged() {
    let log = log(96, 300, false);
    for index in 0..HEADER {
        let (outcome, _) = open_changed(&log, |file| file[index] ^= 0x10);
        // The magic's last byte is the version, and the checksum does not cover it.
        let expected = if index == 7 { Outcome::Newer } else { Outcome::Corrupt(0, 0) };
        assert_eq!(outcome, expected, "byte {index}");
    }
}

#[test]
fn a_file_of_another_size_than_its_header_says_is_damaged() {
    let log = log(96, 300, false);
    for size in [0, 1, HEADER - 1, HEADER, log.at, log.at + 1, 16 * 1024 - 1, 16 * 1024 + 1] {
        let (outcome, _) = open_changed(&log, |file| file.resize(size, 0));
        let expected = if size < HEADER { 0 } else { 12 };
        assert_eq!(outcome, Outcome::Corrupt(0, expected), "{size} bytes");
    }
}
