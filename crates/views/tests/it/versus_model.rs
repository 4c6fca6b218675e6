//! Random legal histories: the views equal the definitions at every voucher's end.

use std::collections::BTreeSet;
use std::sync::Mutex;

use ledger::codec::Codec;
use ledger::event::At;
use ledger::ids::Date;
use ledger::kind::Kind;
use proptest::collection::vec;
use proptest::prelude::*;
use record::{Record, Seq};
use views::Projection;

use crate::identities::sides_agree;
use crate::model;
use crate::rows::{self, Rows};
use crate::world::{World, kinds};

fn differs(found: &Rows, expected: &Rows) -> Option<String> {
    for (at, row) in expected {
        if found.get(at) != Some(row) {
            return Some(format!("{at:?}\n found    {:?}\n expected {row:?}", found.get(at)));
        }
    }
    let more = found.iter().find(|(at, _)| !expected.contains_key(at));
    more.map(|(at, row)| format!("{at:?}\n found    {row:?}\n expected nothing"))
}

fn assert_equal(found: &Rows, expected: &Rows, when: &str) {
    if let Some(what) = differs(found, expected) {
        panic!("{when}: {what}");
    }
}

/// Folds the records up to a position anew, with a day.
pub(crate) fn fold(world: &World, upto: Seq, day: Option<Date>) -> Projection {
    let mut views = Projection::new();
    let mut codec = Codec::new();
    for bytes in &world.book.log.0[..=upto.0 as usize] {
        let record = Record::parse(bytes).unwrap();
        if record.kind() < 100 {
            views.pass(&record);
            continue;
        }
        let at = At::of_record(&record);
        let event = codec.decode(&record).unwrap().event;
        views.apply_as(&at, &event, day.is_none_or(|day| at.date <= day)).unwrap();
    }
    views
}

static MET: Mutex<BTreeSet<Kind>> = Mutex::new(BTreeSet::new());

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn views_are_their_definitions(actions in vec(any::<(u8, u32, u32, u32)>(), 1..140)) {
        let mut world = World::new();
        for (n, action) in actions.into_iter().enumerate() {
            world.act(action);
            if n % 7 == 0 {
                let upto = Seq(world.book.log.0.len() as u64 - 1);
                let expected = model::rows(&world.book.events, upto, None);
                let found = rows::read(world.book.views.projection());
                assert_equal(&found, &expected, &format!("at {upto}"));
            }
        }
        let upto = Seq(world.book.log.0.len() as u64 - 1);
        let found = rows::read(world.book.views.projection());
        assert_equal(&found, &model::rows(&world.book.events, upto, None), "at the head");
        MET.lock().unwrap().extend(kinds(&world));
    }

    #[test]
    fn a_fold_by_date_is_the_definition_over_that_day(
        actions in vec(any::<(u8, u32, u32, u32)>(), 1..140),
        days in vec(0_u32..900, 4),
    ) {
        let mut world = World::new();
        actions.into_iter().for_each(|action| world.act(action));
        let head = world.book.log.0.len() as u64 - 1;
        let first = Date::parse("2016-06-20").unwrap();
        for day in days {
            let day = Date(first.0 + day % (8 * head as u32 + 20));
            for upto in [Seq(head), Seq(head / 2)] {
                let expected = model::rows(&world.book.events, upto, Some(day));
                let found = rows::read(&fold(&world, upto, Some(day)));
                assert_equal(&found, &expected, &format!("at {upto} of {day}"));
            }
        }
    }
}

#[test]
fn long_runs_meet_every_kind() {
    let (mut met, mut bounced) = (BTreeSet::new(), false);
    for seed in 1..6_u64 {
        let mut world = long(seed, 500);
        let upto = Seq(world.book.log.0.len() as u64 - 1);
        let found = rows::read(world.book.views.projection());
        assert_equal(&found, &model::rows(&world.book.events, upto, None), "at the head");
        met.extend(kinds(&world));
        sides_agree(&world, &found);
        let of =
            |name: &str| found.iter().any(|((view, _), row)| *view == 5 && row.contains_key(name));
        bounced |= of("up_bounced") && of("down_bounced");
        for digest in world.book.views.digests().iter().skip(1) {
            let scanned = rows::scanned_digest(world.book.views.projection(), digest.number);
            assert_eq!((digest.rows, digest.digest), scanned, "{}", digest.name);
        }
    }
    assert_eq!(met.len(), 33, "{met:?}");
    assert!(bounced, "no money bounced in both directions");
}

/// A long run from a seed.
pub(crate) fn long(seed: u64, actions: u32) -> World {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as u32
    };
    let mut world = World::new();
    for _ in 0..actions {
        world.act((draw() as u8, draw(), draw(), draw()));
    }
    world
}

/// Random histories of a run; `VIEWS_CASES` makes it longer.
fn cases() -> u32 {
    std::env::var("VIEWS_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(40)
}
