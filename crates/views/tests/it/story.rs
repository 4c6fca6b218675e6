//! The contract's story, posted as the program posts it: what the views say at its end.

use std::collections::BTreeMap;

use ledger::codec::Codec;
use ledger::event::At;
use ledger::ids::{Date, HouseholdCode, QuotaId, Unit};
use record::{Record, Seq};
use views::Views;
use views::balance::{self, Balance};
use views::history::{AsOf, Asked, household};

use crate::book::{MemLog, Scan};
use crate::ledger_world::story_until;

const STORY: &str = include_str!("../../../ledger/tests/data/story.csv");

fn unit(text: &str) -> Unit {
    Unit::parse_exact(text).unwrap()
}

fn story() -> (MemLog, Views) {
    let log = MemLog(story_until("2019-12-31").log.0);
    let (mut views, mut codec) = (Views::new(), Codec::new());
    for bytes in &log.0 {
        let record = Record::parse(bytes).unwrap();
        if record.kind() < 100 {
            views.pass(&record);
            continue;
        }
        let event = codec.decode(&record).unwrap().event;
        views.apply(&record, &At::of_record(&record), &event).unwrap();
    }
    (log, views)
}

/// What stands in an answer under these names.
fn fields(balance: &Balance, names: &[&str]) -> Vec<i64> {
    names.iter().map(|name| balance.field(name).unwrap()).collect()
}

fn count(balance: &Balance, name: &str) -> Option<i64> {
    balance.counts.iter().find(|(found, _)| *found == name).unwrap().1
}

#[test]
fn view_1_has_the_storys_balances() {
    let mut expected: BTreeMap<String, i64> = BTreeMap::new();
    for row in csv::Reader::from_reader(STORY.as_bytes()).records() {
        for pair in row.unwrap()[7].split(';') {
            let (path, fen) = pair.split_once('=').unwrap();
            expected.insert(path.to_owned(), fen.parse().unwrap());
        }
    }
    expected.retain(|_, fen| *fen != 0);
    let (_, views) = story();
    let found: BTreeMap<String, i64> =
        views.accounts().iter().map(|(path, fen)| (path.to_owned(), fen)).collect();
    assert_eq!(found, expected);
}

#[test]
fn both_sides_of_the_pairing() {
    const NAMES: &[&str] = &[
        "owed",
        "allocated",
        "sent",
        "received",
        "in_transit",
        "spent",
        "refunded",
        "returned_up",
        "outstanding",
        "unsent",
    ];
    let (_, views) = story();
    let views = views.projection();
    // Refunded: 300,000 returned by the bank, 120,000 repaid, 400,000 surplus.
    let expected = [
        1_000_000_000,
        1_000_000_000,
        599_500_000,
        599_500_000,
        0,
        5_010_000,
        820_000,
        500_000,
        0,
        400_500_000,
    ];
    let helper = balance::as_helper(views, unit("4401")).unwrap().unwrap();
    assert_eq!(fields(&helper, NAMES), expected);
    let [row] = &helper.rows[..] else { panic!("one pairing, one tranche") };
    let key: Vec<&str> = row.key.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(key, ["4414", "T16-4414-1", "2016"]);
    let home = balance::as_home(views, unit("4414")).unwrap().unwrap();
    let row = home.rows.iter().find(|row| row.key[0].1 == "H").unwrap();
    let of_h = |name: &str| row.fields.iter().find(|(found, _)| *found == name).unwrap().1;
    assert_eq!(NAMES.iter().map(|name| of_h(name)).collect::<Vec<_>>(), expected);
    // 209,000,000 + 1,000,000 in the county, 33,990,000 in the village.
    let held = ["held_city", "held_county", "held_town", "held_village", "in_transit_within"];
    assert_eq!(held.map(of_h), [350_500_000, 210_000_000, 0, 33_990_000, 0]);
    // P and L were planned and never issued; the helping unit's own money is there too.
    let names = ["owed", "allocated", "outstanding", "received", "spent"];
    let all = [3_335_333_333, 1_002_000_000, 2_333_333_333, 601_500_000, 5_010_000];
    assert_eq!(fields(&home, &names), all);
    // A city that organises its own help is both, and the two are never netted.
    let shantou = balance::as_helper(views, unit("4405")).unwrap().unwrap();
    assert_eq!(shantou.field("received"), Some(300_000_002));
    let shantou = balance::as_home(views, unit("4405")).unwrap().unwrap();
    assert_eq!(fields(&shantou, &["owed", "received"]), [1_000_000_007, 400_000_003]);
    assert!(balance::as_helper(views, unit("4414")).unwrap().is_none());
    assert!(balance::transits(views).is_empty());
}

#[test]
fn the_village_and_what_lies_above() {
    const NAMES: &[&str] = &[
        "quota_held",
        "cash_held",
        "in_transit",
        "paid_to_households",
        "paid_to_projects",
        "refunded",
        "spent",
        "returned_up",
    ];
    let (_, views) = story();
    let views = views.projection();
    let village = balance::unit(views, unit("441424901201"), false).unwrap();
    // 300,000 and again 300,000, 200,000, 30,000; the reversed 300,000 is in no column.
    let expected = [36_990_000, 35_990_000, 0, 830_000, 5_000_000, 820_000, 5_010_000, 1_000_000];
    assert_eq!(fields(&village, NAMES), expected);
    assert_eq!((village.kind, village.code.as_str()), ("village", "441424901201"));
    assert_eq!(count(&village, "households_paid"), Some(3));
    assert_eq!(count(&village, "registered_households"), Some(3));
    let p02 = village.rows.iter().find(|row| row.key[2].1 == "P02").unwrap();
    assert_eq!(p02.counts, [("payments", Some(3))]);
    let county = balance::unit(views, unit("441424"), false).unwrap();
    assert_eq!(fields(&county, &["cash_held", "spent"]), [245_990_000, 5_010_000]);
    let own = balance::unit(views, unit("441424"), true).unwrap();
    assert_eq!(fields(&own, &["cash_held", "spent"]), [210_000_000, 0]);
    let quota = QuotaId::id("Q16-4401-0001").unwrap();
    let quota = balance::quota(views, &quota).unwrap().unwrap();
    assert_eq!(fields(&quota, &["issued", "paid"]), [1_000_000_000, 5_010_000]);
    let opening = QuotaId::id("Q16-44-0900").unwrap();
    let opening = balance::quota(views, &opening).unwrap().unwrap();
    let names = ["issued", "available", "used", "held", "paid", "paid_before"];
    assert_eq!(
        fields(&opening, &names),
        [9_000_000, 4_000_000, 5_000_000, 3_000_000, 0, 5_000_000]
    );
}

#[test]
fn a_households_statement() {
    let (log, views) = story();
    let asked = |code: &str, position: u64, date: Option<&str>| {
        let as_of = AsOf {
            position: Seq(position),
            date: date.map(|date| Date::parse(date).unwrap()),
            group_shortened: false,
        };
        let code = HouseholdCode::parse(code).unwrap();
        let asked = Asked { code, as_of, per_head_fen: Some(2_000_000) };
        household(&log, &Scan(&log), views.projection(), &asked).unwrap()
    };
    let head = log.0.len() as u64 - 1;
    const NAMES: &[&str] = &["paid", "refunded", "attributed", "net", "asset_income"];
    let second = asked("44142490120100021", head, None).unwrap();
    assert_eq!(fields(&second, NAMES), [200_000, 120_000, 1_600_000, 80_000, 300_000]);
    let peak = count(&second, "lineage_peak_members").unwrap();
    assert_eq!(second.field("review_line"), Some(2_000_000 * peak));
    assert_eq!(second.field("headroom"), Some(2_000_000 * peak - 1_680_000));
    // Typed 3,000.00 for 300.00: the reversed payment is in no gross column, and on the day before
    // its reversal it is.
    let third = asked("44142490120100030", head, None).unwrap();
    assert_eq!(fields(&third, NAMES)[..2], [30_000, 0]);
    let third = asked("44142490120100030", head, Some("2016-10-15")).unwrap();
    assert_eq!(fields(&third, NAMES)[..2], [300_000, 0]);
    assert_eq!(third.texts.last().unwrap(), &("last_payment", "2016-10-15".to_owned()));
    assert!(asked("44142490120100030", 1, None).is_none());
    assert!(asked("44142490120199996", head, None).is_none());
}

/// Rows and digests of version 1, for ever: seals hold them.
#[test]
fn layouts_and_digests_are_those_of_version_1() {
    let (_, mut views) = story();
    let line = |view: &views::ViewDigest| {
        let hex = blake3::Hash::from(view.digest).to_hex();
        format!("{} {} {} {hex}\n", view.number, view.name, view.rows)
    };
    let found: Vec<String> = views.digests().iter().map(line).collect();
    let found = found.concat();
    if std::env::var_os("VIEWS_WRITE_GOLDEN").is_some() {
        std::fs::write(golden("story_v1.txt"), &found).unwrap();
        std::fs::write(golden("layout_v1.md"), views::layout_page()).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(golden("story_v1.txt")).unwrap());
    assert_eq!(views::layout_page(), std::fs::read_to_string(golden("layout_v1.md")).unwrap());
}

fn golden(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}
