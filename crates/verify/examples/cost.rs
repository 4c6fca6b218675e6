//! States what verifying a ledger costs, as a multiple of hashing its bytes: the ratio to judge it by.
//!
//! `cargo run --release -p verify --example cost -- DIR`. The floor is the chain hash (BLAKE3) and the
//! leaf hash (SHA-256) of every record, with the same functions, by one thread over bytes in memory. The
//! tree's nodes stand beside it: they must be hashed, too, but are no bytes of the log.
//! All figures are processor time (user and system, Linux), so that other programs change them little.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::float_arithmetic,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::disallowed_methods,
    reason = "a tool for measuring: it stops at the first fault, prints, and reads the clock"
)]

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use record::{Block, BlockHeader, SEGMENT_HEADER_BYTES, chain_hash};
use tlog::Frontier;
use tlog::tree::leaf_hash;
use verify::{Options, verify};

/// Times that each figure is taken; the least counts, since all that disturbs adds.
const ROUNDS: usize = 3;

/// Processor seconds of this process so far, all threads, ended ones included.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    // Behind the name in brackets: user and system time are fields 14 and 15, in hundredths.
    let (_, fields) = text.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2).map(|n| n.parse::<f64>().unwrap());
    ticks.sum::<f64>() / 100.0
}

/// Processor seconds of this thread, which runs alone.
fn thread_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// What the hashes of all records take: chain, leaves, nodes.
fn floor(dir: &std::path::Path) -> (u64, u64, [f64; 3]) {
    let mut files: Vec<_> = std::fs::read_dir(dir.join("segments")).unwrap().collect();
    files.sort_by_key(|entry| entry.as_ref().unwrap().file_name());
    let (mut records, mut bytes, mut seconds) = (0, 0, [0.0; 3]);
    let mut tree = Frontier::new();
    for file in files.into_iter().map(|entry| entry.unwrap().path()) {
        let segment = std::fs::read(file).unwrap();
        let mut rest = segment.get(SEGMENT_HEADER_BYTES..).unwrap_or_default();
        while let Ok(header) = BlockHeader::decode(rest) {
            let (frame, behind) = rest.split_at(header.frame_bytes());
            rest = behind;
            let block = Block::from_trusted_frame(frame.to_vec()).expect("a whole block");
            let mut head = block.prev_head();
            let mut leaves = Vec::with_capacity(block.count() as usize);
            let start = thread_seconds();
            block.records().for_each(|record| head = chain_hash(record.bytes()));
            let chained = thread_seconds();
            leaves.extend(block.records().map(|record| leaf_hash(record.bytes())));
            let hashed = thread_seconds();
            leaves.drain(..).for_each(|leaf| tree.push(leaf));
            let ends = [chained - start, hashed - chained, thread_seconds() - hashed];
            seconds.iter_mut().zip(ends).for_each(|(sum, part)| *sum += part);
            assert_eq!(head, block.head(), "the chain");
            records += u64::from(block.count());
            bytes += block.body().len() as u64;
        }
    }
    (records, bytes, seconds)
}

fn main() {
    let path = PathBuf::from(std::env::args().nth(1).expect("DIR"));
    let (mut hashes, mut counts) = ([f64::MAX; 3], (0, 0));
    let mut cost = [(f64::MAX, f64::MAX); 2];
    for _ in 0..ROUNDS {
        let (records, bytes, seconds) = floor(&path);
        counts = (records, bytes);
        hashes.iter_mut().zip(seconds).for_each(|(least, found)| *least = least.min(found));
        for (least, threads) in cost.iter_mut().zip([NonZeroUsize::new(1), None]) {
            let (wall, before) = (Instant::now(), processor_seconds());
            let report = verify(&Options { path: path.clone(), threads, ..Options::default() });
            let found = (processor_seconds() - before, wall.elapsed().as_secs_f64());
            *least = (least.0.min(found.0), least.1.min(found.1));
            assert_eq!(
                (report.exit_code(), report.records),
                (0, records),
                "{}",
                report.text(false)
            );
        }
    }
    let [chain, leaves, nodes] = hashes;
    let ((records, bytes), floor) = (counts, chain + leaves);
    println!("{records} records, {} bytes each on average", bytes / records.max(1));
    println!(
        "{floor:>7.2} s  hashes: chain {chain:.2}, leaves {leaves:.2} (nodes {nodes:.2} besides)"
    );
    for ((cpu, wall), name) in cost.iter().zip(["one thread", "all cores"]) {
        println!(
            "{cpu:>7.2} s  verify, {name}: {:.2} x the hashes, {:.2} x with nodes; {wall:.2} s wall",
            cpu / floor,
            cpu / (floor + nodes),
        );
    }
}
