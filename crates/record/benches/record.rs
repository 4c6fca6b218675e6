//! Nanoseconds a record: `cargo bench -p record`. Medians of 5 rounds, beside BLAKE3's own cost.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::float_arithmetic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement, not a product"
)]

use std::hint::black_box;
use std::time::Instant;

use record::{Accounts, Block, BlockBuilder, Draft, Record, Seq, chain_hash};

/// Records a voucher, and vouchers a round: 100,000 records of about 350 bytes.
const LINES: usize = 500;
const VOUCHERS: usize = 200;
const DATE: u32 = 17_126;
const NOON_MS: u64 = 1_479_700_800_000;
const HOUSEHOLDS: u64 = 50_000;

fn main() {
    let drafts = drafts();
    let records = (LINES * VOUCHERS) as f64;
    let mut blocks = Vec::new();
    seal(&drafts, |block| blocks.push(block));
    let bytes: usize = blocks.iter().map(|block| block.body().len()).sum();
    println!("{:.0} bytes a record, {} blocks", bytes as f64 / records, blocks.len());
    let report = |name: &str, work: &mut dyn FnMut()| {
        println!("{name:42} {:7.0} ns", median(work) / records);
    };
    let all: Vec<&[u8]> =
        blocks.iter().flat_map(Block::records).map(|record| record.bytes()).collect();

    report("BLAKE3 alone: salt and chain hash", &mut || {
        for record in &all {
            black_box(blake3::keyed_hash(&[7; 32], &record[..40]));
            black_box(chain_hash(record));
        }
    });
    report("seal: place, salt, chain, frame", &mut || {
        seal(&drafts, |block| drop(black_box(block)));
    });
    report("draft: sort, check, encode", &mut || drop(black_box(self::drafts())));
    report("chain hash", &mut || {
        for record in &all {
            black_box(chain_hash(record));
        }
    });
    report("derive_key, its context hashed each time", &mut || {
        for record in &all {
            black_box(blake3::derive_key(record::context::RECORD, record));
        }
    });
    report("parse", &mut || {
        for record in &all {
            black_box(Record::parse(record).unwrap());
        }
    });
    report("block from frame: parse, chain, checksum", &mut || {
        for block in &blocks {
            black_box(Block::from_frame(block.frame().to_vec()).unwrap());
        }
    });
    report("block from trusted frame, records cut", &mut || {
        for block in &blocks {
            let block = Block::from_trusted_frame(block.frame().to_vec()).unwrap();
            black_box(block.records_hashed().count());
        }
    });
    report("accounts: apply, 5 legs a record", &mut || drop(black_box(accounts(&blocks))));
    report("accounts: the same, digest each block", &mut || {
        let mut accounts = Accounts::new();
        for block in &blocks {
            block.records().for_each(|r| accounts.apply_record(&r).unwrap());
            black_box(accounts.digest());
        }
    });
}

/// Payments to households: quota used, cash paid; payloads as long as real ones.
fn drafts() -> Vec<Draft> {
    let mut household = 0;
    (0..VOUCHERS)
        .map(|voucher| {
            let mut draft = Draft::new();
            for _ in 0..LINES {
                household = (household + 7_919) % HOUSEHOLDS;
                line(&mut draft, voucher, household);
            }
            draft
        })
        .collect()
}

fn line(draft: &mut Draft, voucher: usize, household: u64) {
    let (unit, quota) = (441_424_901_201 + voucher, voucher % 9);
    let write = |out: &mut Vec<u8>, args: std::fmt::Arguments<'_>| {
        std::io::Write::write_fmt(out, args).unwrap();
    };
    draft.begin(330, DATE);
    draft.leg(300_000, |out| write(out, format_args!("C.hh.4414249012{household:07}")));
    draft.leg(300_000, |out| write(out, format_args!("C.prj.P441424-{household:05}")));
    draft.leg(-600_000, |out| write(out, format_args!("C.src.H.4401.Q16-4401-{quota:04}")));
    draft.leg(0, |out| write(out, format_args!("Q.quota.{unit}.Q16")));
    draft.leg(9, |out| write(out, format_args!("Q.used.{unit}.Q16-4401-{quota:04}")));
    draft.leg(-9, |out| write(out, format_args!("Q.plan.{unit}.Q16-4401-{quota:04}")));
    draft.payload().extend_from_slice(&[42; 115]);
    draft.finish().unwrap();
}

/// Seals as the sequencer does: a block is handed on, and the next one begun.
fn seal(drafts: &[Draft], mut done: impl FnMut(Block)) {
    let mut builder = BlockBuilder::start(1, Seq(1), [1; 32], [7; 32]);
    for draft in drafts {
        if !builder.fits(draft) {
            done(builder.finish());
        }
        builder.append(draft, NOON_MS);
    }
    done(builder.finish());
}

fn accounts(blocks: &[Block]) -> Accounts {
    let mut accounts = Accounts::new();
    for block in blocks {
        block.records().for_each(|record| accounts.apply_record(&record).unwrap());
    }
    accounts
}

/// Returns the median time of a round in nanoseconds.
fn median(work: &mut dyn FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..5)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_nanos() as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}
