//! The identities of the contract, after every voucher.

use std::collections::BTreeMap;

use ledger::ids::{Level, Source, Unit};
use record::Seq;
use views::balance::{self, Balance};

use crate::rows::{self, Rows, Value, int, text};
use crate::versus_model::{fold, long};
use crate::world::World;

/// Sum of balances of a class, filtered by the rest of the path.
fn accounts(world: &World, class: &str, rest: impl Fn(&str) -> bool) -> i64 {
    let all = world.book.views.accounts().iter();
    let found = all.filter_map(|(path, fen)| Some((path.strip_prefix(class)?, fen)));
    found.filter(|(path, _)| rest(path)).map(|(_, fen)| fen).sum()
}

fn get(row: &BTreeMap<&'static str, Value>, name: &str) -> i64 {
    match row.get(name) {
        Some(Value::Int(x)) => i64::try_from(*x).unwrap(),
        _ => 0,
    }
}

/// Nos. 4, 5, 6, 8: quotas against accounts.
fn quotas_agree(world: &World, rows: &Rows) {
    let mut wholes = BTreeMap::new();
    let mut sums: BTreeMap<String, [i64; 5]> = BTreeMap::new();
    for ((_, key), row) in rows.iter().filter(|((view, _), _)| *view == 6) {
        let Value::Text(quota) = &key[0] else { panic!() };
        if key[1] == int(0) {
            wholes.insert(quota.clone(), row.clone());
            continue;
        }
        let Value::Int(code) = key[1] else { panic!() };
        let unit = Unit::of_code(code as u64).unwrap();
        let path = format!(".{unit}.{quota}");
        for (column, class) in [
            ("available", "Q.quota"),
            ("used", "Q.used"),
            ("in_transit", "C.way"),
            ("held", "C.hold"),
        ] {
            assert_eq!(get(row, column), accounts(world, class, |p| p == path), "{class}{path}");
        }
        let sum = sums.entry(quota.clone()).or_default();
        for (i, column) in ["available", "used", "in_transit", "held"].iter().enumerate() {
            sum[i] += get(row, column);
        }
    }
    for (quota, [available, used, way, held, _]) in sums {
        let whole = wholes.get(&quota).cloned().unwrap_or_default();
        assert_eq!(get(&whole, "issued"), available + used, "4: {quota}");
        let ends = format!(".{quota}");
        let put_in = -accounts(world, "C.src", |path| path.ends_with(&ends));
        // Net paid to households and projects = used less what was paid before; C.prior is that.
        assert_eq!(put_in, way + held + used, "6, 8: {quota}");
    }
}

/// Nos. 5, 7, 15: both sides of every pairing.
pub(crate) fn sides_agree(world: &World, rows: &Rows) {
    let views = world.book.views.projection();
    let mut per_city: BTreeMap<(Value, Value), [i64; 2]> = BTreeMap::new();
    let mut homes: BTreeMap<(Value, Value, Value), BTreeMap<String, i64>> = BTreeMap::new();
    for ((_, key), row) in rows.iter().filter(|((view, _), _)| *view == 4) {
        let g = |name| get(row, name);
        assert_eq!(g("sent"), g("received") + g("in_transit"), "7: {key:?}");
        let held = g("held_city") + g("held_county") + g("held_town") + g("held_village");
        assert_eq!(g("received"), held + g("within") + g("spent"), "{key:?}");
        let sums = per_city.entry((key[0].clone(), key[1].clone())).or_default();
        sums[0] += g("owed");
        sums[1] += g("owed") - g("allocated");
        if key[1] == text("H") {
            homes.insert(
                (key[0].clone(), key[2].clone(), key[3].clone()),
                row.keys().map(|name| ((*name).to_owned(), g(name))).collect(),
            );
        }
    }
    for ((city, source), [owed, outstanding]) in per_city {
        let (Value::Int(code), Value::Text(source)) = (city, source) else { panic!() };
        let path = format!(".{source}.{}", Unit::of_code(code as u64).unwrap());
        assert_eq!(owed, -accounts(world, "Q.plan", |p| p == path), "5: {path}");
        assert_eq!(outstanding, accounts(world, "Q.owed", |p| p == path), "5: {path}");
    }
    // Both sides: what all helpers say of a home city is what the home city says of source H.
    let mut told: BTreeMap<(Value, Value, Value), BTreeMap<String, i64>> = BTreeMap::new();
    for city in balance::cities(views) {
        let Some(helper) = balance::as_helper(views, city).unwrap() else { continue };
        for row in helper.rows {
            let home = Unit::parse(&row.key[0].1).unwrap();
            let key =
                (int(home.code()), text(&row.key[1].1), int(row.key[2].1.parse::<u16>().unwrap()));
            let sums = told.entry(key).or_default();
            for (name, fen) in row.fields {
                *sums.entry(name.to_owned()).or_default() += fen;
            }
        }
    }
    for (key, home) in homes {
        let helper = &told[&key];
        for (name, fen) in home {
            let name = if name == "within" { "in_transit_within".to_owned() } else { name };
            assert_eq!(helper[&name], fen, "15: {key:?} {name}");
        }
    }
}

/// No. 9: what lies below a unit and the unit's own sum up to its roll-up, in every column.
fn roll_ups_add_up(world: &World) {
    let views = world.book.views.projection();
    for level in [Level::City, Level::County, Level::Town] {
        for unit in balance::units(views, Unit::PROVINCE, level) {
            let whole = balance::unit(views, unit, false).unwrap();
            let own = balance::unit(views, unit, true).unwrap();
            let next = match level {
                Level::City => Level::County,
                Level::County => Level::Town,
                _ => Level::Village,
            };
            let below: Vec<Balance> = balance::units(views, unit, next)
                .into_iter()
                .map(|below| balance::unit(views, below, false).unwrap())
                .collect();
            for (name, fen) in &whole.fields {
                let sum: i64 = below.iter().chain([&own]).map(|b| b.field(name).unwrap()).sum();
                assert_eq!(*fen, sum, "9: {unit} {name}");
            }
            for (name, count) in whole.counts.iter().filter(|(name, _)| *name != "per_head") {
                let of = |b: &Balance| b.counts.iter().find(|(n, _)| n == name).unwrap().1.unwrap();
                let sum: i64 = below.iter().chain([&own]).map(of).sum();
                assert_eq!(count.unwrap(), sum, "9: {unit} {name}");
            }
        }
    }
    let province = balance::province(views, None).unwrap();
    let cities = balance::cities(views).into_iter();
    let homes: Vec<Balance> =
        cities.filter_map(|city| balance::as_home(views, city).unwrap()).collect();
    for (name, fen) in province.fields.iter().filter(|(name, _)| *name != "planned") {
        let sum: i64 = homes.iter().map(|home| home.field(name).unwrap()).sum();
        assert_eq!(*fen, sum, "9: province {name}");
    }
    let planned: i64 = Source::SHARED
        .iter()
        .map(|s| -accounts(world, "Q.plan", |p| p[1..].starts_with(s.letter())))
        .sum();
    assert_eq!(province.field("planned"), Some(planned));
}

/// Nos. 2, 3 and households against accounts.
fn books_balance(world: &World, rows: &Rows) {
    let mut books: BTreeMap<char, i128> = BTreeMap::new();
    for (path, fen) in world.book.views.accounts().iter() {
        *books.entry(path.chars().next().unwrap()).or_default() += i128::from(fen);
        assert!(if record::is_origin(path) { fen <= 0 } else { 0 <= fen }, "3: {path}");
    }
    assert!(books.values().all(|sum| *sum == 0), "2: {books:?}");
    for ((_, key), row) in rows.iter().filter(|((view, _), _)| *view == 2) {
        let Value::Int(code) = key[0] else { panic!() };
        let path = format!(".{code:017}");
        let net = get(row, "paid") - get(row, "refunded");
        assert_eq!(net, accounts(world, "C.hh", |p| p == path));
        assert_eq!(get(row, "attributed"), accounts(world, "B.hh", |p| p == path));
        assert_eq!(get(row, "asset_income"), accounts(world, "I.hh", |p| p == path));
    }
}

#[test]
fn identities_hold_after_every_voucher() {
    let mut world = World::new();
    let mut draws = 77_u64;
    let mut draw = || {
        draws =
            draws.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (draws >> 33) as u32
    };
    for _ in 0..350 {
        world.act((draw() as u8, draw(), draw(), draw()));
        let rows = rows::read(world.book.views.projection());
        books_balance(&world, &rows);
        quotas_agree(&world, &rows);
        sides_agree(&world, &rows);
        roll_ups_add_up(&world);
    }
}

/// No. 16: a fold of a prefix has the rows and digests that the live views had there.
#[test]
fn a_rebuild_gives_the_digests_at_any_position() {
    let mut live = Vec::new();
    let mut world = World::new();
    let finished = long(9, 200);
    // The same actions again, with digests taken at other moments.
    let mut state = 9_u64.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as u32
    };
    for n in 0..200 {
        world.act((draw() as u8, draw(), draw(), draw()));
        if n % 3 == 0 {
            let head = Seq(world.book.log.0.len() as u64 - 1);
            live.push((head, world.book.views.digests(), world.book.views.views_digest()));
        }
    }
    assert_eq!(world.book.log.0, finished.book.log.0);
    for (head, digests, _) in live {
        let mut folded = fold(&finished, head, None);
        assert_eq!(folded.digests(), digests[1..], "at {head}");
        folded.unsettle();
        assert_eq!(folded.digests(), digests[1..], "anew at {head}");
    }
}
