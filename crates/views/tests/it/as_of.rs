//! A household from its own records equals a fold of the prefix, at every position and of several days.

use ledger::ids::{Date, HouseholdCode, Unit};
use record::{Record, Seq};
use views::balance::{self, Balance, Filter};
use views::history::{AsOf, Asked, HistoryError, as_of, household};

use crate::book::{Book, Scan};
use crate::versus_model::{fold, long};
use crate::world::{person, unit};

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

/// A registered household that joins one that is out of poverty brings its state along; the review line
/// is that of the largest number of members of both at one time.
#[test]
fn a_merge_joins_lineages_and_states() {
    use ledger::event::registry::{
        Causes, HouseholdExited, HouseholdRegistered, HouseholdSplit, HouseholdsMerged, MemberLeft,
    };
    use ledger::words::{Class, LeftReason};
    let mut book = Book::new();
    let village = unit("441424901201");
    let code = |n| code(village, n);
    let day = Date::parse("2016-07-01").unwrap();
    let registered = |household, members: u8| HouseholdRegistered {
        household,
        village,
        class: Class::Dibao,
        causes: Causes::default(),
        helping_unit: None,
        members: (1..=members).map(person).collect(),
    };
    let left = |no| MemberLeft { household: code(1), no, reason: LeftReason::ALL[0] };
    let split = HouseholdSplit { household: code(2), new_household: code(3), members: vec![2] };
    let merged =
        HouseholdsMerged { into: code(1), from: code(2), members: vec![(1, 5), (3, 6), (4, 7)] };
    book.post(day, day, vec![registered(code(1), 3).into(), registered(code(2), 4).into()]);
    let exited = HouseholdExited { household: code(1), year: 2016 };
    book.post(day, day, vec![exited.into(), left(1).into(), split.into(), merged.into()]);
    let (log, views) = (&book.log, book.views.projection());
    let as_of = |position| AsOf { position, date: None, group_shortened: false };
    let head = Seq(log.0.len() as u64 - 1);
    let ask = |code, position| {
        let asked = Asked { code, as_of: as_of(position), per_head_fen: Some(10) };
        household(log, &Scan(log), views, &asked).unwrap().unwrap()
    };
    let word = |balance: &Balance, name: &str| {
        balance.texts.iter().find(|(found, _)| *found == name).unwrap().1.clone()
    };
    for (serial, state, active) in [(1, "registered", 5), (2, "dissolved", 0), (3, "registered", 1)]
    {
        let totals = balance::household_totals(views, code(serial)).unwrap().unwrap();
        let told = ask(code(serial), head);
        for balance in [&totals, &told] {
            assert_eq!(word(balance, "state"), state);
            assert_eq!(balance.counts[0], ("active_members", Some(active)));
        }
        assert_eq!(word(&told, "class"), "dibao");
        // 3 and 4 were active at one time; one left before they were one household.
        assert_eq!(told.field("review_line"), Some(70));
        assert_eq!(told.counts[2], ("lineage_households", Some(3)));
    }
    // Before they were joined each stands alone.
    let first = ask(code(1), Seq(3));
    assert_eq!((first.field("review_line"), first.counts[2].1), (Some(30), Some(1)));
}

fn code(village: Unit, serial: u16) -> HouseholdCode {
    HouseholdCode::new(village, serial).unwrap()
}
