//! Writes a large ledger of payments, to measure the verifier with, and states the cost of its hashes.
//!
//! `cargo run --release -p verify --example generate -- DIR [RECORDS [HOUSEHOLDS]]`, then
//! `time target/release/mingzhang-verify DIR`. The figures to compare with are printed: the chain
//! hash (BLAKE3), the leaf hash and the tree's nodes (SHA-256) of the same records, one core.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::float_arithmetic,
    clippy::as_conversions,
    reason = "a tool for measuring: it stops at the first fault, prints, and reads the clock"
)]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use record::limits::SEGMENT_BYTES;
use record::{
    Accounts, Block, BlockBuilder, Draft, Genesis, Hash, Seal, SegmentHeader, Seq, ZERO_HASH,
    chain_hash, log_id, system,
};
use tlog::Frontier;
use tlog::tree::leaf_hash;

const ORIGIN: &str = "ledger.example/gd";
const DATE: u32 = 17_126;
const NOON_MS: u64 = 1_479_700_800_000;
/// Lines of one voucher.
const LINES: u64 = 500;
const VILLAGES: u64 = 2_277;
/// With three long paths and this payload a payment takes about 350 bytes.
const PAYLOAD: [u8; 122] = [0x5a; 122];

struct Output {
    dir: PathBuf,
    number: u64,
    bytes: Vec<u8>,
    accounts: Accounts,
    tree: Frontier,
    seconds: [f64; 2],
    records: u64,
    record_bytes: u64,
}

impl Output {
    fn take(&mut self, block: &Block) {
        let size = SEGMENT_BYTES as usize;
        if self.bytes.is_empty() || size < self.bytes.len() + block.frame().len() {
            self.flush();
            self.number += u64::from(block.first_seq() != Seq(0));
            let header = SegmentHeader {
                file_size: SEGMENT_BYTES,
                first_seq: block.first_seq(),
                number: self.number,
                prev: block.prev_head(),
                log_id: log_id(ORIGIN),
                epoch: 1,
            };
            self.bytes.extend(header.encode());
        }
        self.bytes.extend(block.frame());
        for record in block.records() {
            self.accounts.apply_record(&record).unwrap();
            self.records += 1;
            self.record_bytes += record.bytes().len() as u64;
        }
        // The floor that the verifier is measured against, over the same bytes.
        let started = Instant::now();
        let mut head: Hash = ZERO_HASH;
        block.records().for_each(|record| head = chain_hash(record.bytes()));
        assert_eq!(head, block.head());
        self.seconds[0] += started.elapsed().as_secs_f64();
        let started = Instant::now();
        block.records().for_each(|record| self.tree.push(leaf_hash(record.bytes())));
        self.seconds[1] += started.elapsed().as_secs_f64();
    }

    fn flush(&mut self) {
        if let Some((_, header)) = self.bytes.split_first_chunk::<16>() {
            let (first_seq, _) = header.split_first_chunk::<8>().unwrap();
            let name = format!("{:020}.mzs", u64::from_le_bytes(*first_seq));
            self.bytes.resize(SEGMENT_BYTES as usize, 0);
            let mut file = File::create(self.dir.join("segments").join(name)).unwrap();
            file.write_all(&self.bytes).unwrap();
            self.bytes.clear();
        }
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let dir = PathBuf::from(args.next().expect("DIR [RECORDS [HOUSEHOLDS]]"));
    let mut number = |default| args.next().map_or(default, |arg| arg.parse::<u64>().unwrap());
    let (records, households) = (number(1_000_000), number(100_000));
    fs::create_dir_all(dir.join("segments")).unwrap();
    generate(&dir, records, households);
}

fn generate(dir: &Path, records: u64, households: u64) {
    let mut out = Output {
        dir: dir.to_owned(),
        number: 0,
        bytes: Vec::with_capacity(SEGMENT_BYTES as usize),
        accounts: Accounts::new(),
        tree: Frontier::new(),
        seconds: [0.0; 2],
        records: 0,
        record_bytes: 0,
    };
    let mut builder = BlockBuilder::start(1, Seq(0), ZERO_HASH, [9; 32]);
    let mut draft = Draft::new();
    let genesis = Genesis {
        origin: ORIGIN.into(),
        format_version: 1,
        synthetic: true,
        seed: 1,
        ..Genesis::default()
    };
    draft.push(system::GENESIS, DATE, &[], &genesis.encode()).unwrap();
    builder.append(&draft, NOON_MS);
    out.take(&builder.finish());
    fund(&mut draft);
    builder.append(&draft, NOON_MS);
    let (mut vouchers, mut time_ms) = (0_u64, NOON_MS);
    while out.records + u64::from(builder.count()) < records {
        draft.clear();
        draft.push(300, DATE, &[], &PAYLOAD).unwrap();
        for line in 0..LINES {
            pay(&mut draft, vouchers, line, households);
        }
        vouchers += 1;
        if !builder.fits(&draft) {
            out.take(&builder.finish());
        }
        time_ms += 1;
        builder.append(&draft, time_ms);
    }
    out.take(&builder.finish());
    draft.clear();
    let (root, accounts) = (out.tree.root(), out.accounts.digest());
    let seal = Seal { root, accounts, views: accounts, version: 1 };
    draft.push(system::SEAL, DATE, &[], &seal.encode()).unwrap();
    builder.append(&draft, time_ms);
    out.take(&builder.finish());
    out.flush();
    let [chain, tree] = out.seconds.map(|seconds| seconds * 1e9 / out.records as f64);
    println!(
        "{} records of {} bytes on average; a record's hashes, one core: chain {chain:.0} ns, leaf and \
         nodes {tree:.0} ns, together {:.2} s for all",
        out.records,
        out.record_bytes / out.records,
        out.seconds.iter().sum::<f64>(),
    );
}

fn village(number: u64) -> String {
    format!("4414249{:05}", number % VILLAGES)
}

/// Quota and cash for every village.
fn fund(draft: &mut Draft) {
    let much = 1_000_000_000_000;
    draft.clear();
    draft.push(300, DATE, &[], b"").unwrap();
    for number in 0..VILLAGES {
        let unit = village(number);
        let (quota, hold) =
            (format!("Q.quota.{unit}.Q16-4401-0001"), format!("C.hold.{unit}.Q16-4401-0001"));
        let legs = [
            ("Q.plan.H.4414", -much),
            (&*quota, much),
            ("C.src.H.4401.Q16-4401-0001", -much),
            (&*hold, much),
        ];
        draft.push(310, DATE, &legs, b"").unwrap();
    }
}

/// One village pays its households, in no order that a cache could learn.
fn pay(draft: &mut Draft, voucher: u64, line: u64, households: u64) {
    let unit = village(voucher);
    let number = (voucher / VILLAGES * LINES + line).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let household = number % households.div_ceil(VILLAGES);
    let legs = [
        (format!("C.hold.{unit}.Q16-4401-0001"), -300),
        (format!("C.hh.{unit}{household:05}"), 300),
        (format!("Q.quota.{unit}.Q16-4401-0001"), -300),
        (format!("Q.used.{unit}.Q16-4401-0001"), 300),
    ];
    let legs = legs.each_ref().map(|(path, fen)| (path.as_str(), *fen));
    draft.push(330, DATE, &legs, &PAYLOAD).unwrap();
}
