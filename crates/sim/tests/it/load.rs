//! Workloads are accepted too.

use crate::ledger::Ledger;
use sim::load::Load;
use sim::{Day, Profile};
use std::collections::BTreeSet;

fn post(ledger: &mut Ledger, voucher: &sim::SimVoucher) {
    let mut text = Vec::new();
    sim::render_voucher(voucher, &mut text);
    ledger.post(std::str::from_utf8(&text).unwrap());
}

#[test]
fn setup_and_payments_of_several_clients_are_accepted() {
    for (profile, lines) in [(Profile::Xs, 25), (Profile::Xs, 500), (Profile::S, 200)] {
        let load = Load::new(profile, 3, Day::of(2018, 1, 2));
        let mut ledger = Ledger::new();
        load.setup().for_each(|voucher| post(&mut ledger, &voucher));
        assert_eq!(ledger.households.len() as u32, load.plan().households());
        let mut clients: Vec<_> = (0..3).map(|c| load.payments(lines, c, 3)).collect();
        let mut paid = BTreeSet::new();
        for i in 0..60 {
            let voucher = clients[i % 3].next().unwrap();
            assert_eq!(voucher.lines.len() as u32, lines);
            paid.extend(voucher.lines.iter().map(|l| format!("{:?}", l.field("household"))));
            post(&mut ledger, &voucher);
        }
        // Taking turns, the vouchers reach every household.
        assert_eq!(paid.len() as u32, load.plan().households());
    }
}

#[test]
fn a_voucher_pays_different_households_where_there_are_enough() {
    let load = Load::new(Profile::M, 3, Day::of(2018, 1, 2));
    for voucher in load.payments(190, 0, 1).take(100) {
        let households: BTreeSet<_> =
            voucher.lines.iter().map(|l| format!("{:?}", l.field("household"))).collect();
        assert_eq!(households.len(), 190);
    }
}

#[test]
fn setup_uses_few_vouchers() {
    let load = Load::new(Profile::M, 3, Day::of(2018, 1, 2));
    let vouchers: Vec<_> = load.setup().collect();
    let registry = vouchers.iter().filter(|v| v.lines[0].kind == "HouseholdRegistered").count();
    assert_eq!(registry, 4);
    assert!(vouchers.iter().all(|v| v.lines.len() <= 20_000));
}
