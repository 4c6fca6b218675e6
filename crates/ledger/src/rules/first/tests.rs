//! The first vouchers against the data files they come from, and every rule against its own checks.

#![allow(clippy::arithmetic_side_effects, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use super::*;
use crate::rules::flows::Flows;
use crate::rules::{
    ApprovalRule, AreaList, FlagParameters, PeriodRule, Purposes, RuleRow, Scheme, SchemeKey,
};
use crate::voucher::{LineRef, List, Value};

fn first() -> [Voucher; 3] {
    vouchers(Date::REGISTER_START, ("p.po44", "a.po44"), GRANTS)
}

fn of_kind(voucher: &Voucher, kind: Kind) -> Vec<LineRef<'_>> {
    voucher.lines().filter(|line| line.kind_name() == kind.name()).collect()
}

fn rows(list: List<'_>) -> Vec<RuleRow> {
    let row = |s: crate::voucher::Struct<'_>| {
        RuleRow(s.iter().map(|(c, v)| (c.to_owned(), v.text().to_owned())).collect())
    };
    list.structures().map(row).collect()
}

#[test]
fn the_first_vouchers_are_complete() {
    let [access, rules, areas] = first();
    assert_eq!((access.len(), rules.len(), areas.len()), (14, 53, 1));
    for (voucher, no) in [&access, &rules, &areas].into_iter().zip(VOUCHER_NOS) {
        assert_eq!((voucher.organisation(), voucher.voucher_no()), ("PO44", no));
        assert_eq!((voucher.prepared_by(), voucher.approved_by()), ("p.po44", "a.po44"));
        assert_eq!((voucher.doc_no(), voucher.effective_date()), (DOC_NO, "2016-01-01"));
        assert_eq!(voucher.line_count(), u32::try_from(voucher.len()).ok());
    }
    let mut by_kind = BTreeMap::new();
    for line in rules.lines() {
        *by_kind.entry(Kind::of_name(line.kind_name()).unwrap().number()).or_insert(0) += 1;
        assert_eq!(line.int(Field::Version), Some(1));
        let paired = matches!(line.kind_name(), "SchemeAdopted" | "PairingAdopted");
        let from = if paired { "2016-06-04" } else { "2016-01-01" };
        assert_eq!(line.text(Field::EffectiveFrom), from);
    }
    let expected =
        [(201, 4), (202, 15), (203, 1), (204, 1), (205, 1), (206, 1), (207, 29), (210, 1)];
    assert_eq!(by_kind, BTreeMap::from(expected));
}

#[test]
fn schemes_and_pairings_are_the_tables() {
    let [_, rules, _] = first();
    let schemes = of_kind(&rules, Kind::SchemeAdopted);
    let keys: Vec<_> = schemes.iter().map(|l| l.text(Field::HomeCode)).collect();
    assert_eq!(keys, ["*", "4405", "4413", "4407"]);
    for line in schemes {
        assert!(SchemeKey::parse(line.text(Field::HomeCode)).is_some());
        let weights: Vec<i64> = line.list(Field::Weights).iter().filter_map(Value::int).collect();
        assert_eq!((&weights[..], Scheme::check(&weights)), (&[6, 3, 1][..], Ok(())));
    }
    let pairings = of_kind(&rules, Kind::PairingAdopted);
    let guangzhou = pairings.iter().filter(|l| l.text(Field::Helper) == "4401").count();
    let own = pairings.iter().filter(|l| l.text(Field::Mode) == "self").count();
    assert_eq!((pairings.len(), guangzhou, own), (15, 2, 3));
}

#[test]
fn row_tables_are_valid_and_print_back() {
    let [_, rules, areas] = first();
    let only = |voucher: &Voucher, kind| rows(of_kind(voucher, kind)[0].list(Field::Rows));
    let given = only(&rules, Kind::PurposesAdopted);
    assert_eq!((given.len(), Purposes::parse(&given).unwrap().to_rows()), (21, given));
    let given = only(&rules, Kind::FlowsAdopted);
    assert_eq!((given.len(), Flows::parse(&given).unwrap().to_rows()), (29, given));
    let given = only(&areas, Kind::AreasAdopted);
    let list = AreaList::parse(&given).unwrap();
    assert_eq!((given.len(), list.to_rows()), (table(AREAS).count(), given));
    let longhua = list.get(Unit::parse("440309").unwrap()).unwrap();
    assert_eq!((longhua.name_zh(), longhua.from.to_string()), ("龙华区", "2016-10-01".to_owned()));
}

#[test]
fn flags_carry_all_their_parameters() {
    let [_, rules, _] = first();
    for (line, row) in of_kind(&rules, Kind::FlagParametersAdopted).iter().zip(table(FLAGS)) {
        let params: Vec<(String, i64)> = line
            .list(Field::Params)
            .structures()
            .map(|s| (s.text("name").to_owned(), s.int("value").unwrap()))
            .collect();
        let parsed = FlagParameters::parse(line.text(Field::Flag), &params).unwrap();
        assert_eq!(parsed.flag.to_string(), row.get("id"));
        let json: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(row.get("params")).unwrap();
        let expected: Vec<(&str, i64)> =
            json.iter().map(|(name, value)| (name.as_str(), value.as_i64().unwrap())).collect();
        assert_eq!(parsed.values(), expected);
    }
}

#[test]
fn the_single_rules_are_those_of_the_contract() {
    let [_, rules, _] = first();
    let line = of_kind(&rules, Kind::ApprovalRuleAdopted)[0];
    let always: Vec<String> =
        line.list(Field::Always).iter().map(|v| v.text().to_owned()).collect();
    let rule = ApprovalRule::parse(5_000_000, &always, line.text(Field::SelfApproval)).unwrap();
    assert!(rule.needs(Kind::TrancheOpened, 1) && rule.needs(Kind::HouseholdRegistered, 0));
    assert!(!rule.needs(Kind::DisbursedToHousehold, 4_999_999));
    assert!(rule.needs(Kind::DisbursedToHousehold, 5_000_000));
    assert!(!rule.needs(Kind::BalanceAsserted, i64::MAX) && !rule.needs(Kind::MemberAdded, 0));
    let line = of_kind(&rules, Kind::PeriodRuleAdopted)[0];
    let days = |field| u32::try_from(line.int(field).unwrap()).unwrap();
    let rule = PeriodRule::parse(
        line.text(Field::PeriodUnit),
        days(Field::BackdateDays),
        days(Field::FutureDays),
        days(Field::RegistryBackdateDays),
    );
    assert_eq!(rule, Ok(PeriodRule { backdate_days: 31, registry_backdate_days: 366 }));
}
