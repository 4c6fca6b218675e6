//! Tables that stand twice, since one of the two crates may not know the other, are equal.

use ledger::ids::{BankRef, OfficialId, OrgId, VoucherNo};
use ledger::kind::{Kind, MEMBERS_MAX};
use record::limits::{
    BANK_REF_BYTES_MAX, HOUSEHOLD_MEMBERS_MAX, OFFICIAL_BYTES_MAX, ORGANISATION_BYTES_MAX,
    VOUCHER_NO_BYTES_MAX,
};

/// `verify` names the kinds of records and knows no domain code.
#[test]
fn the_formats_names_of_kinds_are_the_ledgers() {
    let ledgers = Kind::ALL.iter().map(|kind| (kind.number(), kind.name()));
    assert!(ledgers.eq(record::DOMAIN_KINDS));
}

/// `serve --print-limits` prints what the ledger holds to.
#[test]
fn the_widths_of_ids_are_the_limits() {
    let check = |what: &str, max: usize, parses: &dyn Fn(&str) -> bool| {
        assert!(parses(&"A".repeat(max)), "{what}: {max}");
        assert!(!parses(&"A".repeat(max + 1)), "{what}: {max} and one");
    };
    check("organisation", ORGANISATION_BYTES_MAX, &|text| OrgId::new(text).is_some());
    check("official", OFFICIAL_BYTES_MAX, &|text| OfficialId::new(text).is_some());
    check("voucher number", VOUCHER_NO_BYTES_MAX, &|text| VoucherNo::new(text).is_some());
    check("bank reference", BANK_REF_BYTES_MAX, &|text| BankRef::new(text).is_some());
    assert_eq!(MEMBERS_MAX, HOUSEHOLD_MEMBERS_MAX);
}
