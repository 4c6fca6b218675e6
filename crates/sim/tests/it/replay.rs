//! Every honest voucher of a profile is accepted by the naive ledger, which knows nothing of exceptions,
//! dates set back, projects or the money of helping units. What is injected is posted to the real one in
//! the tests of the program.

use crate::ledger::Ledger;
use sim::{Day, Profile, SimVoucher};

pub(crate) fn replay(profile: Profile, seed: u64) -> Ledger {
    let mut ledger = Ledger::new();
    let mut text = Vec::new();
    for voucher in sim::plan(profile, seed).without_irregularities().vouchers() {
        text.clear();
        sim::render_voucher(&voucher, &mut text);
        ledger.post(std::str::from_utf8(&text).unwrap());
    }
    // Nothing is left on the way.
    for (key, sent) in &ledger.sent {
        assert_eq!(sent.open, 0, "{key} is still on the way");
    }
    // No household passes its review line.
    for (code, household) in ledger.households.iter().filter(|(_, h)| !h.split_off) {
        assert!(household.paid <= household.peak as i64 * 2_000_000, "{code}: F08");
    }
    ledger
}

#[test]
fn xs_of_several_seeds() {
    for seed in [sim::DEFAULT_SEED, 0, 1, 2, 3, 4, 5, u64::MAX] {
        replay(Profile::Xs, seed);
    }
}

#[test]
fn s_of_several_seeds() {
    for seed in [1, 2, 3] {
        replay(Profile::S, seed);
    }
}

/// Minutes and gigabytes, for the naive ledger: set `MINGZHANG_SIM_L=1` and test in release.
#[test]
fn l_of_the_default_seed() {
    if std::env::var_os("MINGZHANG_SIM_L").is_some() {
        replay(Profile::L, sim::DEFAULT_SEED);
    }
}

/// The naive ledger does refuse: each change of the data is found.
#[test]
fn changes_are_refused() {
    let plan = sim::plan(Profile::Xs, 1).without_irregularities();
    let vouchers: Vec<SimVoucher> = plan.vouchers().collect();
    let of_kind = |kind: &str| vouchers.iter().position(|v| v.lines[0].kind == kind).unwrap();
    let without = |kind: &str| {
        let mut fewer = vouchers.clone();
        fewer.remove(of_kind(kind));
        fewer
    };
    let changed = |kind: &str, change: &dyn Fn(&mut SimVoucher)| {
        let mut others = vouchers.clone();
        change(&mut others[of_kind(kind)]);
        others
    };
    let twice = |kind: &str| {
        let mut more = vouchers.clone();
        let mut again = more[of_kind(kind)].clone();
        again.voucher_no = "AGAIN".into();
        more.insert(of_kind(kind) + 1, again);
        more
    };
    check_refused("1030", &[vouchers.clone(), vouchers.clone()].concat());
    check_refused("5010", &without("OrganisationRegistered"));
    check_refused("2010", &without("AreaRegistered"));
    check_refused("2002", &without("HouseholdRegistered"));
    check_refused("2030", &without("AccountBound"));
    check_refused("3017", &without("QuotaIssued"));
    check_refused("3018", &without("QuotaReleased"));
    check_refused("3030", &without("TransferSent"));
    check_refused("3022", &without("TransferReceived"));
    check_refused("3023", &twice("DisbursedToHousehold"));
    check_refused("3061", &twice("PaymentReturned"));
    check_refused("3081", &twice("Reversed"));
    check_refused("5020", &changed("Reversed", &|v| v.approved_by = None));
    check_refused("1026", &changed("QuotaReleased", &|v| v.doc_no = None));
    check_refused("1011", &changed("TrancheOpened", &|v| v.total_fen += 1));
    check_refused(
        "date falls",
        &changed("QuotaIssued", &|v| v.effective_date = Day::of(2016, 6, 5)),
    );
}

fn check_refused(why: &str, vouchers: &[SimVoucher]) {
    let result = std::panic::catch_unwind(|| {
        let mut ledger = Ledger::new();
        for voucher in vouchers {
            let mut text = Vec::new();
            sim::render_voucher(voucher, &mut text);
            ledger.post(std::str::from_utf8(&text).unwrap());
        }
    });
    let panic = result.expect_err(why);
    let message = panic.downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(message.contains(why), "{why} expected: {message}");
}
