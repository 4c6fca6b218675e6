//! What may stand behind the last whole block, and what may not.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use crate::ledger::{Dir, HEADER, Ledger, SEGMENT, SIZE, fails, holds};

/// The sample, one more block that is to be torn, and where it begins.
fn torn() -> (Ledger, Vec<u8>, usize) {
    let ledger = Ledger::sample();
    let mut more = ledger.clone();
    more.voucher(&[&[("Q.plan.H.4414", -1), ("Q.owed.H.4414", 1)][..]; 12]);
    let block = more.frames().pop().unwrap();
    let at = HEADER + ledger.frames().concat().len();
    assert!(1_600 < block.len() && block.len() < 3_000, "{}", block.len());
    (ledger, block, at)
}

fn with(ledger: &Ledger, at: usize, bytes: &[u8]) -> Dir {
    let dir = ledger.write();
    dir.edit(|file| file[at..at + bytes.len()].copy_from_slice(bytes));
    dir
}

fn check_tail(dir: &Dir, at: usize, bytes: usize) {
    let report = dir.verify();
    holds(&report);
    let tail = report.tail.clone().expect("a tail");
    assert_eq!((tail.offset, tail.bytes), (at as u64, bytes as u64));
    assert_eq!(tail.segment, SEGMENT);
    assert!(report.text(false).contains("are no evidence"));
    let mut options = dir.options();
    options.strict = true;
    fails(&verify::verify(&options), "tail", None, "are no evidence");
}

/// Bytes up to the last one that is not zero.
fn used(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1
}

#[test]
fn a_torn_block_is_a_tail() {
    let (ledger, block, at) = torn();
    let sector = 512 - at % 512;
    // Cut off behind each of its sectors; with a sector missing within; with only its last one.
    for cut in (sector..block.len()).step_by(512) {
        let part = &block[..cut];
        check_tail(&with(&ledger, at, part), at, used(part));
        let mut holed = block.clone();
        holed[cut..(cut + 512).min(block.len())].fill(0);
        check_tail(&with(&ledger, at, &holed), at, used(&holed));
    }
    let mut late = block.clone();
    late[..sector + 512].fill(0);
    check_tail(&with(&ledger, at, &late), at, used(&late));
    // Less than a header.
    check_tail(&with(&ledger, at, &block[..50]), at, used(&block[..50]));
}

#[test]
fn zeros_are_no_tail_and_a_whole_block_is_none() {
    let (ledger, block, at) = torn();
    let report = ledger.write().verify();
    assert_eq!((report.records, report.tail), (11, None));
    let report = with(&ledger, at, &block).verify();
    assert_eq!((report.records, report.tail), (24, None));
}

#[test]
fn damage_is_not_called_torn() {
    let (ledger, block, at) = torn();
    // Written completely, then damaged: in the body, in the header.
    for index in [200, block.len() / 2, 0, 8, 40] {
        let mut damaged = block.clone();
        damaged[index] ^= 0x11;
        let report = with(&ledger, at, &damaged).verify();
        let seq = match index {
            200 => 12,
            _ if index < 112 => 11,
            _ => 17,
        };
        fails(&report, "framing", Some(seq), "written completely and damaged since");
        assert!(report.failure.unwrap().offset.unwrap() <= (at + index) as u64);
    }
    // A hole, and a valid block behind it.
    let mut more = ledger.clone();
    more.voucher(&[]);
    let behind = more.frames().pop().unwrap();
    let mut holed = block.clone();
    holed[512..1_024].fill(0);
    holed.extend(&behind);
    fails(&with(&ledger, at, &holed).verify(), "framing", Some(14), "checksum of block body");
    holed[..200].fill(0);
    fails(&with(&ledger, at, &holed).verify(), "framing", Some(11), "a valid block follows");
    // A valid block that does not belong here.
    let other = ledger.frames()[2].clone();
    fails(&with(&ledger, at, &other).verify(), "framing", Some(11), "first_seq is 4, 11 expected");
}

#[test]
fn bytes_further_than_a_block_reaches_are_damage() {
    let ledger = Ledger::sample();
    let at = HEADER + ledger.frames().concat().len();
    let mut bytes = ledger.write().get(SEGMENT);
    bytes.resize(20 << 20, 0);
    let mut header = record::SegmentHeader::decode(&bytes).unwrap();
    header.file_size = bytes.len() as u32;
    bytes[..HEADER].copy_from_slice(&header.encode());
    let reach = at + 112 + (16 << 20);
    let mut near = bytes.clone();
    near[reach - 1] = 1;
    let report = Dir::new(&[near]).verify();
    holds(&report);
    assert_eq!(report.tail.unwrap().bytes, 112 + (16 << 20));
    bytes[reach] = 1;
    fails(&Dir::new(&[bytes]).verify(), "framing", Some(11), "where no block reaches");
}

#[test]
fn padding_is_zero() {
    let ledger = Ledger::sample();
    let mut at = HEADER;
    let mut met = 0;
    for records in &ledger.blocks {
        let end = at + 112 + records.concat().len();
        at = end.next_multiple_of(8);
        for pad in end..at {
            let dir = ledger.write();
            dir.edit(|bytes| bytes[pad] = 1);
            fails(
                &dir.verify(),
                "framing",
                Some(u64::from_le_bytes(records[0][8..16].try_into().unwrap())),
                "padding is not zero",
            );
            met += 1;
        }
    }
    assert!(3 < met, "{met} bytes of padding");
}

fn marker(size: u64, head: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = format!("{size}\n");
    for byte in head {
        write!(text, "{byte:02x}").unwrap();
    }
    text + "\n"
}

#[test]
fn the_marker_of_a_clean_stop_is_held_to_its_word() {
    let (ledger, block, at) = torn();
    let check = |dir: &Dir, text: &str, ok: Option<bool>| {
        dir.put("clean", text);
        let report = dir.verify();
        let clean = report.checks.iter().find(|check| check.name == "clean").unwrap();
        assert_eq!(clean.ok, ok, "{}", report.text(false));
        assert_eq!(report.exit_code(), u8::from(ok == Some(false)));
    };
    let true_marker = marker(11, &ledger.head());
    let dir = ledger.write();
    check(&dir, &true_marker, Some(true));
    check(&dir, &marker(10, &ledger.head()), Some(false));
    check(&dir, &marker(12, &ledger.head()), Some(false));
    check(&dir, &marker(11, &[1; 32]), Some(false));
    check(&dir, "", Some(false));
    check(&with(&ledger, at, &block), &true_marker, Some(false));
    check(&with(&ledger, at, &block[..50]), &true_marker, Some(false));
    // After another failure nothing is said about the end.
    let dir = ledger.write();
    dir.edit(|bytes| bytes[HEADER + 120] ^= 1);
    dir.put("clean", &true_marker);
    let report = dir.verify();
    assert_eq!(report.failure.unwrap().check, "framing");
}

/// A server writes while we look: what looks torn is half of its next block.
#[test]
fn a_ledger_in_use_is_looked_at_again() {
    let (ledger, block, at) = torn();
    let dir = with(&ledger, at, &block[..600]);
    dir.put("LOCK", "");
    check_tail(&dir, at, 600);
    let report = std::thread::scope(|scope| {
        // In its place, as a server does: to write the whole file anew would cut it for a moment.
        scope.spawn(|| {
            let file = OpenOptions::new().write(true).open(dir.path(SEGMENT)).unwrap();
            file.write_all_at(&block, at as u64).unwrap();
        });
        dir.verify()
    });
    // Seen before, during or after the write: never as damage.
    assert_ne!(report.exit_code(), 1, "{}", report.text(false));
}

#[test]
fn an_unused_size_never_hangs() {
    let dir = Ledger::sample().write();
    // Many valid headers without bodies behind a bad place.
    let frames = Ledger::sample().frames();
    let (_, _, at) = torn();
    dir.edit(|bytes| {
        bytes[at] = 1;
        for place in (at + 8..SIZE - 112).step_by(112) {
            bytes[place..place + 112].copy_from_slice(&frames[3][..112]);
        }
    });
    fails(&dir.verify(), "framing", Some(11), "a valid block follows");
}
