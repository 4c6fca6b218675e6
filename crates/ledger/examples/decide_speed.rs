//! How long a line of a large payment voucher takes, step by step: 1,000-line vouchers of kind 330 over
//! 120,000 households. `cargo run --release -p ledger --example decide_speed [scattered]`; `scattered` pays
//! households in an order that no cache can guess.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    clippy::disallowed_methods,
    dead_code,
    reason = "an example measures and prints"
)]

#[path = "../tests/money/world.rs"]
mod world;

use std::time::Instant;

use ledger::codec::Codec;
use ledger::digest::digest;
use ledger::field::Field;
use ledger::form::{self, Form};
use ledger::ids::{HouseholdCode, Token, Unit};
use ledger::voucher::{HeaderText, Voucher, VoucherBuilder};
use ledger::{Ask, Desk, Outcome, Signature, State, decide, post};
use record::{BlockBuilder, Record, Seq};
use world::{ORIGIN, World, story_until};

const VILLAGES: u32 = 600;
const HOUSEHOLDS: u32 = 200;
const LINES: u32 = 1_000;
const VOUCHERS: u32 = 240;

fn village(n: u32) -> Unit {
    Unit::of_code(441_424_902_000 + u64::from(n / 399) * 1_000 + u64::from(n % 399) + 201).unwrap()
}

fn household(n: u32) -> HouseholdCode {
    let serial = u16::try_from(n % HOUSEHOLDS + 1).unwrap();
    HouseholdCode::new(village(n / HOUSEHOLDS), serial).unwrap()
}

fn token(kind: u8, n: u32) -> Token {
    let hash = blake3::hash(&[&[kind], n.to_le_bytes().as_slice()].concat());
    Token(*hash.as_bytes().first_chunk().unwrap())
}

fn begin(org: &str, no: &str, date: &str, by: &str) -> VoucherBuilder {
    let mut out = VoucherBuilder::new();
    let preparer = format!("p.{}", org.to_lowercase());
    out.key(org, no, date, &preparer);
    out.header(HeaderText::ApprovedBy, by).header(HeaderText::DocNo, "D");
    out
}

/// A county with its villages, households and accounts.
fn register(world: &mut World) {
    let mut areas = begin("PO441424", "AREAS", "2016-08-16", "a.po441424");
    let mut line = 0;
    for town in 0..=(VILLAGES - 1) / 399 {
        line += 1;
        areas
            .begin_line(line, "AreaRegistered")
            .text(Field::Code, &format!("{}000", 441_424_902 + town));
        areas.text(Field::NameZh, "镇").text(Field::Parent, "441424000000");
    }
    for n in 0..VILLAGES {
        line += 1;
        let code = village(n);
        areas.begin_line(line, "AreaRegistered").text(Field::Code, code.area_text().as_str());
        areas.text(Field::NameZh, "村");
        areas.text(Field::Parent, code.parent().unwrap().area_text().as_str());
    }
    areas.state_totals();
    world.posted(&areas.finish());
    for n in 0..VILLAGES {
        let mut homes = begin("PO441424", &format!("H{n}"), "2016-08-16", "a.po441424");
        for i in 0..HOUSEHOLDS {
            let no = n * HOUSEHOLDS + i;
            homes.begin_line(i + 1, "HouseholdRegistered");
            homes.text(Field::Household, &household(no).to_string());
            homes
                .text(Field::Village, village(n).area_text().as_str())
                .text(Field::Class, "general");
            homes.push_text(Field::Causes, "illness");
            for member in 0..2 {
                homes.begin_entry(Field::Members).member_int("no", i64::from(member) + 1);
                homes
                    .member_token("person", token(1, no * 2 + member))
                    .member_int("birth_year", 1960);
                homes.member_text("sex", "f").member_text("ability", "full");
                homes.member_bool("dibao", false).member_bool("student", false);
                homes.member_bool("insured", true);
            }
        }
        homes.state_totals();
        world.posted(&homes.finish());
        let mut bound = begin("PO441424", &format!("A{n}"), "2016-08-16", "a.po441424");
        for i in 0..HOUSEHOLDS {
            let no = n * HOUSEHOLDS + i;
            bound.begin_line(i + 1, "AccountBound");
            bound.text(Field::Household, &household(no).to_string());
            bound.token(Field::Account, token(2, no)).text(Field::AccountKind, "yikatong");
            bound.token(Field::Holder, token(1, no * 2)).bool(Field::Primary, true);
        }
        bound.state_totals();
        world.posted(&bound.finish());
        // The records are of no more use: keep memory for what is measured.
        world.log.0.iter_mut().for_each(Vec::clear);
    }
}

fn payments(scattered: bool) -> Vec<Voucher> {
    (0..VOUCHERS)
        .map(|n| {
            let mut out = begin("FB441424", &format!("PAY{n}"), "2016-09-01", "a.fb441424");
            for i in 0..LINES {
                // In the order of the register, or with every household far from the one before.
                let no =
                    if scattered { (n * LINES + i).wrapping_mul(7_919) } else { n * LINES + i };
                let no = no % (VILLAGES * HOUSEHOLDS);
                out.begin_line(i + 1, "DisbursedToHousehold").text(Field::Quota, "Q16-4401-0001");
                out.text(Field::Unit, "441424").text(Field::Household, &household(no).to_string());
                out.token(Field::Account, token(2, no)).text(Field::Purpose, "P02");
                out.text(Field::BankRef, &format!("B20160901-{n:03}")).int(Field::Amount, 100);
            }
            out.state_totals();
            out.finish()
        })
        .collect()
}

/// Processor time of this thread: other work on the machine does not count.
struct Cpu(u64);

impl Cpu {
    fn now() -> Self {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        Self(text.split(' ').next().unwrap().parse().unwrap())
    }

    fn elapsed_ns(&self) -> u64 {
        Self::now().0 - self.0
    }
}

fn per_line(name: &str, clock: &Cpu) {
    println!("{name:<32}{:>7} ns a line", clock.elapsed_ns() / u64::from(VOUCHERS * LINES));
}

fn main() {
    let mut world = story_until("2016-08-16");
    let started = Instant::now();
    register(&mut world);
    println!("{} households in {:.1?}", VILLAGES * HOUSEHOLDS, started.elapsed());
    let scattered = std::env::args().any(|arg| arg == "scattered");
    let vouchers = payments(scattered);
    let mut desk = Desk::new();
    let before = world.state.clone();
    let clock = Cpu::now();
    let forms: Vec<Form> = vouchers.iter().map(|voucher| form::check(voucher).unwrap()).collect();
    per_line("form checks", &clock);
    let clock = Cpu::now();
    let digests: Vec<[u8; 32]> =
        vouchers.iter().zip(&forms).map(|(v, form)| digest(ORIGIN, v, &form.kinds)).collect();
    per_line("content digest", &clock);
    let ask = |i: usize, seq_next: Seq| Ask {
        voucher: &vouchers[i],
        form: &forms[i],
        digest: &digests[i],
        signature: Signature::Absent,
        identity: None,
        now_ms: 0,
        synthetic: true,
        seq_next,
        dry_run: false,
    };
    let mut seq = world.next_seq();
    let mut decided = world.state.clone();
    let mut out = Vec::new();
    let clock = Cpu::now();
    for i in 0..vouchers.len() {
        let outcome = decide(&mut decided, &world.log, &ask(i, seq), &mut out);
        let Outcome::Posted { last_seq, .. } = outcome else { panic!("{outcome:?}") };
        seq = last_seq.next();
    }
    per_line("decide + evolve", &clock);
    let mut seq = world.next_seq();
    let mut posted = world.state.clone();
    let clock = Cpu::now();
    for i in 0..vouchers.len() {
        let outcome = post(&mut posted, &world.log, &ask(i, seq), &mut desk);
        let Outcome::Posted { last_seq, .. } = outcome else { panic!("{outcome:?}") };
        seq = last_seq.next();
    }
    per_line("decide + evolve + encode", &clock);
    let mut seq = world.next_seq();
    let mut drafts = Vec::new();
    for i in 0..vouchers.len() {
        let outcome = post(&mut world.state, &world.log, &ask(i, seq), &mut desk);
        let Outcome::Posted { last_seq, time_ms, .. } = outcome else { panic!("{outcome:?}") };
        seq = last_seq.next();
        drafts.push((desk.draft.clone(), time_ms));
    }
    let mut sealed = BlockBuilder::start(1, world.next_seq(), [1; 32], [9; 32]);
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    let clock = Cpu::now();
    for (draft, time_ms) in &drafts {
        sealed.append(draft, *time_ms);
        let block = sealed.finish();
        sealed.restart(1, block.last_seq().next(), block.head());
        bodies.push(block.body().to_vec());
    }
    per_line("seal", &clock);
    let bytes: usize = bodies.iter().map(Vec::len).sum();
    println!("{:<32}{:>7} bytes a line", "records", bytes / (VOUCHERS * LINES) as usize);
    replay(&before, &bodies, &world.state);
}

fn replay(before: &State, bodies: &[Vec<u8>], live: &State) {
    let mut state = before.clone();
    state.set_recording(false);
    let mut codec = Codec::new();
    let records: Vec<Record<'_>> = bodies
        .iter()
        .flat_map(|body| {
            let mut rest = body.as_slice();
            std::iter::from_fn(move || {
                let (record, behind) = Record::split_first(rest).ok()?;
                rest = behind;
                Some(record)
            })
        })
        .collect();
    let clock = Cpu::now();
    for record in &records {
        state.apply_record(record, &mut codec).unwrap();
    }
    let time_ns = clock.elapsed_ns();
    println!("{:<32}{:>7} ns a record", "replay: decode + evolve", time_ns / records.len() as u64);
    println!("{:<32}{:>7} records/s", "", records.len() as u64 * 1_000_000_000 / time_ns);
    state.set_recording(true);
    assert_eq!(format!("{:?}", state.money), format!("{:?}", live.money));
}
