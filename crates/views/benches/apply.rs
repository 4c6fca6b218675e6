//! Nanoseconds and bytes of the views at the province's size: `cargo bench -p views`.
//!
//! 708,000 households in 14,160 villages, 135 tranches of three sources, payments of three years to
//! random households: the caches see what three years would show them. `VIEWS_BENCH_HOUSEHOLDS` and
//! `VIEWS_BENCH_PAYMENTS` make it smaller or larger.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::float_arithmetic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement, not a product"
)]

use ledger::event::money::{DisbursedToHousehold, QuotaIssued, TrancheOpened};
use ledger::event::registry::{Causes, HouseholdRegistered, Marks, Person};
use ledger::ids::{
    BankRef, Date, HouseholdCode, LoanId, OrgId, Purpose, QuotaId, Source, Token, TrancheId, Unit,
};
use ledger::rules::SchemeKey;
use ledger::words::{Ability, Class, Programme, Sex};
use ledger::{At, Event};
use record::{Fen, Seq};
use views::Projection;

const CITIES: u64 = 15;
const VILLAGES: u64 = 14_160;
const TRANCHES: u64 = 9;
/// Lines a voucher: households of one village, one quota and purpose.
const LINES: u64 = 20;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn rss_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4_096
}

/// Time on a core, so that what else the machine does counts less.
fn cpu_nanos() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0.0)
}

/// SplitMix64.
fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn city(n: u64) -> Unit {
    Unit::of_code((4_401 + n % CITIES) * 100_000_000).unwrap()
}

/// Villages of a city: three counties, towns 901.., villages 201...
fn village(n: u64) -> Unit {
    let (city, rest) = (n % CITIES + 1, n / CITIES);
    let county = rest % 3 + 21;
    let town = 901 + (rest / 3) % 90;
    let village = 201 + rest / 270;
    Unit::of_code(((4_400 + city) * 100 + county) * 1_000_000 + town * 1_000 + village).unwrap()
}

fn quota(city: u64, tranche: u64, source: u64) -> QuotaId {
    QuotaId::id(&format!("Q16-{city:02}-{tranche:02}-{source}")).unwrap()
}

struct Bench {
    views: Projection,
    seq: u64,
}

impl Bench {
    fn apply(&mut self, date: u32, event: &Event) {
        let seq = Seq(self.seq);
        let at = At { seq, time_ms: 0, date: Date(date), first_seq: seq };
        self.views.apply(&at, event).unwrap();
        self.seq += 1;
    }
}

fn main() {
    let households = number("VIEWS_BENCH_HOUSEHOLDS", 708_000);
    let payments = number("VIEWS_BENCH_PAYMENTS", 8_000_000);
    let mut bench = Bench { views: Projection::new(), seq: 0 };
    quotas(&mut bench);
    let before = rss_bytes();
    let codes = register(&mut bench, households);
    let registered = rss_bytes();
    println!(
        "{households} households: {:.0} B each",
        (registered - before) as f64 / households as f64
    );
    pay(&mut bench, &codes, payments);
    let start = cpu_nanos();
    let rows: u64 = bench.views.digests().iter().map(|view| view.rows).sum();
    println!("digest of {rows} rows: {:.0} ns a row", (cpu_nanos() - start) / rows as f64);
    println!(
        "with {payments} payments: {:.0} B each",
        (rss_bytes() - before) as f64 / households as f64
    );
    let start = cpu_nanos();
    let copy = bench.views.share();
    println!("share: {:.1} ms", (cpu_nanos() - start) / 1e6);
    drop(copy);
}

fn quotas(bench: &mut Bench) {
    for n in 0..CITIES * TRANCHES {
        let (home, t) = (city(n), n / CITIES);
        let tranche = TrancheId::id(&format!("T{t}-{}", n % CITIES)).unwrap();
        let year = 2016 + t as u32 / 3;
        let opened = TrancheOpened {
            tranche,
            home,
            year,
            parts: [Fen::new(6_000_000_000), Fen::new(3_000_000_000), Fen::new(1_000_000_000)],
            scheme: "GD-631".into(),
            scheme_key: SchemeKey::All,
            scheme_version: 1,
            weights: [6, 3, 1],
            baseline_version: 1,
            cap_version: 1,
            pairing_version: 1,
            heads: 1,
            helper: Unit::parse("4499").unwrap(),
        };
        bench.apply(16_990, &opened.into());
        for (s, source) in Source::SHARED.into_iter().enumerate() {
            let issued = QuotaIssued {
                quota: quota(n % CITIES, t, s as u64),
                source,
                treasury: Unit::parse("4499").unwrap(),
                home,
                tranche,
                programme: Programme::parse("dev").unwrap(),
                to: home,
                amount: Fen::new(1_000_000_000),
                year,
                issuer: OrgId::id("FB44").unwrap(),
                flows_version: 1,
                pairing_version: 1,
            };
            bench.apply(16_990, &issued.into());
        }
    }
}

fn register(bench: &mut Bench, households: u64) -> Vec<(HouseholdCode, u64)> {
    let mut codes = Vec::with_capacity(households as usize);
    let marks = Marks { ability: Ability::ALL[0], dibao: false, student: false, insured: true };
    let member =
        Person { no: 1, person: Token([1; 16]), birth_year: 1970, sex: Sex::ALL[0], marks };
    let of_village = households / VILLAGES;
    for n in 0..VILLAGES * of_village {
        let at = n / of_village;
        let village = village(at);
        let household = HouseholdCode::new(village, (n % of_village + 1) as u16).unwrap();
        let registered = HouseholdRegistered {
            household,
            village,
            class: Class::General,
            causes: Causes::default(),
            helping_unit: None,
            members: vec![member; 3],
        };
        bench.apply(16_990, &registered.into());
        codes.push((household, at));
    }
    codes
}

fn pay(bench: &mut Bench, codes: &[(HouseholdCode, u64)], payments: u64) {
    const BATCH: u64 = 100_000;
    let purposes = ["P01", "P02", "P03", "P05", "P06", "P07"].map(|p| Purpose::new(p).unwrap());
    let (mut state, mut spent) = (1, 0.0);
    let (mut line, mut voucher, mut x) = (0, 0, 0);
    for batch in 0..payments / BATCH {
        let events: Vec<Event> = (0..BATCH)
            .map(|_| {
                if line == 0 {
                    (voucher, x) = (draw(&mut state) % VILLAGES, draw(&mut state));
                }
                line = (line + 1) % LINES;
                let of_village = codes.len() as u64 / VILLAGES;
                let household = voucher * of_village + draw(&mut state) % of_village;
                let (household, at) = codes[household as usize];
                Event::from(DisbursedToHousehold {
                    quota: quota(at % CITIES, x % TRANCHES, x / 16 % 3),
                    unit: village(at),
                    household,
                    member_no: None,
                    account: Token([1; 16]),
                    purpose: purposes[(x / 64 % 6) as usize],
                    loan: LoanId::EMPTY,
                    bank_ref: BankRef::EMPTY,
                    amount: Fen::new(1 + (x / 1_024 % 100_000).cast_signed()),
                    village: village(at),
                    class: Class::General,
                    heads: 3,
                    exited: false,
                    purposes_version: 1,
                    flows_version: 1,
                    cap_version: 1,
                })
            })
            .collect();
        let year = (batch * 3 / (payments / BATCH).max(1)) as u32;
        let start = cpu_nanos();
        for event in &events {
            bench.apply(17_000 + 365 * year, event);
        }
        spent += cpu_nanos() - start;
    }
    println!("apply of a payment to a household: {:.0} ns", spent / payments as f64);
}
