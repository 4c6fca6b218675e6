//! Headers against what they frame, and segments against each other.

use record::{BlockHeader, SegmentHeader, Seq, chain_hash};

use crate::ledger::{Dir, HEADER, Ledger, SEGMENT, SIZE, fails, frame, holds, segment};

#[test]
fn a_true_ledger_holds() {
    let ledger = Ledger::sample();
    let report = ledger.write().verify();
    holds(&report);
    assert_eq!((report.records, report.chain_head), (11, ledger.head()));
    assert_eq!(report.tree_root, ledger.root_at(11));
    assert_eq!(report.seals.0, 2);
    assert_eq!(report.origin.as_deref(), Some("ledger.example/gd"));
    assert_eq!(report.synthetic, Some(20_160_604));
    assert_eq!(report.kinds[&300], 2);
    assert_eq!(report.classes["C.hh"], (1, 300_000));
}

#[test]
fn a_large_ledger_is_walked_by_many_threads_alike() {
    let mut ledger = Ledger::sample();
    // Some blocks of a megabyte, so that there are several jobs.
    let legs: crate::ledger::Legs<'_> = &[("Q.plan.H.4414", -1), ("Q.owed.H.4414", 1)];
    let mut frames = ledger.frames();
    for _ in 0..4 {
        ledger.voucher(&vec![legs; 5_000]);
        frames.push(frame(ledger.blocks.last().unwrap(), |_| ()));
    }
    ledger.seal();
    frames.push(frame(ledger.blocks.last().unwrap(), |_| ()));
    let mut bytes = segment(0, 0, [0; 32], &[]);
    bytes.truncate(HEADER);
    bytes.extend(frames.concat());
    let mut header = SegmentHeader::decode(&bytes).unwrap();
    header.file_size = bytes.len() as u32;
    bytes[..HEADER].copy_from_slice(&header.encode());
    let dir = Dir::new(&[bytes]);
    dir.put("published/1", ledger.checkpoint(5));
    dir.put("published/2", ledger.checkpoint(5_012));
    dir.put("published/3", ledger.checkpoint(ledger.len()));
    let alone = dir.verify();
    holds(&alone);
    assert_eq!(alone.tree_root, ledger.root_at(ledger.len()));
    for threads in [2, 3, 8] {
        let mut options = dir.options();
        options.threads = std::num::NonZeroUsize::new(threads);
        assert_eq!(verify::verify(&options).json(), alone.json());
    }
    // The first failure is the same, too, whoever comes upon it.
    dir.edit(|bytes| {
        let at = bytes.len();
        bytes[at / 3] ^= 1;
        bytes[at / 2] ^= 1;
    });
    let alone = dir.verify();
    assert!(alone.failure.as_ref().unwrap().what.contains("was changed"));
    for threads in [2, 8] {
        let mut options = dir.options();
        options.threads = std::num::NonZeroUsize::new(threads);
        assert_eq!(verify::verify(&options).failure, alone.failure);
    }
}

#[test]
fn block_headers_must_agree() {
    let check = |change: &dyn Fn(&mut BlockHeader), seq: u64, words: &str| {
        let ledger = Ledger::sample();
        let mut frames = ledger.frames();
        frames[1] = frame(&ledger.blocks[1], change);
        let dir = Dir::new(&[segment(0, 0, [0; 32], &frames.concat())]);
        fails(&dir.verify(), "framing", Some(seq), words);
    };
    check(&|h| h.first_seq = Seq(2), 1, "first_seq is 2, 1 expected");
    check(&|h| h.count = 2, 1, "count: the block header says 2, there are 3");
    check(&|h| h.epoch = 0, 1, "epoch, which never falls, is 0, 1 expected");
    check(&|h| h.epoch = 2, 4, "epoch, which never falls, is 1, 2 expected");
    check(&|h| h.prev_head[0] ^= 1, 1, "prev_head");
    check(&|h| h.head[0] ^= 1, 1, "head: the block header says");
    check(&|h| h.body_len -= 8, 3, "checksum");
}

/// The sample in two segments, the cut behind `blocks`.
fn two(blocks: usize, change: impl Fn(&mut SegmentHeader)) -> Dir {
    let ledger = Ledger::sample();
    let frames = ledger.frames();
    let before = ledger.blocks[..blocks].concat();
    let prev = chain_hash(before.last().unwrap());
    let mut second = segment(1, before.len() as u64, prev, &frames[blocks..].concat());
    let mut header = SegmentHeader::decode(&second).unwrap();
    change(&mut header);
    second[..HEADER].copy_from_slice(&header.encode());
    let dir = Dir::new(&[segment(0, 0, [0; 32], &frames[..blocks].concat())]);
    dir.put(&format!("segments/{:020}.mzs", before.len()), second);
    dir.put("segments/next.tmp", [0; 100]);
    dir
}

#[test]
fn segments_must_follow_each_other() {
    for blocks in 1..=4 {
        holds(&two(blocks, |_| ()).verify());
    }
    // A segment was made and nothing written to it yet.
    holds(&two(5, |_| ()).verify());
    let check = |change: &dyn Fn(&mut SegmentHeader), words: &str| {
        fails(&two(3, change).verify(), "framing", Some(5), words);
    };
    check(&|h| h.first_seq = Seq(6), "first_seq is 6, 5 expected");
    check(&|h| h.number = 2, "number is 2, 1 expected");
    check(&|h| h.prev[9] ^= 1, "prev is");
    check(&|h| h.log_id[9] ^= 1, "log id is");
    check(&|h| h.epoch = 0, "epoch");
    check(&|h| h.file_size += 1, "file_size is 24577, 24576 expected");
    let dir = two(3, |_| ());
    std::fs::remove_file(dir.path(SEGMENT)).unwrap();
    fails(&dir.verify(), "framing", Some(0), "first_seq is 5, 0 expected");
    let dir = two(3, |_| ());
    let second = dir.path("segments/00000000000000000005.mzs");
    std::fs::rename(second, dir.path("segments/00000000000000000007.mzs")).unwrap();
    fails(&dir.verify(), "framing", Some(5), "file name is segments/00000000000000000007.mzs");
}

#[test]
fn a_segment_that_is_not_the_last_ends_in_zeros() {
    for at in [SIZE - 1, SIZE - 8, HEADER + 3_000] {
        let dir = two(3, |_| ());
        dir.edit(|bytes| bytes[at] = 1);
        let report = dir.verify();
        fails(&report, "framing", Some(5), "a later segment exists");
        let end = HEADER + Ledger::sample().frames()[..3].concat().len();
        assert_eq!(report.failure.unwrap().offset, Some(end as u64));
    }
    // A torn block is no tail there either.
    let dir = two(3, |_| ());
    let end = Ledger::sample().frames()[..3].concat().len();
    dir.edit(|bytes| bytes[HEADER + end] = b'M');
    fails(&dir.verify(), "framing", Some(5), "no whole block");
}

#[test]
fn another_logs_segments_are_not_this_logs() {
    let ledger = Ledger::sample();
    let mut bytes = segment(0, 0, [0; 32], &ledger.frames().concat());
    let mut header = SegmentHeader::decode(&bytes).unwrap();
    header.log_id = record::log_id("another.example/log");
    bytes[..HEADER].copy_from_slice(&header.encode());
    fails(&Dir::new(&[bytes]).verify(), "framing", Some(0), "log id");
}

#[test]
fn no_ledger_and_newer_ledgers_are_not_judged() {
    let dir = Dir::new(&[]);
    assert_eq!(dir.verify().exit_code(), 2);
    std::fs::remove_dir(dir.path("segments")).unwrap();
    assert_eq!(dir.verify().problem.unwrap().code, "MZ-9008");
    // A segment without a record: `init` did not come to its end.
    assert_eq!(Dir::new(&[segment(0, 0, [0; 32], &[])]).verify().exit_code(), 2);
    let dir = Ledger::sample().write();
    dir.edit(|bytes| bytes[7] = 2);
    let problem = dir.verify().problem.unwrap();
    assert_eq!((problem.code, problem.exit), ("MZ-9006", 2));
    let dir = Ledger::sample().write();
    dir.edit(|bytes| bytes.truncate(SIZE - 1));
    fails(&dir.verify(), "framing", Some(0), "file_size");
    dir.edit(|bytes| bytes.truncate(100));
    fails(&dir.verify(), "framing", Some(0), "segment header");
}
