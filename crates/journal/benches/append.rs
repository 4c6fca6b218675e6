//! Durable appends against the floor of the same disk in the same run: one write and one fdatasync
//! of as many bytes into a zero-filled file. Then opening the log, and streaming it.
//!
//! `cargo bench -p journal [-- DIR]`; DIR is where the files go, the system's temporary directory
//! if not given. Three rounds, medians.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a bench prints, takes the time and fails by panicking"
)]

use std::sync::Arc;
use std::time::Instant;

use journal::conformance::BlockMaker;
use journal::disk::write_all_at;
use journal::{Disk, Head, Journal, Mode, Options, RealDisk, SegmentJournal, open_read_only};
use record::{Block, Seq};

/// With two legs and this payload a record has about 350 bytes.
const PAYLOAD_BYTES: usize = 350 - 80 - 63;
const ROUNDS: usize = 3;

fn main() {
    let dir = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let temporary = match dir {
        Some(dir) => tempfile::tempdir_in(dir).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    println!("files below {}, {ROUNDS} rounds, medians", temporary.path().display());
    println!(
        "{:>8} {:>7} {:>9} | {:>8} {:>8} {:>11} | {:>8} {:>8} {:>11} | {:>5}",
        "records",
        "blocks",
        "bytes",
        "floor",
        "p99",
        "records/s",
        "append",
        "p99",
        "records/s",
        "ratio"
    );
    for (records, blocks) in [(1, 4_000), (100, 3_000), (1_000, 1_200), (2_900, 400)] {
        appends(temporary.path(), records, blocks);
    }
    paced(temporary.path());
    reads(temporary.path());
}

fn make_blocks(head: &Head, epoch: journal::Epoch, records: usize, n: usize) -> Vec<Arc<Block>> {
    let mut maker = BlockMaker::new(head, epoch);
    let first = maker.block(1, 0);
    std::iter::once(first).chain((1..n).map(|_| maker.block(records, PAYLOAD_BYTES))).collect()
}

/// Returns the seconds of each call.
fn time_each(n: usize, mut call: impl FnMut(usize)) -> Vec<f64> {
    (0..n)
        .map(|i| {
            let start = Instant::now();
            call(i);
            start.elapsed().as_secs_f64()
        })
        .collect()
}

/// Median and 99th percentile in microseconds, and calls a second.
fn figures(mut seconds: Vec<f64>) -> (f64, f64, f64) {
    let rate = seconds.len() as f64 / seconds.iter().sum::<f64>();
    seconds.sort_by(f64::total_cmp);
    (seconds[seconds.len() / 2] * 1e6, seconds[seconds.len() * 99 / 100] * 1e6, rate)
}

fn median(mut rounds: Vec<(f64, f64, f64)>) -> (f64, f64, f64) {
    rounds.sort_by(|a, b| a.2.total_cmp(&b.2));
    rounds[rounds.len() / 2]
}

fn appends(dir: &std::path::Path, records: usize, n: usize) {
    let (mut floors, mut rounds, mut bytes) = (Vec::new(), Vec::new(), 0);
    for round in 0..ROUNDS {
        let real = RealDisk::new(dir.join(format!("{records}-{round}")));
        let disk: Arc<dyn Disk> = Arc::new(real);
        let mut journal =
            SegmentJournal::create(disk.clone(), "", [5; 32], Options::default()).unwrap();
        let epoch = journal.acquire().unwrap();
        let blocks = make_blocks(&journal.head(), epoch, records, n);
        bytes = blocks[1].frame().len();

        // The floor takes turns with the journal's rounds, on a file zero-filled as a segment is.
        let size = 64 * 1024 * 1024 / bytes * bytes;
        let file = disk.open("floor", Mode::Create).unwrap();
        write_all_at(&*file, &vec![0; size], 0).unwrap();
        file.sync_all().unwrap();
        floors.push(figures(time_each((n - 1).min(size / bytes), |i| {
            write_all_at(&*file, blocks[1].frame(), (i * bytes) as u64).unwrap();
            file.sync_data().unwrap();
        })));
        disk.remove("floor").unwrap();

        let mut head = journal.head().hash;
        let mut seconds = time_each(n, |i| {
            head = journal.append(&head, blocks[i].clone()).unwrap().head();
        });
        // The genesis is no block of this size.
        seconds.remove(0);
        rounds.push(figures(seconds));
        journal.close().unwrap();
        if round + 1 < ROUNDS || records != 1_000 {
            std::fs::remove_dir_all(dir.join(format!("{records}-{round}"))).unwrap();
        }
    }
    let (floor, found) = (median(floors), median(rounds));
    println!(
        "{records:>8} {n:>7} {bytes:>9} | {} | {} | {:>4.0} %",
        shown(floor, records),
        shown(found, records),
        100.0 * found.2 / floor.2
    );
}

fn shown((p50_us, p99_us, rate): (f64, f64, f64), records: usize) -> String {
    format!("{p50_us:>5.0} us {p99_us:>5.0} us {:>11.0}", rate * records as f64)
}

/// Blocks of 1,000 records at 300 a second: what a block waits when the disk is not saturated, the
/// zero-filling of the next segments included.
fn paced(dir: &std::path::Path) {
    let every = std::time::Duration::from_micros(3_333);
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(dir.join("paced")));
    let mut journal = SegmentJournal::create(disk, "", [5; 32], Options::default()).unwrap();
    let epoch = journal.acquire().unwrap();
    let blocks = make_blocks(&journal.head(), epoch, 1_000, 3_000);
    let mut head = journal.head().hash;
    let start = Instant::now();
    let mut seconds: Vec<f64> = blocks
        .iter()
        .zip(1..)
        .map(|(block, n)| {
            // From the moment it was due: a block that waits for the one before is late.
            std::thread::sleep((every * n).saturating_sub(start.elapsed()));
            head = journal.append(&head, block.clone()).unwrap().head();
            start.elapsed().saturating_sub(every * n).as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let at = |permille: usize| seconds[(seconds.len() - 1) * permille / 1_000] * 1e3;
    println!(
        "at 300,000 records/s: p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms",
        at(500),
        at(990),
        at(999),
        at(1_000)
    );
    journal.close().unwrap();
    std::fs::remove_dir_all(dir.join("paced")).unwrap();
}

/// Opens and reads the log that the last round of 1,000 records has left, from the page cache.
fn reads(dir: &std::path::Path) {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(dir.join(format!("1000-{}", ROUNDS - 1))));
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let (reader, opened) = open_read_only(disk.clone(), "").unwrap();
        let opening = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let (mut records, mut bytes) = (0_u64, 0_usize);
        for block in journal::Reader::blocks(&reader, Seq(0)) {
            let block = block.unwrap();
            records += u64::from(block.count());
            bytes += block.frame().len();
        }
        let reading = start.elapsed().as_secs_f64();
        println!(
            "open {} segments, {records} records, {} MB: {:.1} ms",
            opened.segments,
            bytes / 1_000_000,
            opening * 1e3
        );
        println!(
            "stream {:.0} records/s, {:.2} GB/s",
            records as f64 / reading,
            bytes as f64 / reading / 1e9
        );
    }
}
