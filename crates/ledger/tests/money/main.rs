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

mod property;
mod runner;
mod story;
mod world;

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

/// Each code of a money kind's row, and each of step B, is provoked by a case. 3012 has a test of its own,
/// 3054 waits for loans, 3090 for closed periods; of 5010 to 5025 the access cases have more.
#[test]
fn every_money_refusal_has_a_case() {
    let cases = [
        include_str!("../cases/cash.case"),
        include_str!("../cases/openings.case"),
        include_str!("../cases/payments.case"),
        include_str!("../cases/projects.case"),
        include_str!("../cases/quotas.case"),
        include_str!("../cases/refunds.case"),
        include_str!("../cases/tranches.case"),
        include_str!("../cases/vouchers.case"),
    ]
    .concat();
    let of_kinds = ledger::kind::Kind::ALL
        .iter()
        .filter(|kind| (310..=361).contains(&kind.number()))
        .flat_map(|kind| kind.row().refusals.iter().copied());
    let whole = [5015, 1030, 5010, 5011, 1022, 1023, 1025, 5020, 5021, 5022, 5023];
    for code in of_kinds.chain(whole) {
        let elsewhere = [3012, 3054].contains(&code);
        assert!(elsewhere || cases.contains(&format!("MZ-{code}")), "no case provokes MZ-{code}");
    }
}
