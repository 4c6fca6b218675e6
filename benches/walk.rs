//! A payment's walk, piece by piece: `cargo bench -p mingzhang`. Nanoseconds a line, medians of 5 rounds on one
//! core; 1,000-line payment vouchers on the ledger of `tests/data/example.jsonl`.
//!
//! Lives elsewhere: single crates' pieces (`crates/*/benches`), the whole with disk and network (`mingzhang
//! bench`).

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
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
use std::io::Cursor;
use std::time::Instant;

use ledger::codec::Codec;
use ledger::digest::digest;
use ledger::field::Field;
use ledger::form::{self, Form};
use ledger::ids::Date;
use ledger::reject::Reason;
use ledger::rules::first;
use ledger::voucher::{HeaderText, Voucher, VoucherBuilder};
use ledger::{Ask, Desk, Outcome, Past, PastRecord, Signature, State, post};
use mingzhang::files::{Encoding, Format, read};
use record::{Block, BlockBuilder, Draft, Genesis, Record, Seq, chain_hash, system};
use tlog::Frontier;
use tlog::tree::leaf_hash;

const ORIGIN: &str = "bench.example/ledger";
const EXAMPLE: &str = include_str!("../tests/data/example.jsonl");
const ROUNDS: usize = 5;
const VOUCHERS: usize = 20;
const LINES: u32 = 1_000;

/// Records by position, as `decide` asks for them.
#[derive(Default)]
struct Log(Vec<Vec<u8>>);

impl Past for Log {
    fn record(&self, seq: Seq) -> Option<PastRecord> {
        self.0.get(usize::try_from(seq.0).ok()?).cloned().map(PastRecord)
    }

    fn failure(&self) -> Option<Reason> {
        None
    }
}

/// A voucher that is ready to be decided.
struct Ready {
    voucher: Voucher,
    form: Form,
    digest: [u8; 32],
}

impl Ready {
    fn new(voucher: Voucher) -> Self {
        let form = form::check(&voucher).unwrap();
        let digest = digest(ORIGIN, &voucher, &form.kinds);
        Self { voucher, form, digest }
    }

    fn ask(&self, seq_next: Seq) -> Ask<'_> {
        Ask {
            voucher: &self.voucher,
            form: &self.form,
            digest: &self.digest,
            signature: Signature::Absent,
            identity: None,
            now_ms: 0,
            synthetic: true,
            seq_next,
            dry_run: false,
        }
    }
}

/// A ledger in memory.
struct Ledger {
    state: State,
    log: Log,
    builder: BlockBuilder,
    desk: Desk,
}

impl Ledger {
    fn new() -> Self {
        let (state, log, desk) = (State::new([7; 32]), Log::default(), Desk::new());
        let builder = BlockBuilder::start(1, Seq(0), [0; 32], [9; 32]);
        let mut ledger = Self { state, log, builder, desk };
        let genesis = Genesis { origin: ORIGIN.into(), synthetic: true, ..Genesis::default() };
        let mut draft = Draft::new();
        draft.push(system::GENESIS, Date::REGISTER_START.0, &[], &genesis.encode()).unwrap();
        let block = ledger.seal(&draft, 1_451_577_600_000);
        for record in block.records() {
            ledger.state.apply_record(&record, &mut Codec::new()).unwrap();
        }
        ledger.state.commit();
        let by = ("p.po44", "a.po44");
        for voucher in first::vouchers(Date::REGISTER_START, by, first::GRANTS) {
            ledger.post(&Ready::new(voucher));
        }
        for entry in read(Cursor::new(EXAMPLE), Format::JsonLines, Encoding::Utf8).unwrap() {
            ledger.post(&Ready::new(entry.unwrap().outcome.unwrap()));
        }
        ledger
    }

    fn next_seq(&self) -> Seq {
        Seq(self.log.0.len() as u64)
    }

    fn seal(&mut self, draft: &Draft, time_ms: u64) -> Block {
        self.builder.append(draft, time_ms);
        let block = self.builder.finish();
        self.builder.restart(1, block.last_seq().next(), block.head());
        self.log.0.extend(block.records().map(|record| record.bytes().to_vec()));
        block
    }

    fn post(&mut self, ready: &Ready) -> Block {
        let ask = ready.ask(self.next_seq());
        let outcome = post(&mut self.state, &self.log, &ask, &mut self.desk);
        let Outcome::Posted { time_ms, .. } = outcome else { panic!("{outcome:?}") };
        let draft = std::mem::take(&mut self.desk.draft);
        self.seal(&draft, time_ms)
    }
}

/// Payments of a fen to the two households that the example leaves registered, each under a reference of its
/// own.
fn payment(number: usize) -> Voucher {
    let households = [
        ("44142490120100013", "ba5420b0d80eff60e5b324d6bff31743"),
        ("44142490120100021", "54e473181fa935c20b49a8096c76144d"),
    ];
    let blob = |hex: &str| -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(byte).collect()
    };
    let mut out = VoucherBuilder::new();
    let date = "2017-07-05";
    out.key("VC441424901201", &format!("PAY-{number}"), date, "p.vc441424901201");
    out.header(HeaderText::DocNo, "D");
    for i in 0..LINES {
        let (household, account) = households[i as usize % 2];
        out.begin_line(i + 1, "DisbursedToHousehold").text(Field::Quota, "Q16-4401-0001");
        out.text(Field::Unit, "441424901201").text(Field::Household, household);
        out.blob(Field::Account, &blob(account)).text(Field::Purpose, "P02");
        out.text(Field::BankRef, &format!("B{number}-{i}")).int(Field::Amount, 1);
    }
    out.state_totals();
    out.finish()
}

fn main() {
    let mut ledger = Ledger::new();
    let vouchers: Vec<Voucher> = (0..ROUNDS * VOUCHERS).map(payment).collect();
    let mut numbers = 0..vouchers.len();
    report("form checks and content digest", &mut || {
        for number in numbers.by_ref().take(VOUCHERS) {
            drop(black_box(Ready::new(vouchers[number].clone())));
        }
    });
    let mut ready = vouchers.into_iter().map(Ready::new).collect::<Vec<_>>().into_iter();
    let mut blocks = Vec::new();
    report("decide, evolve, encode, seal", &mut || {
        let round = ready.by_ref().take(VOUCHERS);
        blocks.extend(round.map(|ready| ledger.post(&ready)));
    });
    let records: Vec<Record<'_>> = blocks[..VOUCHERS].iter().flat_map(Block::records).collect();
    report("chain", &mut || {
        for record in &records {
            black_box(chain_hash(record.bytes()));
        }
    });
    report("leaf and tree", &mut || {
        let mut tree = Frontier::new();
        for record in &records {
            tree.push(leaf_hash(record.bytes()));
        }
        black_box(tree.root());
    });
    report("decode", &mut || {
        let mut codec = Codec::new();
        for record in &records {
            black_box(codec.decode(record).unwrap());
        }
    });
    let bytes: usize = records.iter().map(|record| record.bytes().len()).sum();
    println!("{:<34}{:>7} bytes", "a record", bytes / records.len());
}

/// Prints the median time a line of rounds of [`VOUCHERS`] vouchers.
fn report(name: &str, work: &mut dyn FnMut()) {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_nanos() as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    let lines = VOUCHERS as f64 * f64::from(LINES);
    println!("{name:<34}{:>7.0} ns a line", rounds[ROUNDS / 2] / lines);
}
