//! The figures of the plan.

use crate::replay::replay;
use sim::Profile;

#[test]
fn figures_of_xs() {
    let ledger = replay(Profile::Xs, sim::DEFAULT_SEED);
    eprintln!(
        "{} {} {:?} {:?} {:?} {:?}",
        ledger.vouchers,
        ledger.lines,
        ledger.counts,
        ledger.amounts,
        ledger.purposes,
        ledger.lines_of_payments
    );
}
#[test]
fn figures_of_s() {
    let ledger = replay(Profile::S, sim::DEFAULT_SEED);
    eprintln!(
        "{} {} {:?} {:?} {:?} {:?}",
        ledger.vouchers, ledger.lines, ledger.counts, ledger.amounts, ledger.purposes, ledger.exits
    );
}
#[test]
fn figures_of_m() {
    let ledger = replay(Profile::M, sim::DEFAULT_SEED);
    eprintln!(
        "{} {} {:?} {:?} {:?} {:?}",
        ledger.vouchers, ledger.lines, ledger.counts, ledger.amounts, ledger.purposes, ledger.exits
    );
}
