//! What people do to a ledger, ever more thoroughly, and who notices.

use record::{BlockHeader, Record, system};

use crate::ledger::{DATE, Ledger, NOON_MS, fails, frame, holds, raw_record};

/// Changes the amount of two legs of the payment, so that all sums still hold.
fn pay_less(ledger: &mut Ledger) {
    let payment = &mut ledger.blocks[3][4];
    let record = Record::parse(payment).unwrap();
    let legs: Vec<_> = record.legs().map(|leg| (leg.path.to_owned(), leg.fen / 3)).collect();
    let mut at = 80;
    for (path, fen) in legs {
        payment[at..at + 8].copy_from_slice(&fen.to_le_bytes());
        at += 9 + path.len();
    }
}

/// The frames as they were, with one that was changed and only its checksums made to fit.
fn with_crcs_only(ledger: &Ledger, changed: &Ledger, block: usize) -> Vec<u8> {
    let mut frames = ledger.frames();
    let old = BlockHeader::decode(&frames[block]).unwrap();
    frames[block] = frame(&changed.blocks[block], |header| {
        *header = BlockHeader { body_crc: header.body_crc, ..old };
    });
    frames.concat()
}

fn write_frames(frames: &[u8]) -> crate::ledger::Dir {
    crate::ledger::Dir::new(&[crate::ledger::segment(0, 0, [0; 32], frames)])
}

#[test]
fn checksums_are_no_defence_and_not_needed() {
    let ledger = Ledger::sample();
    let mut changed = ledger.clone();
    pay_less(&mut changed);
    let dir = write_frames(&with_crcs_only(&ledger, &changed, 3));
    fails(&dir.verify(), "framing", Some(5), "head: the block header says");
    // With a header that agrees, the next block continues another head.
    fails(&changed.write().verify(), "framing", Some(10), "prev_head");
    // Within a block the next record gives it away.
    let mut changed = ledger.clone();
    changed.blocks[3][1][64] ^= 1;
    fails(&changed.write().verify(), "chain", Some(7), "does not continue the chain");
}

#[test]
fn a_new_chain_is_caught_by_the_seal() {
    let mut ledger = Ledger::sample();
    pay_less(&mut ledger);
    ledger.rechain();
    fails(&ledger.write().verify(), "seals", Some(10), "tree root in the seal");
}

#[test]
fn new_seals_are_caught_by_any_checkpoint() {
    let honest = Ledger::sample();
    let mut ledger = honest.clone();
    pay_less(&mut ledger);
    ledger.reseal();
    let dir = ledger.write();
    holds(&dir.verify());
    dir.put("published/checkpoint", honest.checkpoint(11));
    fails(&dir.verify(), "published", None, "our root at its size 11");
    dir.put("published/checkpoint", ledger.checkpoint(11));
    holds(&dir.verify());
    dir.put("held-since-may", honest.checkpoint(11));
    let mut options = dir.options();
    options.against = Some(dir.path("held-since-may"));
    fails(&verify::verify(&options), "against", None, "our root at its size 11");
}

#[test]
fn removed_doubled_swapped_inserted() {
    let honest = Ledger::sample();
    let check = |change: &dyn Fn(&mut Ledger), name: &str, seq: u64, words: &str| {
        let mut ledger = honest.clone();
        change(&mut ledger);
        fails(&ledger.write().verify(), name, Some(seq), words);
    };
    check(&|l| drop(l.blocks[3].remove(2)), "chain", 7, "position 8 where 7 is due");
    check(&|l| drop(l.blocks.remove(2)), "framing", 4, "first_seq is 5, 4 expected");
    let (doubled, voucher) = (honest.blocks[3][1].clone(), honest.blocks[1].clone());
    check(&|l| l.blocks[3].insert(2, doubled.clone()), "chain", 7, "position 6 where 7");
    check(&|l| l.blocks.insert(2, voucher.clone()), "framing", 4, "first_seq is 1, 4");
    check(&|l| l.blocks[3].swap(1, 2), "chain", 6, "position 7 where 6 is due");
    check(&|l| l.blocks.swap(1, 2), "framing", 1, "first_seq is 4, 1 expected");
    let line = raw_record(330, (1, 2), &[], b"new");
    check(&|l| l.blocks[1].insert(2, line.clone()), "chain", 3, "position 0 where 3 is due");
    // The same with a chain that fits: groups and seals still tell.
    let rechained = |change: &dyn Fn(&mut Ledger), name: &str, seq: u64, words: &str| {
        check(&|l| (change(l), l.rechain()).1, name, seq, words);
    };
    rechained(&|l| drop(l.blocks[3].remove(2)), "chain", 7, "part 3 where part 2");
    rechained(&|l| l.blocks[3].swap(1, 2), "chain", 6, "part 2 where part 1");
    rechained(&|l| l.blocks.insert(2, voucher.clone()), "seals", 7, "tree root");
    rechained(&|l| drop(l.blocks.remove(2)), "seals", 9, "tree root");
    rechained(&|l| drop(l.blocks[3].pop()), "chain", 8, "its group is torn");
    let mut alone = raw_record(301, (0, 1), &[], b"new");
    alone[16..24].copy_from_slice(&(NOON_MS + 5).to_le_bytes());
    rechained(&|l| l.blocks.insert(3, vec![alone.clone()]), "seals", 11, "tree root");
    rechained(&|l| drop(l.blocks.remove(0)), "chain", 0, "a genesis (1) expected");
}

#[test]
fn dates_and_times_do_not_run_backwards() {
    let check = |change: &dyn Fn(&mut Vec<u8>), name: &str, words: &str| {
        let mut ledger = Ledger::sample();
        ledger.blocks[3].truncate(1);
        ledger.blocks.truncate(4);
        ledger.blocks[3][0][58] = 1;
        change(&mut ledger.blocks[3][0]);
        ledger.rechain();
        fails(&ledger.write().verify(), name, Some(5), words);
    };
    // A date before the record's time is what a late posting looks like; one after it is not.
    check(&|r| r[60..64].copy_from_slice(&(DATE + 1).to_le_bytes()), "envelope", "China date");
    check(&|r| r[16..24].copy_from_slice(&(NOON_MS - 1).to_le_bytes()), "chain", "is before");
    check(&|r| r[16..24].copy_from_slice(&(1_u64 << 53).to_le_bytes()), "envelope", "time_ms");
}

#[test]
fn seals_must_tell_the_truth() {
    let check = |offset: usize, words: &str| {
        let mut ledger = Ledger::sample();
        ledger.blocks[2][0][offset] ^= 1;
        ledger.rechain();
        fails(&ledger.write().verify(), "seals", Some(4), words);
    };
    check(80 + 2, "tree root in the seal");
    check(80 + 36, "accounts digest in the seal");
    let mut ledger = Ledger::sample();
    ledger.blocks[2][0][80] = 0x12;
    ledger.rechain();
    fails(&ledger.write().verify(), "envelope", Some(4), "payload of kind 2");
    // Two blocks made one, with a seal in it.
    let mut ledger = Ledger::sample();
    let seal = ledger.blocks.remove(2);
    ledger.blocks[1].extend(seal);
    fails(&ledger.write().verify(), "framing", Some(4), "genesis and seal have their own");
}

#[test]
fn the_format_may_be_raised_and_extended() {
    let mut ledger = Ledger::sample();
    ledger.system(system::FORMAT_RAISED, &[8, 1]);
    ledger.system(9, b"from the future");
    ledger.system(system::KEY_CHANGED, &[]);
    let report = ledger.write().verify();
    holds(&report);
    assert_eq!(report.kinds.get(&9), Some(&1));
    assert!(report.text(false).contains("1 of kinds that this version passes over"));
    ledger.system(system::FORMAT_RAISED, &[8, 2]);
    let report = ledger.write().verify();
    assert_eq!(report.exit_code(), 2);
    assert!(report.problem.unwrap().message.contains("newer version"));
}

#[test]
fn a_newer_version_is_not_called_tampered() {
    let mut ledger = Ledger::sample();
    ledger.blocks[3][2][2] = 2;
    assert_eq!(ledger.write().verify().exit_code(), 2);
    let mut ledger = Ledger::sample();
    let at = ledger.blocks[0][0].len();
    // The genesis says format_version 1 in its bytes `18 01`, before the flag `20 01`.
    let position = ledger.blocks[0][0].windows(4).position(|w| w == [0x18, 1, 0x20, 1]).unwrap();
    assert!(position < at);
    ledger.blocks[0][0][position + 1] = 2;
    ledger.rechain();
    assert_eq!(ledger.write().verify().exit_code(), 2);
}
