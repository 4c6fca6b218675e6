//! The cache made from an existing log, and its views saved: `cargo bench -p views --bench cache`.
//!
//! Payments of 100 lines a voucher to random households of the province, and of what was made the
//! histories of a thousand of them. `VIEWS_BENCH_RECORDS` sets the length of the log.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::float_arithmetic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement, not a product"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use ledger::codec::Codec;
use ledger::event::Common;
use ledger::event::money::{DisbursedToHousehold, QuotaIssued};
use ledger::event::registry::{Causes, HouseholdRegistered};
use ledger::ids::{
    BankRef, Date, HouseholdCode, LoanId, OrgId, Purpose, QuotaId, Source, Token, TrancheId, Unit,
};
use ledger::words::{Class, Programme};
use ledger::{At, Entry, Event};
use record::{BlockBuilder, Draft, Fen, Genesis, Record, Seq, system};
use views::Views;
use views::cache::{Cache, Options};
use views::history::{Histories, Log, LogError};

const DATE: u32 = 17_126;
const NOON_MS: u64 = 1_479_700_800_000;
const HOUSEHOLDS: u64 = 700_000;
const VILLAGES: u64 = 14_000;

struct MemLog(Vec<Vec<u8>>);

impl Log for MemLog {
    fn next_seq(&self) -> Seq {
        Seq(self.0.len() as u64)
    }

    fn scan(
        &self,
        from: Seq,
        to: Seq,
        each: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), LogError> {
        let to = self.0.len().min(to.0 as usize + 1);
        let _ = self.0[from.0 as usize..to].iter().all(|record| each(record));
        Ok(())
    }
}

fn bytes_of(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |meta| meta.len());
    entries.map(|e| if e.path().is_dir() { bytes_of(&e.path()) } else { size(&e.path()) }).sum()
}

fn rss_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4_096
}

fn main() {
    let records = std::env::var("VIEWS_BENCH_RECORDS").ok().and_then(|text| text.parse().ok());
    let log = Arc::new(log(records.unwrap_or(600_000)));
    let records = log.0.len() as f64;
    let dir = std::env::temp_dir().join(format!("views-bench-{}", std::process::id()));
    saved(&log);
    let before = rss_bytes();
    let (cache, filler) =
        Cache::new(&dir, [1; 32], Arc::clone(&log) as Arc<dyn Log>, Options::default());
    let start = Instant::now();
    let thread = std::thread::spawn(move || filler.run());
    while cache.indexed_to() < log.next_seq() {
        std::thread::yield_now();
    }
    let nanos = start.elapsed().as_nanos() as f64;
    println!("index of {records} records: {:.0} ns a record", nanos / records);
    println!("memory: {:.0} MB", (rss_bytes() - before) as f64 / 1e6);
    let start = Instant::now();
    let mut found = 0;
    for n in 0..1_000 {
        found += cache.positions(household(n * 37 % HOUSEHOLDS), log.next_seq()).unwrap().len();
    }
    println!(
        "history: {:.0} us, {:.1} records each",
        start.elapsed().as_micros() as f64 / 1_000.0,
        found as f64 / 1_000.0
    );
    cache.close();
    thread.join().unwrap();
    println!("on disk: {:.0} B a record", bytes_of(&dir) as f64 / records);
    std::fs::remove_dir_all(dir).unwrap();
}

/// Views of the log, shared, saved and read again.
fn saved(log: &MemLog) {
    let (mut views, mut codec) = (Views::new(), Codec::new());
    for bytes in &log.0 {
        let record = Record::parse(bytes).unwrap();
        if system::is_system(record.kind()) {
            views.pass(&record);
            continue;
        }
        let event = codec.decode(&record).unwrap().event;
        views.apply(&record, &At::of_record(&record), &event).unwrap();
    }
    let rows: u64 = views.digests().iter().map(|view| view.rows).sum();
    let since = |start: Instant| start.elapsed().as_secs_f64() * 1e3;
    let start = Instant::now();
    let share = views.share();
    println!("{rows} rows shared: {:.1} ms", since(start));
    let (start, mut bytes) = (Instant::now(), Vec::new());
    share.save(&mut bytes).unwrap();
    println!("saved: {:.0} ms, {:.0} MB", since(start), bytes.len() as f64 / 1e6);
    let start = Instant::now();
    let mut loaded = Views::load(&mut bytes.as_slice()).unwrap();
    println!("read: {:.0} ms", since(start));
    let start = Instant::now();
    assert_eq!(loaded.views_digest(), views.views_digest());
    println!("digest: {:.1} ms", since(start));
}

fn village(n: u64) -> Unit {
    let (town, village) = (n % VILLAGES / 700 + 901, n % 700 + 201);
    Unit::of_code(441_424_000_000 + town * 1_000 + village).unwrap()
}

fn household(n: u64) -> HouseholdCode {
    HouseholdCode::new(village(n), (n / VILLAGES + 1) as u16).unwrap()
}

fn log(records: u64) -> MemLog {
    let mut log = MemLog(Vec::new());
    let mut builder = BlockBuilder::start(1, Seq(0), [0; 32], [7; 32]);
    let mut draft = Draft::new();
    let genesis = Genesis { origin: "bench.example".into(), ..Genesis::default() };
    draft.push(system::GENESIS, DATE, &[], &genesis.encode()).unwrap();
    seal(&mut log, &mut builder, &mut draft);
    let home = Unit::parse("4414").unwrap();
    let quota = QuotaId::id("Q16-4401-0001").unwrap();
    let issued = QuotaIssued {
        quota,
        source: Source::H,
        treasury: Unit::parse("4401").unwrap(),
        home,
        tranche: TrancheId::id("T16-4414-1").unwrap(),
        programme: Programme::parse("dev").unwrap(),
        to: home,
        amount: Fen::new(1_000_000_000_000),
        year: 2016,
        issuer: OrgId::id("FB4401").unwrap(),
        flows_version: 1,
        pairing_version: 1,
    };
    let mut codec = Codec::new();
    put(&mut codec, &mut draft, issued.into());
    for n in 0..HOUSEHOLDS {
        let registered = HouseholdRegistered {
            household: household(n),
            village: village(n),
            class: Class::General,
            causes: Causes::default(),
            helping_unit: None,
            members: Vec::new(),
        };
        put(&mut codec, &mut draft, registered.into());
        if n % 500 == 499 {
            seal(&mut log, &mut builder, &mut draft);
        }
    }
    let mut state = 1_u64;
    while (log.0.len() as u64) < records {
        for _ in 0..100 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let n = (state >> 33) % HOUSEHOLDS;
            put(&mut codec, &mut draft, paid(quota, n).into());
        }
        seal(&mut log, &mut builder, &mut draft);
    }
    log
}

fn paid(quota: QuotaId, n: u64) -> DisbursedToHousehold {
    DisbursedToHousehold {
        quota,
        unit: village(n),
        household: household(n),
        member_no: None,
        account: Token([1; 16]),
        purpose: Purpose::new("P02").unwrap(),
        loan: LoanId::EMPTY,
        bank_ref: BankRef::new("B20160901-019").unwrap(),
        amount: Fen::new(300_000),
        village: village(n),
        class: Class::General,
        heads: 3,
        exited: false,
        purposes_version: 1,
        flows_version: 1,
        cap_version: 1,
    }
}

fn put(codec: &mut Codec, draft: &mut Draft, event: Event) {
    let entry = Entry { event, common: Common::default() };
    codec.encode(&entry, Date(DATE), draft).unwrap();
}

fn seal(log: &mut MemLog, builder: &mut BlockBuilder, draft: &mut Draft) {
    builder.append(draft, NOON_MS);
    draft.clear();
    let block = builder.finish();
    log.0.extend(block.records().map(|record| record.bytes().to_vec()));
    builder.restart(1, block.last_seq().next(), block.head());
}
