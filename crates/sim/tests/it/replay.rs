//! Every voucher of a profile is accepted.

use crate::ledger::Ledger;
use sim::Profile;

pub fn replay(profile: Profile, seed: u64) -> Ledger {
    let mut ledger = Ledger::new();
    let mut text = Vec::new();
    for voucher in sim::plan(profile, seed).vouchers() {
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
