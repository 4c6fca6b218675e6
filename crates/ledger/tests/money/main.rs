//! Money: the story, every refusal at its limit and one past it, and what must hold whatever is posted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test fails by panicking"
)]

mod founding;
mod months;
mod property;
mod runner;
mod story;
mod world;

use ledger::kind::{Group, Kind};

/// The kinds whose rows these cases go through: the others stand in `tests/lines`.
fn ours(kind: Kind) -> bool {
    kind.group().is_money() || (140..200).contains(&kind.number()) || kind.group() == Group::Finding
}

#[test]
fn tranches() {
    runner::run(include_str!("../cases/tranches.case"));
}

#[test]
fn openings() {
    runner::run(include_str!("../cases/openings.case"));
}

#[test]
fn quotas() {
    runner::run(include_str!("../cases/quotas.case"));
}

#[test]
fn cash() {
    runner::run(include_str!("../cases/cash.case"));
}

#[test]
fn payments() {
    runner::run(include_str!("../cases/payments.case"));
}

#[test]
fn refunds_and_reversals() {
    runner::run(include_str!("../cases/refunds.case"));
}

#[test]
fn projects() {
    runner::run(include_str!("../cases/projects.case"));
}

#[test]
fn loans() {
    runner::run(include_str!("../cases/loans.case"));
}

#[test]
fn periods() {
    runner::run(include_str!("../cases/periods.case"));
}

#[test]
fn findings() {
    runner::run(include_str!("../cases/findings.case"));
}

#[test]
fn vouchers() {
    runner::run(include_str!("../cases/vouchers.case"));
}

#[test]
fn registry() {
    runner::run(include_str!("../cases/registry.case"));
}

#[test]
fn rules() {
    runner::run(include_str!("../cases/rules.case"));
}

#[test]
fn access() {
    runner::run(include_str!("../cases/access.case"));
}

/// Each code of the row of each kind of money, months, loans, projects and findings is provoked by a line of that kind, and
/// each code of step B by a header.
///
/// Elsewhere: 3012 by the split's own test, 7002 by the service that computes alerts; 1026, 2060 and 5012 are
/// asked of the voucher as a whole, 5021 of its header.
#[test]
fn every_code_of_every_money_row_has_a_case() {
    let mut met = runner::Met::new();
    for cases in [
        include_str!("../cases/cash.case"),
        include_str!("../cases/findings.case"),
        include_str!("../cases/loans.case"),
        include_str!("../cases/openings.case"),
        include_str!("../cases/payments.case"),
        include_str!("../cases/periods.case"),
        include_str!("../cases/projects.case"),
        include_str!("../cases/quotas.case"),
        include_str!("../cases/refunds.case"),
        include_str!("../cases/registry.case"),
        include_str!("../cases/tranches.case"),
        include_str!("../cases/vouchers.case"),
    ] {
        met.extend(runner::run(cases));
    }
    let whole =
        [1022, 1023, 1025, 1026, 1030, 2060, 5010, 5011, 5012, 5015, 5020, 5021, 5022, 5023];
    let mut missing = Vec::new();
    for kind in Kind::ALL.iter().filter(|kind| ours(**kind)) {
        for code in kind.row().refusals {
            let elsewhere = whole.contains(code) || [3012, 7002].contains(code);
            if !elsewhere && !met.contains(&(Some(*kind), *code)) {
                missing.push(format!("{kind} {code}"));
            }
        }
    }
    for code in whole {
        if !met.iter().any(|(_, found)| *found == code) {
            missing.push(format!("header {code}"));
        }
    }
    assert!(missing.is_empty(), "no case: {missing:?}");
}
