//! Months and bank balances, beyond what a refusal shows: what is recorded, and that a closed month holds for
//! every kind.

use crate::world::{EXAMPLE, World, read_json_lines, story_until};
use ledger::event::money::{amount_of, unit_of_account};
use ledger::event::period::{BalanceAsserted, PeriodClosed};
use ledger::event::{At, Booked};
use ledger::field::Field;
use ledger::ids::{Date, Unit};
use ledger::kind::{Group, Kind};
use ledger::reject::Month;
use ledger::voucher::VoucherBuilder;
use ledger::{Event, Outcome, State};

/// The bank's figure for a unit as the ledger records it: what the ledger had, and the difference.
fn asserted(
    world: &mut World,
    (no, posted): (&str, &str),
    unit: &str,
    (quota, date): (&str, &str),
    bank: i64,
) -> (i64, i64) {
    let mut line = VoucherBuilder::new();
    let org = if unit.len() == 12 { "VC441424901201" } else { "FB441424" };
    line.key(org, no, posted, &format!("p.{}", org.to_lowercase()));
    line.begin_line(1, "BalanceAsserted").text(Field::Unit, unit).text(Field::Quota, quota);
    line.text(Field::Date, date).int(Field::Amount, bank).state_totals();
    world.posted(&line.finish());
    let Event::BalanceAsserted(BalanceAsserted { amount, ledger, difference, .. }) =
        &world.desk.entries[1].event
    else {
        panic!("another kind")
    };
    assert_eq!(amount.get(), bank);
    (ledger.get(), difference.get())
}

#[test]
fn a_bank_balance_is_compared_with_what_was_held_on_its_day() {
    let mut world = story_until("2016-08-16");
    let (county, village) = ("441424", "441424901201");
    let mut county_had = |no: &str, date: &str| {
        asserted(&mut world, (no, "2016-08-20"), county, ("Q16-4401-0001", date), 0).0
    };
    // 2,490,000.00 arrived on the 9th, 400,000.00 left on the 15th.
    assert_eq!(county_had("A1", "2016-08-08"), 0);
    assert_eq!(county_had("A2", "2016-08-09"), 249_000_000);
    assert_eq!(county_had("A3", "2016-08-14"), 249_000_000);
    assert_eq!(county_had("A4", "2016-08-15"), 209_000_000);
    // A day that has not come is answered by what is known.
    assert_eq!(county_had("A5", "2019-01-01"), 209_000_000);
    assert_eq!(county_had("A6", "2016-06-04"), 0);

    let mut world = story_until("2016-09-12");
    let mut had = |no: &str, quota: &str, date: &str, bank: i64| {
        asserted(&mut world, (no, "2016-09-12"), village, (quota, date), bank)
    };
    // 400,000.00 less 3,000.00 and 2,000.00, and 20,000.00 of the helping unit's own.
    assert_eq!(had("A1", "Q16-4401-0001", "2016-09-12", 39_500_000), (39_500_000, 0));
    assert_eq!(had("A2", "U16-440106-01", "2016-09-12", 2_000_001), (2_000_000, 1));
    assert_eq!(had("A3", "*", "2016-09-12", 41_499_999), (41_500_000, -1));
    assert_eq!(had("A4", "*", "2016-09-11", 0), (39_500_000, -39_500_000));
    assert_eq!(had("A5", "Q16-4405-0001", "2016-09-12", 7), (0, 7));
    // The payment that the bank returned was out for two days.
    assert_eq!(had("A6", "*", "2016-09-01", 0).0, 39_700_000);
    assert_eq!(had("A7", "*", "2016-09-03", 0).0, 40_000_000);
}

/// What is dated back stands on its day: a payment before its money came leaves less than nothing there.
#[test]
fn what_was_posted_late_is_seen_on_its_day() {
    let mut world = story_until("2016-08-16");
    let village = "441424901201";
    let mut pay = VoucherBuilder::new();
    pay.key("VC441424901201", "LATE", "2016-08-10", "p.vc441424901201");
    pay.begin_line(1, "DisbursedToHousehold").text(Field::Quota, "Q16-4401-0001");
    pay.text(Field::Unit, village).text(Field::Household, "44142490120100013");
    pay.blob(Field::Account, &crate::world::hex("8939f19b326f892e93d964216bf8d61d"));
    pay.text(Field::Purpose, "P02").text(Field::BankRef, "L1").int(Field::Amount, 300_000);
    pay.state_totals();
    world.posted(&pay.finish());
    let mut had =
        |no: &str, date: &str| asserted(&mut world, (no, "2016-08-20"), village, ("*", date), 0);
    assert_eq!(had("A1", "2016-08-09"), (0, 0));
    assert_eq!(had("A2", "2016-08-10"), (-300_000, 300_000));
    assert_eq!(had("A3", "2016-08-15"), (-300_000, 300_000));
    assert_eq!(had("A4", "2016-08-16"), (39_700_000, -39_700_000));
}

/// What a line says of its month is what its legs say, and every kind that moves money says it.
#[test]
fn every_money_record_says_in_whose_month_it_stands() {
    let mut world = World::new();
    let mut met = Vec::new();
    for voucher in read_json_lines(EXAMPLE) {
        world.posted(&voucher);
        for entry in world.desk.entries.iter().skip(1) {
            let kind = entry.event.kind();
            let booked = entry.event.body().booked(&world.state);
            if !kind.group().is_money() {
                assert_eq!(booked, None);
                continue;
            }
            let (of, legs) = match &entry.event {
                Event::Reversed(e) => (e.kind, e.original_legs()),
                event => (kind, event.legs()),
            };
            let unit = unit_of_account(&world.state, of, &legs).unwrap();
            assert_eq!(booked, Booked::counted(unit, amount_of(of, &legs).unwrap()), "{kind}");
            met.push(kind);
        }
    }
    assert!(moves_money().all(|kind| met.contains(&kind)));
}

/// Every voucher of the example is refused where its unit's month is closed, and only there.
#[test]
fn a_closed_month_refuses_every_kind() {
    let vouchers = read_json_lines(EXAMPLE);
    let mut world = World::new();
    let booked: Vec<Option<(Kind, Unit)>> = vouchers
        .iter()
        .map(|voucher| {
            world.posted(voucher);
            let first = &world.desk.entries[1].event;
            Some((first.kind(), first.body().booked(&world.state)?.unit))
        })
        .collect();
    let (mut world, mut met) = (World::new(), Vec::new());
    for (voucher, booked) in vouchers.iter().zip(booked) {
        if let Some((kind, unit)) = booked {
            let month = Date::parse(voucher.effective_date()).unwrap().month();
            let beside = |closed: u32| {
                let mut state = world.state.clone();
                close(&mut state, unit, closed);
                world.post_beside(&mut state, voucher)
            };
            let open = beside(month - 1);
            assert!(matches!(open, Outcome::Posted { .. }), "{kind}: {open:?}");
            let Outcome::Refused(reject) = beside(month) else {
                panic!("{kind} in a closed month")
            };
            assert_eq!(reject.refusals[0].reason.code(), 3090, "{kind}: {reject:?}");
            assert_eq!(reject.refusals[0].place(), "lines[1].effective_date");
            met.push(kind);
        }
        world.posted(voucher);
    }
    assert!(moves_money().all(|kind| met.contains(&kind)));
}

/// Kinds 310 to 361.
fn moves_money() -> impl Iterator<Item = Kind> {
    let stated = |kind: Kind| matches!(kind.group(), Group::Period | Group::Assertion);
    Kind::ALL.iter().copied().filter(move |kind| kind.group().is_money() && !stated(*kind))
}

fn close(state: &mut State, unit: Unit, month: u32) {
    let position = state.position();
    let at = At {
        seq: position.next_seq,
        time_ms: position.time_ms,
        date: Date(0),
        first_seq: position.next_seq,
    };
    let totals = state.periods.totals(unit, month);
    let event = PeriodClosed { unit, period: Month(month), totals };
    state.evolve(&at, &event.into()).unwrap();
    state.commit();
}

#[test]
fn a_month_ends_on_its_last_day() {
    let last = |text: &str| Month(Date::parse(text).unwrap().month()).last_day().to_string();
    assert_eq!(last("2016-02-01"), "2016-02-29");
    assert_eq!(last("2016-12-31"), "2016-12-31");
    assert_eq!(last("2017-02-10"), "2017-02-28");
}
