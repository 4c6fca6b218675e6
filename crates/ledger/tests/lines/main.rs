//! One line at a time: what the register, the rules and access answer, and what an accepted line leaves.
//!
//! `cases/*.case` hold the lines; `runner` makes a voucher of each, asks form checks and decision, and for an
//! accepted one checks that its record decodes to the event, its fields to the line, and that a rollback
//! leaves nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

mod dates;
mod diagram;
mod model;
mod runner;
mod scale;

use std::collections::BTreeSet;

use ledger::kind::{Group, Kind};
use runner::run;

#[test]
fn areas() {
    run(include_str!("cases/areas.case"));
}

#[test]
fn households() {
    run(include_str!("cases/households.case"));
}

#[test]
fn members() {
    run(include_str!("cases/members.case"));
}

#[test]
fn accounts() {
    run(include_str!("cases/accounts.case"));
}

#[test]
fn rules() {
    run(include_str!("cases/rules.case"));
}

#[test]
fn access() {
    run(include_str!("cases/access.case"));
}

#[test]
fn stored_bytes_never_change() {
    let met = runner::golden(include_str!("golden.txt"));
    let missing: Vec<_> =
        Kind::ALL.iter().filter(|kind| ours(**kind) && !met.contains(kind)).collect();
    assert!(missing.is_empty(), "no stored bytes of {missing:?}");
}

/// Kinds of these groups, but for projects and loans.
fn ours(kind: Kind) -> bool {
    let group = matches!(kind.group(), Group::Registry | Group::Rules | Group::Access);
    group && !(140..200).contains(&kind.number())
}

/// Every code of every row of these groups is provoked by a case, but for those of the voucher as a whole.
#[test]
fn every_code_of_every_row_has_a_case() {
    let mut met: BTreeSet<(Kind, u16)> = BTreeSet::new();
    for cases in [
        include_str!("cases/areas.case"),
        include_str!("cases/households.case"),
        include_str!("cases/members.case"),
        include_str!("cases/accounts.case"),
        include_str!("cases/rules.case"),
        include_str!("cases/access.case"),
    ] {
        met.extend(run(cases));
    }
    let of_the_voucher = [1026, 2060];
    let mut missing = Vec::new();
    for kind in Kind::ALL {
        if !ours(*kind) {
            continue;
        }
        for code in kind.row().refusals.iter().filter(|code| !of_the_voucher.contains(*code)) {
            if !met.contains(&(*kind, *code)) {
                missing.push(format!("{kind} {code}"));
            }
        }
    }
    assert!(missing.is_empty(), "no case: {missing:?}");
}
