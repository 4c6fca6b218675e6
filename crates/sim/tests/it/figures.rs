//! The figures of the plan: sizes, rates, and how far the lines are from their round numbers.

use crate::ledger::Ledger;
use crate::replay::replay;
use sim::Profile;

/// `count` of `of` in basis points.
fn bp(count: u64, of: u64) -> u64 {
    (count * 10_000 + of / 2) / of
}

fn count(ledger: &Ledger, kind: &str) -> u64 {
    ledger.counts.get(kind).copied().unwrap_or_default()
}

fn amount(ledger: &Ledger, kind: &str) -> i64 {
    ledger.amounts.get(kind).copied().unwrap_or_default()
}

/// Lines differ from the round number of the plan by what is given here, in percent. Projects, loans
/// and irregularities will add lines.
fn check_sizes(profile: Profile, ledger: &Ledger, lines: u64, off: std::ops::RangeInclusive<i64>) {
    let plan = sim::plan(profile, sim::DEFAULT_SEED);
    assert_eq!(count(ledger, "HouseholdRegistered"), u64::from(plan.households()));
    let people: usize = ledger.households.values().map(|h| h.first).sum();
    assert_eq!(people as u32, plan.people());
    for city in plan.cities() {
        let code = city.unit.to_string();
        let of_city = ledger.households.iter().filter(|(c, _)| c.starts_with(&code));
        assert_eq!(of_city.map(|(_, h)| h.first as u32).sum::<u32>(), city.people);
        assert_eq!(ledger.baselines[&code], i64::from(city.people));
    }
    let percent = (ledger.lines as i64 - lines as i64) * 100 / lines as i64;
    assert!(off.contains(&percent), "{profile}: {} lines, {percent} %", ledger.lines);
}

#[test]
fn figures_of_xs() {
    let ledger = replay(Profile::Xs, sim::DEFAULT_SEED);
    check_sizes(Profile::Xs, &ledger, 1_800, 5..=12);
    assert_eq!(count(&ledger, "TrancheOpened"), 3);
    // Every kind that is made at all is in the smallest profile.
    for kind in [
        "OrganisationRegistered",
        "RoleGranted",
        "BaselineSet",
        "AreaRegistered",
        "HouseholdRegistered",
        "HouseholdMoved",
        "HouseholdSplit",
        "HouseholdExited",
        "HouseholdReturned",
        "HouseholdDissolved",
        "MemberAdded",
        "MemberDied",
        "AccountBound",
        "AccountReleased",
        "QuotaIssued",
        "QuotaReleased",
        "TransferSent",
        "TransferReceived",
        "TransferReturned",
        "FundsReturnedUp",
        "DisbursedToHousehold",
        "PaymentReturned",
        "OverpaymentRepaid",
        "Reversed",
    ] {
        assert!(0 < count(&ledger, kind), "{kind}");
    }
}

#[test]
fn figures_of_s() {
    let ledger = replay(Profile::S, sim::DEFAULT_SEED);
    check_sizes(Profile::S, &ledger, 15_000, -4..=2);
    assert_eq!(count(&ledger, "TrancheOpened"), 12);
}

#[test]
fn figures_of_m() {
    let ledger = replay(Profile::M, sim::DEFAULT_SEED);
    check_sizes(Profile::M, &ledger, 290_000, -4..=2);
    assert_eq!(count(&ledger, "TrancheOpened"), 90);
    check_money(&ledger);
    check_rates(&ledger);
    // The whole ceiling is planned: 49,859 heads, 20,000 yuan each.
    assert_eq!(amount(&ledger, "TrancheOpened"), 49_859 * 2_000_000);
}

fn check_money(ledger: &Ledger) {
    let planned = amount(ledger, "TrancheOpened");
    let percent_tenths = |fen: i64| (fen * 1_000 + planned / 2) / planned;
    let sent: i64 = ledger.quotas.values().map(|q| q.sent).sum();
    let spent: i64 = ledger.households.values().map(|h| h.paid).sum();
    assert_eq!(percent_tenths(amount(ledger, "QuotaIssued")), 970);
    assert!((945..=950).contains(&percent_tenths(sent)), "{}", percent_tenths(sent));
    assert!((870..=890).contains(&percent_tenths(spent)), "{}", percent_tenths(spent));
    for (source, share) in [("P", 600), ("H", 300), ("L", 100)] {
        let issued = ledger.quotas.values().filter(|q| q.source == source).map(|q| q.issued);
        let of_source = issued.sum::<i64>() * 1_000 / amount(ledger, "QuotaIssued");
        assert!((share - 1..=share + 1).contains(&of_source), "{source} {of_source}");
    }
    let below_zero = |map: &std::collections::BTreeMap<_, i64>| map.values().any(|&b| b < 0);
    assert!(!below_zero(&ledger.right) && !below_zero(&ledger.hold));
}

fn check_rates(ledger: &Ledger) {
    let payments = count(ledger, "DisbursedToHousehold");
    for (kind, low, high) in
        [("PaymentReturned", 140, 160), ("OverpaymentRepaid", 53, 67), ("Reversed", 34, 46)]
    {
        let rate = bp(count(ledger, kind), payments);
        assert!((low..=high).contains(&rate), "{kind}: {rate}");
    }
    for (purpose, percent) in [("P02", 40), ("P03", 23), ("P01", 15), ("P06", 12), ("P07", 10)] {
        let share = bp(ledger.purposes[purpose].0, payments);
        assert!((percent * 100 - 80..=percent * 100 + 80).contains(&share), "{purpose}: {share}");
    }
    assert!((6_000..7_500).contains(&bp(ledger.whole_hundreds, payments)));
    // 30 months of 1 %, 0.8 %, 0.5 % and 0.2 %.
    for (kind, expected) in [
        ("MemberAdded", 1_246),
        ("MemberDied", 997),
        ("HouseholdMoved", 250),
        ("HouseholdSplit", 100),
    ] {
        let found = count(ledger, kind);
        assert!(found.abs_diff(expected) <= 8, "{kind}: {found}");
    }
    // Out of poverty as the policy aims: 500, 600, 665 of 1,765, and 3 % early.
    for (year, expected) in [("2016", 2_833), ("2017", 3_399), ("2018", 3_768)] {
        let share = bp(ledger.exits[year], 20_000);
        assert!(share.abs_diff(expected) <= 250, "{year}: {share}");
    }
}

/// Minutes in the dev profile: set `MINGZHANG_SIM_L=1`.
#[test]
fn figures_of_l() {
    if std::env::var_os("MINGZHANG_SIM_L").is_none() {
        return;
    }
    let plan = sim::plan(Profile::L, sim::DEFAULT_SEED);
    let mut bytes = 0;
    let totals = sim::write_files::<std::convert::Infallible>(&plan, &mut |_, chunk| {
        bytes += chunk.len() as u64;
        Ok(())
    })
    .unwrap();
    assert_eq!(bytes, totals.bytes);
    assert!((9_600_000..=10_200_000).contains(&totals.lines), "{totals:?}");
    eprintln!("{totals:?}");
}
