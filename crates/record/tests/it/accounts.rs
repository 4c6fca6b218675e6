//! Accounts against a sorted scan of a plain map.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use record::{AccountError, Accounts, Hash, LtHash, PathError, Record, is_origin, views_digest};

use crate::raw::{Raw, legs};

/// The digest as it is defined, over all rows.
fn scan(balances: &BTreeMap<String, i64>) -> Hash {
    let mut lanes = LtHash::new();
    let mut rows = 0;
    for (path, balance) in balances.iter().filter(|(_, balance)| **balance != 0) {
        let mut row = vec![1, 0];
        row.extend(u16::try_from(path.len()).unwrap().to_le_bytes());
        row.extend(path.as_bytes());
        row.extend(balance.to_le_bytes());
        lanes.add_row(&row);
        rows += 1;
    }
    lanes.view_digest(1, rows)
}

fn path(number: u8) -> String {
    let class = ["Q.plan", "Q.quota", "C.src", "C.hh", "B.base", "B.hh", "I.op", "I.due", "C.srcs"];
    let class = class[usize::from(number) % class.len()];
    format!("{class}.{}", "x".repeat(usize::from(number / 9)))
}

/// What the model test must have met, or it has shown nothing.
#[derive(Debug, Default)]
struct Met {
    refused: Cell<u32>,
    emptied: Cell<u32>,
    moved_between_digests: Cell<u32>,
}

fn add(met: &Cell<u32>, yes: bool) {
    met.set(met.get() + u32::from(yes));
}

#[test]
fn digest_equals_a_scan() {
    let steps = vec((0..60_u8, -50..50_i64, any::<bool>(), 0..10_u8), 0..200);
    let met = Met::default();
    let config = ProptestConfig::with_cases(200);
    TestRunner::new(config).run(&steps, |steps| model(&steps, &met)).unwrap();
    let all = [&met.refused, &met.emptied, &met.moved_between_digests];
    assert!(all.into_iter().all(|met| 0 < met.get()), "{met:?}");
}

fn model(steps: &[(u8, i64, bool, u8)], met: &Met) -> Result<(), TestCaseError> {
    let mut accounts = Accounts::new();
    let mut balances = BTreeMap::new();
    let mut digested = accounts.digest();
    for &(number, fen, clear, ask) in steps {
        let path = path(number);
        let old: i64 = balances.get(&path).copied().unwrap_or(0);
        let fen = if clear { -old } else { fen };
        let new = old + fen;
        let wrong = if is_origin(&path) { 0 < new } else { new < 0 };
        if wrong {
            let error = AccountError::WrongSide { path: path.clone(), balance: new };
            prop_assert_eq!(accounts.apply(&path, fen), Err(error));
            add(&met.refused, true);
        } else {
            prop_assert_eq!(accounts.apply(&path, fen), Ok(new));
            balances.insert(path.clone(), new);
            add(&met.emptied, old != 0 && new == 0);
        }
        prop_assert_eq!(accounts.balance(&path), if wrong { old } else { new });
        if ask == 0 {
            let digest = accounts.digest();
            prop_assert_eq!(digest, scan(&balances));
            prop_assert_eq!(digest, accounts.digest_anew());
            add(&met.moved_between_digests, digest != digested);
            digested = digest;
        }
    }
    prop_assert_eq!(accounts.digest(), scan(&balances));
    prop_assert_eq!(accounts.digest(), scan(&balances));
    let rows: Vec<(&str, i64)> = accounts.iter().collect();
    let expected: Vec<(&str, i64)> =
        balances.iter().filter(|(_, b)| **b != 0).map(|(p, b)| (p.as_str(), *b)).collect();
    prop_assert_eq!(accounts.rows() as usize, rows.len());
    prop_assert_eq!(rows, expected);

    // Another history that ends in the same balances has the same digest.
    let mut other = Accounts::new();
    for (path, balance) in balances.iter().rev() {
        other.apply(path, *balance).unwrap();
    }
    prop_assert_eq!(other.digest(), accounts.digest());
    Ok(())
}

#[test]
fn sides_of_zero() {
    let check = |path: &str, origin| assert_eq!(is_origin(path), origin, "{path}");
    for path in ["Q.plan.P.4414", "C.src.H.4401.Q16", "B.base.P1", "I.op.P1", "Q.plan", "I.op"] {
        check(path, true);
    }
    for path in ["Q.planned.P", "C.plan.P", "B.src.1", "I.base", "C.op.1", "Q.owed.P", "C.hh.1"] {
        check(path, false);
    }
    let mut accounts = Accounts::new();
    let wrong =
        |path: &str, balance| Err(AccountError::WrongSide { path: path.to_owned(), balance });
    assert_eq!(accounts.apply("C.src.H", 1), wrong("C.src.H", 1));
    assert_eq!(accounts.apply("C.hh.1", -1), wrong("C.hh.1", -1));
    // A refused first leg leaves no account behind.
    assert_eq!((accounts.number("C.src.H"), accounts.number("C.hh.1")), (None, None));
    assert_eq!(accounts.apply("C.src.H", -5), Ok(-5));
    assert_eq!(accounts.apply("C.src.H", 6), wrong("C.src.H", 1));
    assert_eq!(accounts.apply("C.src.H", 5), Ok(0));
    assert_eq!((accounts.rows(), accounts.iter().count()), (0, 0));
    assert_eq!(accounts.digest(), Accounts::new().digest());
}

#[test]
fn what_cannot_be_counted_or_named() {
    let mut accounts = Accounts::new();
    accounts.apply("C.hh.1", i64::MAX).unwrap();
    let path = "C.hh.1".to_owned();
    let overflow = AccountError::Overflow { path, balance: i64::MAX, fen: 1 };
    assert_eq!(accounts.apply("C.hh.1", 1), Err(overflow));
    assert_eq!(accounts.balance("C.hh.1"), i64::MAX);
    let what = PathError::Book { found: b'X' };
    let bad = AccountError::Path { path: "X.a".into(), what };
    assert_eq!(accounts.apply("X.a", 1), Err(bad));
    let unknown = AccountError::NoSuchNumber { number: 9, accounts: 1 };
    assert_eq!(accounts.apply_numbered(9, 1), Err(unknown));
    assert_eq!((accounts.balance("C.never"), accounts.path(9)), (0, None));
}

#[test]
fn numbers_are_given_by_first_use() {
    let mut accounts = Accounts::new();
    for number in 0..10_000_u32 {
        assert_eq!(accounts.intern(&format!("C.hh.{number}")), Ok(number));
    }
    for number in 0..10_000_u32 {
        let path = format!("C.hh.{number}");
        assert_eq!(accounts.number(&path), Some(number));
        assert_eq!(accounts.path(number), Some(path.as_str()));
        assert_eq!(accounts.apply_numbered(number, 7), Ok(7));
    }
    assert_eq!(accounts.rows(), 10_000);
}

#[test]
fn records_are_applied_leg_by_leg() {
    let raw = Raw { legs: legs(&[("C.hh.1", 5), ("C.src.H", -5)]), ..Raw::default() };
    let bytes = raw.bytes();
    let mut accounts = Accounts::new();
    accounts.apply_record(&Record::parse(&bytes).unwrap()).unwrap();
    assert_eq!(accounts.iter().collect::<Vec<_>>(), [("C.hh.1", 5), ("C.src.H", -5)]);
}

#[test]
fn digest_of_all_views_is_by_number() {
    let (one, two) = ((1, [1; 32]), (0x0102, [2; 32]));
    let text = [&[1, 0][..], &[1; 32], &[2, 1], &[2; 32]].concat();
    let expected = blake3::derive_key("mingzhang 2026-11-24 views v1", &text);
    assert_eq!(views_digest(&[one, two]), expected);
    assert_eq!(views_digest(&[two, one]), expected);
}

#[test]
fn shards_add_up() {
    let (mut one, mut two, mut all) = (LtHash::new(), LtHash::new(), LtHash::new());
    for i in 0..100_u8 {
        if i % 2 == 0 {
            one.add_row(&[i]);
        } else {
            two.add_row(&[i]);
        }
        all.add_row(&[99 - i]);
    }
    one.add(&two);
    assert!(one == all);
    (0..100_u8).for_each(|i| one.sub_row(&[i]));
    assert!(one == LtHash::new());
    let state = [&[9, 0][..], &[3, 0, 0, 0, 0, 0, 0, 0], &[0; 2_048]].concat();
    let expected = blake3::derive_key("mingzhang 2026-11-24 view digest v1", &state);
    assert_eq!(one.view_digest(9, 3), expected);
}
