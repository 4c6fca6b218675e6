//! Sums and sides, from legs alone.

use std::collections::BTreeMap;

use crate::ledger::{Ledger, Legs, fails, holds, raw_record};

/// Posts one more line behind the sample, which holds 400,000 of quota Q16 in the county and the
/// village, 10,000 on the way and 140,000 of cash.
fn post(legs: Legs<'_>) -> verify::Report {
    let mut ledger = Ledger::sample();
    ledger.voucher(&[legs]);
    ledger.seal();
    ledger.write().verify()
}

fn check(legs: Legs<'_>, words: &str) {
    fails(&post(legs), "books", Some(12), words);
}

#[test]
fn balanced_legs_hold() {
    holds(&post(&[("C.way.441424901201.Q16", -10_000), ("C.hold.441424901201.Q16", 10_000)]));
}

#[test]
fn no_account_on_the_wrong_side() {
    check(
        &[("C.way.441424901201.Q16", -10_001), ("C.hold.441424901201.Q16", 10_001)],
        "account C.way.441424901201.Q16 would stand at -1 fen",
    );
    check(
        &[("C.src.H.4401.Q16", 450_001), ("C.hold.441424901201.Q16", -450_001)],
        "wrong side of zero",
    );
}

#[test]
fn unbalanced_legs_are_no_record() {
    let legs: Legs<'_> = &[("C.hh.44142490120100013", 1), ("C.hold.441424901201.Q16", -2)];
    let mut ledger = Ledger::sample();
    ledger.blocks.push(vec![raw_record(330, (0, 1), legs, b"")]);
    ledger.rechain();
    fails(&ledger.write().verify(), "books", Some(11), "legs of book C sum to -1 fen");
}

#[test]
fn identities_hold_within_each_record() {
    // 4: quota moved from one quota to another.
    check(
        &[("Q.quota.441424.Q16", -5), ("Q.quota.441424.Q17", 5)],
        "quota Q16: issued and held differ by -5 fen",
    );
    // 5: the plan of one city paid for the quota of another.
    check(
        &[("Q.owed.H.4414", -5), ("Q.plan.P.4405", -3), ("Q.quota.441424.Q16", 8)],
        "beside no leg, or several, of one plan",
    );
    check(&[("Q.plan.P.4405", -3), ("Q.owed.H.4414", 3)], "differ by");
    check(
        &[("Q.plan.P.4405", -3), ("Q.quota.441424.Q16", 3)],
        "quota Q16 is issued from two plans",
    );
    check(
        &[("Q.owed.H.4414", -3), ("Q.quota.441424.Q16", 1), ("Q.quota.441424.Q17", 2)],
        "one quota",
    );
    // 6: cash of one quota became cash of another.
    check(
        &[("C.hold.441424901201.Q16", -5), ("C.hold.441424901201.Q17", 5)],
        "quota Q16: cash put in and accounted for differ by -5 fen",
    );
    check(
        &[("C.hold.441424901201.Q16", -2), ("C.hold.441424.Q16", -1), ("C.hh.1", 3)],
        "beside no leg, or several, of one C.hold",
    );
    // 8: paid and not used; used and not paid.
    check(
        &[("C.hold.441424901201.Q16", -5), ("C.hh.44142490120100013", 5)],
        "441424901201.Q16: used and paid differ by -5 fen",
    );
    check(&[("Q.quota.441424.Q16", -5), ("Q.used.441424.Q16", 5)], "used and paid differ by 5 fen");
    let pay = [
        ("C.hold.441424901201.Q16", -5),
        ("C.prj.P441424-00001", 5),
        ("Q.quota.441424901201.Q16", -5),
        ("Q.used.441424901201.Q16", 5),
    ];
    // 10: a project that benefits nobody, another one, or more than it cost.
    check(&pay, "project P441424-00001: cost and attribution differ by 5 fen");
    let benefit = [("B.base.P441424-00002", -5), ("B.open.P441424-00002", 5)];
    check(&[pay.as_slice(), &benefit].concat(), "project P441424-0000");
    let benefit = [("B.base.P441424-00001", -5), ("B.open.P441424-00001", 5)];
    holds(&post(&[pay.as_slice(), &benefit].concat()));
    // 11: income of one project distributed by another.
    check(&[("I.op.P1", -5), ("I.due.P2", 5)], "income and distribution differ by");
    check(&[("I.op.P1", -5), ("I.hh.1", 5)], "beside no leg, or several, of one I.due");
    // Accounts that nobody knows, or with parts too few or too many.
    check(&[("C.src.H.4401.Q16", -5), ("C.bag.441424", 5)], "C.bag.441424 is no account");
    check(&[("C.src.H.4401.Q16", -5), ("C.way.Q16", 5)], "C.way.Q16 is no account");
    check(&[("C.src.H.4401.Q16", -5), ("C.way.1.2.Q16", 5)], "C.way.1.2.Q16 is no account");
    check(&[("C.src.H.4401.Q16", -5), ("C.way.1.", 5)], "C.way.1. is no account");
}

/// Every kind of movement, as the project's own worked example has it.
#[test]
fn the_story_holds() {
    let mut ledger = Ledger::new();
    let mut balances = BTreeMap::new();
    let mut lines = 0;
    for line in include_str!("../data/story.csv").lines().skip(1) {
        let columns: Vec<_> = line.splitn(9, ',').collect();
        let pairs =
            |column: &'static str| column.split(';').map(|pair| pair.split_once('=').unwrap());
        let legs: Vec<_> = pairs(columns[6]).map(|(p, fen)| (p, fen.parse().unwrap())).collect();
        ledger.voucher(&[&legs]);
        balances.extend(pairs(columns[7]).map(|(p, fen)| (p, fen.parse::<i128>().unwrap())));
        lines += 1;
        if lines % 7 == 0 {
            ledger.seal();
        }
    }
    assert_eq!(lines, 48);
    let report = ledger.write().verify();
    holds(&report);
    let mut classes = BTreeMap::new();
    for (path, fen) in balances.into_iter().filter(|(_, fen)| *fen != 0) {
        let class = path.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
        let (accounts, sum) = classes.entry(class).or_insert((0_u64, 0_i128));
        (*accounts, *sum) = (*accounts + 1, *sum + fen);
    }
    assert_eq!(report.classes, classes);
    assert!(report.books.iter().all(|(_, sum)| *sum == 0) && report.books.len() == 4);
}
