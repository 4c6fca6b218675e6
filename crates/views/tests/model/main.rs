//! The views beside the ledger's naive model: both sides of every pairing, every household and quota.
//!
//! Lives here: what the views say, computed a second time from the model's own records.
//! Lives elsewhere: model and sequences (`crates/ledger/tests/model`, taken from there by path: the ledger may
//! not know the views).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::string_slice,
    clippy::similar_names,
    clippy::semicolon_if_nothing_returned,
    clippy::too_many_lines,
    dead_code,
    reason = "a test fails by panicking; not all of the model is used here"
)]

#[path = "../../../ledger/tests/money/world.rs"]
mod bench;
#[path = "../../../ledger/tests/model/decide.rs"]
mod decide;
#[path = "../../../ledger/tests/model/doc.rs"]
mod doc;
#[path = "../../../ledger/tests/model/form.rs"]
mod form;
#[path = "../../../ledger/tests/model/identities.rs"]
mod identities;
#[path = "../../../ledger/tests/model/model.rs"]
mod model;
#[path = "../../../ledger/tests/model/money.rs"]
mod money;
#[path = "../../../ledger/tests/model/pair.rs"]
mod pair;
#[path = "../../../ledger/tests/model/registry.rs"]
mod registry;
#[path = "../../../ledger/tests/model/rules.rs"]
mod rules;
#[path = "../../../ledger/tests/model/spoil.rs"]
mod spoil;
#[path = "../../../ledger/tests/model/table.rs"]
mod table;
#[path = "../../../ledger/tests/model/world.rs"]
mod world;

use std::collections::BTreeMap;

use ledger::codec::Codec;
use ledger::event::At;
use ledger::ids::{HouseholdCode, QuotaId, Unit};
use record::Record;
use views::balance::{self, Balance};
use views::{Projection, Views};

use crate::model::{Model, Rec};
use crate::pair::{Met, sequence};

/// Views of the first records.
fn fold(log: &[Vec<u8>]) -> Views {
    let (mut views, mut codec) = (Views::new(), Codec::new());
    for bytes in log {
        let record = Record::parse(bytes).unwrap();
        if record.kind() < 100 {
            views.pass(&record);
        } else {
            let event = codec.decode(&record).unwrap().event;
            views.apply(&record, &At::of_record(&record), &event).unwrap();
        }
    }
    views
}

fn field(balance: Option<&Balance>, name: &str) -> i128 {
    balance.and_then(|balance| balance.field(name)).map_or(0, i128::from)
}

/// Paid, refunded, attributed and asset income of every household.
fn households(model: &Model, views: &Projection) -> u32 {
    let mut paid_ones = 0;
    for code in model.houses.keys() {
        let found = balance::household_totals(views, HouseholdCode::parse(code).unwrap()).unwrap();
        let of = |rec: &&std::rc::Rc<Rec>| rec.text("household") == code;
        let paid: Vec<_> = model.of(&[330]).filter(of).collect();
        let back: i128 = paid.iter().map(|rec| model.against(rec.seq, &[340, 341])).sum();
        let paid: i128 = paid.iter().map(|rec| rec.amount).sum();
        for (name, expected) in [
            ("paid", paid),
            ("refunded", back),
            ("attributed", model.balance(&format!("B.hh.{code}"))),
            ("asset_income", model.balance(&format!("I.hh.{code}"))),
        ] {
            assert_eq!(field(found.as_ref(), name), expected, "{code} {name}");
        }
        paid_ones += u32::from(paid != 0);
    }
    paid_ones
}

/// What was issued of every quota, and what was paid.
fn quotas(model: &Model, views: &Projection) {
    for def in model.recs.iter().filter(|rec| matches!(rec.no, 310 | 312)) {
        let id = def.text("quota");
        let found = balance::quota(views, &QuotaId::id(id).unwrap()).unwrap();
        assert_eq!(field(found.as_ref(), "issued"), model.issued_net(def), "{id}");
    }
}

/// Allocated, sent, received, under way and spent of the quotas of a source for a city, by treasury.
fn told(
    model: &Model,
    source: &str,
    home: &str,
    treasury: Option<&str>,
) -> BTreeMap<&'static str, i128> {
    let mut out = BTreeMap::from([("allocated", 0), ("sent", 0), ("spent", 0), ("in_transit", 0)]);
    let mut add = |name, fen| *out.get_mut(name).unwrap() += fen;
    for def in model.recs.iter().filter(|rec| matches!(rec.no, 310 | 312)) {
        let is = (def.text("source"), def.text("home_city")) == (source, home);
        if !is || treasury.is_some_and(|treasury| def.text("treasury") != treasury) {
            continue;
        }
        let (quota, seat) = (def.text("quota"), def.text("treasury"));
        add("allocated", model.issued_net(def));
        add("sent", -model.balance(&format!("C.src.{source}.{seat}.{quota}")));
        let ends = format!(".{quota}");
        let used =
            model.balances.iter().filter(|(p, _)| p.starts_with("Q.used.") && p.ends_with(&ends));
        add("spent", used.map(|(_, fen)| fen).sum());
    }
    out.remove("in_transit");
    out
}

/// No. 15 and the cities: what home and helper say, each against the model.
fn cities(model: &Model, views: &Projection) -> u32 {
    let mut compared = 0;
    for home in world::CITIES {
        let found = balance::as_home(views, Unit::parse(home).unwrap()).unwrap();
        for source in ["P", "H", "L", "U", "S"] {
            let rows = found.iter().flat_map(|b| &b.rows).filter(|row| row.key[0].1 == source);
            let mut sums: BTreeMap<&str, i128> = BTreeMap::new();
            rows.flat_map(|row| &row.fields)
                .for_each(|(name, fen)| *sums.entry(name).or_insert(0) += i128::from(*fen));
            for (name, expected) in told(model, source, home, None) {
                let found = sums.get(name).copied().unwrap_or(0);
                assert_eq!(found, expected, "{home} {source} {name}");
                compared += u32::from(expected != 0);
            }
            if money::SOURCES.contains(&source) {
                let owed = -model.balance(&format!("Q.plan.{source}.{home}"));
                assert_eq!(sums.get("owed").copied().unwrap_or(0), owed, "{home} {source} owed");
            }
        }
    }
    for helper in ["4401", "4403", "4405"] {
        let found = balance::as_helper(views, Unit::parse(helper).unwrap()).unwrap();
        for home in world::CITIES {
            let rows = found.iter().flat_map(|b| &b.rows).filter(|row| row.key[0].1 == home);
            let mut sums: BTreeMap<&str, i128> = BTreeMap::new();
            rows.flat_map(|row| &row.fields)
                .for_each(|(name, fen)| *sums.entry(name).or_insert(0) += i128::from(*fen));
            for (name, expected) in told(model, "H", home, Some(helper)) {
                let found = sums.get(name).copied().unwrap_or(0);
                assert_eq!(found, expected, "{helper} for {home}: {name}");
            }
        }
    }
    compared
}

#[test]
fn the_views_say_what_the_model_says() {
    let (mut met, mut paid, mut compared) = (Met::default(), 0, 0);
    for seed in 0..10 {
        let pair = sequence(seed, 300, &mut met).map_err(|(_, why)| why).unwrap();
        let log = &pair.ledger.log.0;
        let views = fold(log);
        paid += households(&pair.model, views.projection());
        quotas(&pair.model, views.projection());
        compared += cities(&pair.model, views.projection());
        // 16: digests of a prefix, live and folded anew.
        let (mut live, half) = (fold(&log[..log.len() / 2]), fold(&log[..log.len() / 2]));
        let digests = live.digests();
        let mut again = half;
        assert_eq!(digests, again.digests_anew());
        let mut codec = Codec::new();
        for bytes in &log[log.len() / 2..] {
            let record = Record::parse(bytes).unwrap();
            let event = codec.decode(&record).unwrap().event;
            live.apply(&record, &At::of_record(&record), &event).unwrap();
        }
        assert_eq!(live.digests(), fold(log).digests(), "16");
    }
    assert!(20 < paid && 50 < compared, "{paid} households paid, {compared} sums");
}
