//! Red flags on logs in which every one of them fires: folded in pieces as at once, the same when asked twice,
//! what was injected found and its decoys left alone.
//!
//! Always: the log is made by `sim` and decided by the ledger, so what a flag sees could have been posted.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use ledger::codec::Codec;
use ledger::event::{At, Entry};
use ledger::ids::Date;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use record::Record;
use sim::{Label, Profile, SimVoucher};
use views::flags::{Alert, Facts, Flag, alerts};

use crate::ledger_world::{World, read_json_lines};

/// A record and what it says; those of the format's own kinds have no entry.
type Row = (Vec<u8>, Option<(At, Entry)>);

/// A log as the facts take it in, and what was injected.
struct Made {
    rows: Vec<Row>,
    labels: Vec<Label>,
}

static LOG: LazyLock<Made> = LazyLock::new(|| made(sim::DEFAULT_SEED));

fn made(seed: u64) -> Made {
    let mut source = sim::plan(Profile::Xs, seed).vouchers();
    let vouchers: Vec<SimVoucher> = source.by_ref().collect();
    let mut world = World::new();
    for voucher in &vouchers {
        let mut text = Vec::new();
        sim::render_voucher(voucher, &mut text);
        for voucher in read_json_lines(std::str::from_utf8(&text).unwrap()) {
            world.posted(&voucher);
        }
    }
    let mut codec = Codec::new();
    let rows = world.log.0.into_iter().map(|bytes| {
        let record = Record::parse(&bytes).unwrap();
        let entry = (100 <= record.kind())
            .then(|| (At::of_record(&record), codec.decode(&record).unwrap()));
        (bytes, entry)
    });
    Made { rows: rows.collect(), labels: source.labels() }
}

impl Made {
    /// Takes in records up to a position.
    fn fold(&self, facts: &mut Facts, until: usize) {
        let from = facts.next_seq().0 as usize;
        for (bytes, entry) in &self.rows[from..until] {
            match entry {
                Some((at, entry)) => facts.apply(at, entry),
                None => facts.pass(&Record::parse(bytes).unwrap()),
            }
        }
    }

    fn facts(&self, until: usize) -> Facts {
        let mut facts = Facts::new();
        self.fold(&mut facts, until);
        facts
    }
}

/// A moment to ask at: parts of a thousand of the log, a day of the programme, and whether the day is that of
/// the last record.
type Moment = (usize, u32, bool);

#[test]
fn pieces_give_the_alerts_of_the_whole() {
    let log = &*LOG;
    let fired: RefCell<BTreeSet<u8>> = RefCell::default();
    let days = Date::PROGRAMME_START.0..Date::SYNTHETIC_END.0;
    let moments = vec((1..=1_000_usize, days, any::<bool>()), 1..6);
    // Nothing is kept of a failure: the log is the same every time, and the moments are printed.
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) };
    let mut runner = TestRunner::new(config);
    let result = runner.run(&moments, |mut moments: Vec<Moment>| {
        moments.sort_unstable();
        // The end of the log is always asked about.
        let last = moments.last().map(|moment| (1_000, moment.1, true)).unwrap();
        moments.push(last);
        let mut pieces = Facts::new();
        for (part, day, own) in moments {
            let until = log.rows.len() * part / 1_000;
            log.fold(&mut pieces, until);
            let date = if own { pieces.posted() } else { Date(day) };
            let whole = log.facts(until);
            prop_assert_eq!(pieces.next_seq(), whole.next_seq());
            let found = alerts(&pieces, date, None);
            prop_assert_eq!(&found, &alerts(&whole, date, None));
            fired.borrow_mut().extend(found.iter().map(|alert| alert.flag.number()));
        }
        Ok(())
    });
    result.unwrap();
    let silent: Vec<u8> = (1..=29).filter(|flag| !fired.borrow().contains(flag)).collect();
    assert!(silent.is_empty(), "never fired: {silent:?}");
}

#[test]
fn alerts_stand_in_their_order_and_each_once() {
    let log = &*LOG;
    let facts = log.facts(log.rows.len());
    let all = alerts(&facts, facts.posted(), None);
    assert_eq!(all, alerts(&facts, facts.posted(), None));
    let key = |alert: &Alert| (alert.flag.number(), alert.subject.key(), alert.evidence[0]);
    assert!(all.is_sorted_by(|a, b| key(a) < key(b)));
    let ids: BTreeSet<[u8; 16]> = all.iter().map(|alert| alert.id).collect();
    assert_eq!(ids.len(), all.len());
    for flag in (1..=29).filter_map(Flag::of_number) {
        let of_flag: Vec<_> = all.iter().filter(|alert| alert.flag == flag).cloned().collect();
        assert_eq!(alerts(&facts, facts.posted(), Some(flag)), of_flag, "{flag}");
    }
}

/// Flags that fire on their decoys, by their rules: declared heads are all, registered ones those of households
/// able to work (F19); an exception fires whatever its reason says (F20).
const FIRE_ON_DECOYS: [u8; 2] = [19, 20];

#[test]
fn what_was_injected_is_found_and_decoys_are_not() {
    let log = &*LOG;
    let facts = log.facts(log.rows.len());
    let found: BTreeSet<(u8, String)> = alerts(&facts, facts.posted(), None)
        .iter()
        .map(|alert| (alert.flag.number(), alert.subject.to_string()))
        .collect();
    let wrong: Vec<_> = log
        .labels
        .iter()
        .filter(|label| !(label.decoy && FIRE_ON_DECOYS.contains(&label.flag)))
        .filter(|label| found.contains(&(label.flag, label.subject.clone())) == label.decoy)
        .map(|label| (label.flag, label.decoy, &label.subject))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
