//! A household from its own records equals a fold of the prefix, at every position and of several days.

use ledger::ids::{Date, HouseholdCode};
use record::{Record, Seq};
use views::balance::{self, Filter};
use views::history::{AsOf, Asked, HistoryError, as_of, household};

use crate::book::Scan;
use crate::versus_model::{fold, long};

#[test]
fn a_household_is_the_same_from_its_own_records() {
    let world = long(4, 260);
    let (log, definitions) = (&world.book.log, world.book.views.projection());
    let head = log.0.len() as u64 - 1;
    let codes: Vec<HouseholdCode> =
        balance::households(definitions, Filter::default(), None, 9_999);
    assert!(5 < codes.len());
    let days = [None, Date::parse("2017-03-01"), Date::parse("2018-01-01")];
    for seq in (1..=head).step_by(17) {
        for day in days {
            let as_of = as_of(log, Seq(seq), day).unwrap();
            let folded = fold(&world, as_of.position, day);
            for code in &codes {
                let asked = Asked { code: *code, as_of, per_head_fen: None };
                let found = household(log, &Scan(log), definitions, &asked).unwrap();
                let expected = balance::household_totals(&folded, *code).unwrap();
                assert_eq!(found.is_some(), expected.is_some(), "{code} at {seq} of {day:?}");
                let (Some(found), Some(expected)) = (found, expected) else { continue };
                assert_eq!(found.fields, expected.fields, "{code} at {seq} of {day:?}");
                assert_eq!(found.counts[..2], expected.counts, "{code} at {seq} of {day:?}");
                assert_eq!(found.texts[..3], expected.texts, "{code} at {seq} of {day:?}");
                for (name, fen) in &found.fields {
                    let field =
                        |row: &balance::Row| row.fields.iter().find(|(n, _)| n == name).unwrap().1;
                    assert_eq!(*fen, found.rows.iter().map(field).sum::<i64>(), "{code} {name}");
                }
            }
        }
    }
}

#[test]
fn a_position_inside_a_voucher_means_the_voucher_before() {
    let world = long(4, 120);
    let log = &world.book.log;
    let mut shortened = 0;
    for (seq, bytes) in (0..).zip(&log.0) {
        let record = Record::parse(bytes).unwrap();
        let found = as_of(log, Seq(seq), None).unwrap();
        let last = record.part() + 1 == record.parts();
        let expected = if last { seq } else { seq - u64::from(record.part()) - 1 };
        let group_shortened = !last;
        shortened += u32::from(group_shortened);
        assert_eq!(found, AsOf { position: Seq(expected), date: None, group_shortened });
    }
    assert!(20 < shortened);
    let beyond = as_of(log, Seq(log.0.len() as u64), None);
    assert!(matches!(beyond, Err(HistoryError::BeyondHead { .. })));
}

#[test]
fn all_that_a_quota_paid_are_among_its_payees() {
    use ledger::event::Event;
    let world = long(4, 400);
    let views = world.book.views.projection();
    let mut met = 0;
    let reversed: Vec<Seq> = world
        .book
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Reversed(e) => Some(e.original.seq),
            _ => None,
        })
        .collect();
    for (at, event) in &world.book.events {
        let Event::DisbursedToHousehold(e) = event else { continue };
        if reversed.contains(&at.seq) {
            continue;
        }
        assert!(balance::payees(views, &e.quota).contains(&e.household));
        met += 1;
    }
    assert!(20 < met);
    assert!(balance::payees(views, &ledger::ids::QuotaId::id("NONE").unwrap()).is_empty());
}
