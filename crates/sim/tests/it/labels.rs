//! What is injected: a case and a decoy of every flag, on subjects of their own, the same for one seed.

use sim::{Label, Profile, SimVoucher};
use std::collections::{BTreeMap, BTreeSet};

/// Cases of a flag in a profile, where nothing keeps them fewer.
const WANTED: [(Profile, usize); 2] = [(Profile::Xs, 1), (Profile::S, 5)];

fn made(profile: Profile, seed: u64) -> (Vec<SimVoucher>, Vec<Label>) {
    let mut vouchers = sim::plan(profile, seed).vouchers();
    let all = vouchers.by_ref().collect();
    (all, vouchers.labels())
}

/// How many cases and decoys a flag is to have: half of the subjects at most, and what stands beside.
fn expected(profile: Profile, flag: u8, decoy: bool, wanted: usize) -> usize {
    match (profile, flag, decoy) {
        // Both counties of a city are off; s has two cities, of which one is shifted.
        (_, 22, _) => 2,
        // Four counties; two years, two sources and two cities.
        (Profile::S, 19, _) => 2,
        (Profile::S, 18, _) => 4,
        // Beside its own: what F11 and F25 could post by exception only.
        (_, 20, false) => wanted * 3,
        _ => wanted,
    }
}

#[test]
fn every_flag_has_its_cases_and_as_many_decoys() {
    for (profile, wanted) in WANTED {
        for seed in [sim::DEFAULT_SEED, 1, 2, 3] {
            let (_, labels) = made(profile, seed);
            let mut counts: BTreeMap<(u8, bool), usize> = BTreeMap::new();
            for label in &labels {
                *counts.entry((label.flag, label.decoy)).or_default() += 1;
            }
            for flag in 1..=29 {
                for decoy in [false, true] {
                    let found = counts.get(&(flag, decoy)).copied().unwrap_or_default();
                    let expected = expected(profile, flag, decoy, wanted);
                    assert_eq!(found, expected, "{profile} {seed}: F{flag:02} {decoy}");
                }
            }
            let ids: Vec<u32> = labels.iter().map(|label| label.id).collect();
            assert!(ids.iter().copied().eq(1..=labels.len() as u32));
        }
    }
}

#[test]
fn no_subject_stands_twice_under_a_flag() {
    for (profile, _) in WANTED {
        let (_, labels) = made(profile, sim::DEFAULT_SEED);
        let subjects: BTreeSet<(u8, &str)> =
            labels.iter().map(|label| (label.flag, label.subject.as_str())).collect();
        assert_eq!(subjects.len(), labels.len(), "{profile}");
    }
}

/// A label names vouchers that stand in the files, and at least one.
#[test]
fn labels_name_vouchers_that_are_there() {
    for (profile, _) in WANTED {
        let (vouchers, labels) = made(profile, sim::DEFAULT_SEED);
        let key = |v: &SimVoucher| format!("{}/{}", v.organisation, v.voucher_no);
        let keys: BTreeSet<String> = vouchers.iter().map(key).collect();
        assert_eq!(keys.len(), vouchers.len(), "a voucher number is used twice");
        for label in &labels {
            assert!(!label.voucher_keys.is_empty(), "{label:?}");
            assert!(label.voucher_keys.iter().all(|key| keys.contains(key)), "{label:?}");
            assert!(0 < label.amount_fen || matches!(label.flag, 14 | 19), "{label:?}");
        }
    }
}

/// Vouchers are in the order of posting; some are dated back, by their irregularity alone.
#[test]
fn only_irregularities_are_dated_back() {
    let (vouchers, labels) = made(Profile::S, sim::DEFAULT_SEED);
    assert!(vouchers.iter().is_sorted_by_key(|v| v.posted));
    let labelled: BTreeSet<&str> =
        labels.iter().flat_map(|l| l.voucher_keys.iter().map(String::as_str)).collect();
    let mut back = 0;
    for voucher in vouchers.iter().filter(|v| v.effective_date != v.posted) {
        assert!(voucher.effective_date < voucher.posted);
        let key = format!("{}/{}", voucher.organisation, voucher.voucher_no);
        assert!(labelled.contains(key.as_str()), "{key}");
        back += 1;
    }
    // F02 case and decoy, F14 case and decoy, F16, F25 case and decoy.
    assert_eq!(back, 7 * 5);
}

#[test]
fn an_honest_plan_injects_nothing() {
    let plan = sim::plan(Profile::Xs, sim::DEFAULT_SEED).without_irregularities();
    let mut vouchers = plan.vouchers();
    assert!(
        vouchers.by_ref().all(|v| v.exception_reason.is_none() && v.posted == v.effective_date)
    );
    assert!(vouchers.labels().is_empty());
}
