//! The contract's story: every record's legs and the balances after it.

use std::collections::BTreeMap;

use record::Record;

use crate::world::{EXAMPLE, World, balances, read_json_lines};

const STORY: &str = include_str!("../data/story.csv");

fn pairs(text: &str) -> BTreeMap<String, i64> {
    text.split(';')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (path, fen) = pair.split_once('=').unwrap();
            (path.to_owned(), fen.parse().unwrap())
        })
        .collect()
}

/// Organisation, voucher number, line number.
type Key = (String, String, u16);
/// Kind, legs, balances afterwards.
type Row = (String, BTreeMap<String, i64>, BTreeMap<String, i64>);

fn story() -> BTreeMap<Key, Row> {
    csv::Reader::from_reader(STORY.as_bytes())
        .records()
        .map(|row| {
            let row = row.unwrap();
            let (no, line) = row[3].split_once('/').unwrap_or((&row[3], "1"));
            let key = (row[2].to_owned(), no.to_owned(), line.parse().unwrap());
            (key, (row[4].to_owned(), pairs(&row[6]), pairs(&row[7])))
        })
        .collect()
}

#[test]
fn the_example_gives_the_legs_and_balances_of_the_story() {
    let rows = story();
    let mut world = World::new();
    let mut met = 0;
    for voucher in read_json_lines(EXAMPLE) {
        let first = world.posted(&voucher);
        let mut after = BTreeMap::new();
        for (line, bytes) in (1_u16..).zip(&world.log.0.clone()[first.0 as usize + 1..]) {
            let record = Record::parse(bytes).unwrap();
            for leg in record.legs() {
                *after.entry(leg.path.to_owned()).or_insert(0) += leg.fen;
            }
            let key = (voucher.organisation().to_owned(), voucher.voucher_no().to_owned(), line);
            let Some((kind, legs, _)) = rows.get(&key) else {
                assert_eq!(record.legs_count(), 0, "{key:?} has no legs in the story");
                continue;
            };
            let name = ledger::kind::Kind::of_number(record.kind()).unwrap().name();
            let found: BTreeMap<_, _> = record.legs().map(|l| (l.path.to_owned(), l.fen)).collect();
            assert_eq!((name, &found), (kind.as_str(), legs), "{key:?}");
            met += 1;
        }
        // The last line's balances are those of the ledger now.
        let key = (
            voucher.organisation().to_owned(),
            voucher.voucher_no().to_owned(),
            u16::try_from(voucher.len()).unwrap(),
        );
        if let Some((_, _, expected)) = rows.get(&key) {
            for (path, fen) in expected {
                assert_eq!(world.accounts.balance(path), *fen, "{key:?} {path}");
            }
        }
    }
    assert_eq!((met, rows.len()), (48, 48));
    ends_as_told(&world);
    assert_eq!(format!("{:?}", world.replayed()), format!("{:?}", world.state));
}

/// What the contract says of the end. Source: domain contract, section 4.3, "The story".
fn ends_as_told(world: &World) {
    let all = balances(world);
    let of = |path: &str| all.get(path).copied().unwrap_or(0);
    assert_eq!(of("Q.owed.H.4414"), 0);
    assert_eq!(of("C.src.H.4401.Q16-4401-0001"), -599_500_000);
    let way: i64 = all.iter().filter(|(p, _)| p.starts_with("C.way.")).map(|(_, f)| f).sum();
    assert_eq!(way, 0);
    let used: i64 = all
        .iter()
        .filter(|(p, _)| p.starts_with("Q.used.") && p.ends_with("Q16-4401-0001"))
        .map(|(_, fen)| fen)
        .sum();
    assert_eq!(used, 5_010_000);
    assert_eq!(of("C.hh.44142490120100021"), 80_000);
    assert_eq!(of("B.hh.44142490120100021"), 1_600_000);
    assert_eq!(of("I.hh.44142490120100021"), 300_000);
}

/// The story's bytes never change: the chain's head covers every byte of every record.
#[test]
fn the_story_has_the_golden_chain() {
    let mut world = World::new();
    for voucher in read_json_lines(EXAMPLE) {
        world.posted(&voucher);
    }
    let last = world.log.0.last().unwrap();
    let head = blake3::Hash::from_bytes(record::chain_hash(last)).to_hex();
    let golden = include_str!("../data/golden/story_chain.txt");
    assert_eq!(format!("{} {head}\n", world.log.0.len()), golden);
}

#[test]
fn posting_the_story_again_gives_duplicates_and_changes_nothing() {
    let mut world = World::new();
    let vouchers = read_json_lines(EXAMPLE);
    let first: Vec<_> = vouchers.iter().map(|voucher| world.posted(voucher)).collect();
    let before = format!("{:?}", world.state);
    for (voucher, first_seq) in vouchers.iter().zip(first) {
        assert_eq!(world.post(voucher), ledger::Outcome::Duplicate { first_seq });
    }
    assert_eq!(format!("{:?}", world.state), before);
}
