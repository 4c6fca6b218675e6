//! Rule content wrong in each way, and what the tables allow.

#![allow(clippy::arithmetic_side_effects, reason = "a test fails by panicking")]

use super::rows::{ContentError, RuleRow};
use super::*;
use crate::ids::Source;
use crate::rules::cap::{CapFields, HouseholdLine};
use crate::rules::flows::{Channel, Mark, treasury_allowed};

fn data(text: &str) -> Vec<RuleRow> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers().unwrap().clone();
    let row = |cells: csv::StringRecord| {
        columns.iter().zip(&cells).fold(RuleRow::default(), |row, (c, v)| row.with(c, v))
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

fn purposes() -> Vec<RuleRow> {
    data(include_str!("../../data/purposes.csv"))
}

fn flows() -> Vec<RuleRow> {
    data(include_str!("../../data/flows.csv"))
}

fn areas() -> Vec<RuleRow> {
    data(include_str!("../../data/areas_guangdong.csv"))
}

/// Sets a cell; an empty value takes it out.
fn set(rows: &mut [RuleRow], at: usize, column: &str, value: &str) {
    rows[at].0.retain(|(c, _)| c != column);
    rows[at].push(column, value);
}

/// Each change alone must be refused at its own cell, in these words.
fn each_wrong_way<T: std::fmt::Debug>(
    rows: &[RuleRow],
    parse: impl Fn(&[RuleRow]) -> Result<T, ContentError>,
    changes: &[(usize, &str, &str, &str)],
) {
    assert!(parse(rows).is_ok());
    for (at, column, value, what) in changes {
        let mut rows = rows.to_vec();
        set(&mut rows, *at, column, value);
        let error = parse(&rows).unwrap_err();
        assert_eq!(error, ContentError::new(format!("rows.{at}.{column}"), *what));
    }
    let mut twice = rows.to_vec();
    twice.push(rows[0].clone());
    assert!(parse(&twice).unwrap_err().what.ends_with("stands twice"));
    let mut unknown = rows.to_vec();
    set(&mut unknown, 1, "colour", "red");
    assert_eq!(parse(&unknown).unwrap_err().field, "rows.1.colour");
    assert_eq!(parse(&[]).unwrap_err().field, "rows");
}

#[test]
fn purposes_wrong_in_each_way() {
    each_wrong_way(
        &purposes(),
        Purposes::parse,
        &[
            (0, "code", "", "is empty"),
            (0, "code", "P1", "P1 is not a letter and two digits"),
            (0, "code", "P002", "P002 is not a letter and two digits"),
            (0, "name_zh", "", "is empty"),
            (0, "name_en", "", "is empty"),
            (0, "programme", "-", "- is not one of dev, special, unit"),
            (0, "programme", "", "is empty"),
            (0, "allowed", "maybe", "maybe is not yes or no"),
            (0, "counts_to_cap", "", "is empty"),
            (7, "counts_to_cap", "yes", "programme special is not under the cap"),
            (
                0,
                "payee",
                "village",
                "village is not one of household, household_yikatong, project, household|project",
            ),
            (0, "after_exit", "-", "- is not yes or no"),
            (14, "counts_to_cap", "yes", "a purpose that is not allowed counts nowhere"),
            (14, "payee", "household", "household is not one of -"),
            (14, "after_exit", "", "is empty"),
        ],
    );
}

#[test]
fn purposes_say_what_they_allow() {
    let list = Purposes::parse(&purposes()).unwrap();
    let get = |code| list.get(purposes::code(code).unwrap()).unwrap();
    let permit = get("S01").permit.unwrap();
    assert!(permit.payee.one_card() && permit.payee.household() && !permit.payee.project());
    let counting: Vec<String> = list
        .rows()
        .iter()
        .filter(|row| row.permit.is_some_and(|p| p.counts_to_cap))
        .map(|row| row.code.to_string())
        .collect();
    assert_eq!(counting, ["P01", "P02", "P03", "P04", "P05", "P06", "P07"]);
    assert_eq!((get("N03").permit, get("N03").name_zh()), (None, "奖金津贴补贴(干部)"));
    assert!(get("P05").is_interest() && get("S02").needs_class() && !get("S01").needs_class());
    assert!(purposes::code("PP1").is_none() && list.get(purposes::code("P08").unwrap()).is_none());
}

#[test]
fn flows_wrong_in_each_way() {
    each_wrong_way(
        &flows(),
        Flows::parse,
        &[
            (0, "id", "W30", "W30 is no known flow"),
            (0, "id", "W1", "W1 is no known flow"),
            (0, "id", "", "is empty"),
            (2, "event", "QuotaIssued", "QuotaIssued is not one of QuotaReleased"),
            (2, "from", "Q.quota.county", "Q.quota.county is not one of Q.quota.city"),
            (2, "to", "", "is empty"),
        ],
    );
}

#[test]
fn areas_wrong_in_each_way() {
    each_wrong_way(
        &areas(),
        AreaList::parse,
        &[
            (1, "code", "4401", "4401 is not an area code of 6 digits"),
            (1, "code", "44010a", "44010a is not an area code of 6 digits"),
            (1, "name_zh", "", "is empty"),
            (1, "level", "county", "county is not the level of 4401, city"),
            (1, "level", "town", "town is not one of province, city, county"),
            (1, "parent", "440200", "44 is the parent of 4401"),
            (1, "parent", "", "is empty"),
            (0, "parent", "440000", "a province has none"),
            (1, "valid_from", "2016-02-30", "2016-02-30 is not a date YYYY-MM-DD"),
            (1, "direct_county", "yes", "only a county can be province-managed"),
            (2, "direct_county", "maybe", "maybe is not yes or no"),
        ],
    );
    let mut orphan = areas();
    orphan.remove(1);
    let error = AreaList::parse(&orphan).unwrap_err();
    assert_eq!(
        (error.field.as_str(), error.what.as_str()),
        ("rows.1.parent", "is not in the list")
    );
}

fn cap() -> CapFields {
    CapFields {
        per_head_fen: 2_000_000,
        pool_cap: "hard".into(),
        household_line: "flag".into(),
        programmes: vec!["dev".into()],
        head_basis: "declared".into(),
        drift_basis: "labour".into(),
        years: vec![2016, 2017, 2018],
    }
}

#[test]
fn cap_rule_wrong_in_each_way() {
    let check = |change: &dyn Fn(&mut CapFields)| {
        let mut fields = cap();
        change(&mut fields);
        CapRule::parse(&fields).map(|_| ()).map_err(|error| error.field)
    };
    let refused = |field: &str, change: &dyn Fn(&mut CapFields)| {
        assert_eq!(check(change), Err(field.to_owned()));
    };
    assert_eq!(check(&|_| ()), Ok(()));
    refused("per_head_fen", &|f| f.per_head_fen = 0);
    refused("per_head_fen", &|f| f.per_head_fen = 1_000_000_000_000_001);
    refused("pool_cap", &|f| f.pool_cap = "flag".into());
    refused("household_line", &|f| f.household_line = "soft".into());
    refused("programmes", &|f| f.programmes.clear());
    refused("programmes", &|f| f.programmes.push("dev".into()));
    refused("programmes", &|f| f.programmes = vec!["all".into()]);
    refused("head_basis", &|f| f.head_basis = "registered".into());
    refused("drift_basis", &|f| f.drift_basis = "households".into());
    refused("years", &|f| f.years.clear());
    refused("years", &|f| f.years = vec![2017, 2016]);
    refused("years", &|f| f.years = vec![2016, 2016]);
    refused("years", &|f| f.years = vec![2015]);
}

#[test]
fn cap_rule_prints_back_and_computes_the_ceiling() {
    let rule = CapRule::parse(&cap()).unwrap();
    assert_eq!(rule.to_fields(), cap());
    assert_eq!(rule.ceiling_fen(146_217), 292_434_000_000);
    assert_eq!(rule.span(), (2016, 2018));
    assert!(rule.has_year(2018) && !rule.has_year(2019));
    assert_eq!(rule.household_line, HouseholdLine::Flag);
    let most = CapRule { per_head_fen: 1_000_000_000_000_000, ..rule };
    assert_eq!(most.ceiling_fen(u64::MAX), i128::from(u64::MAX) * 1_000_000_000_000_000);
}

#[test]
fn approval_rule_wrong_in_each_way() {
    let check = |threshold, always: &[&str], own: &str| {
        let always: Vec<String> = always.iter().map(|s| (*s).to_owned()).collect();
        ApprovalRule::parse(threshold, &always, own).map(|_| ()).map_err(|error| error.field)
    };
    let refused = |field: &str| Err(field.to_owned());
    assert_eq!(check(0, &["TrancheOpened"], "never"), Ok(()));
    assert_eq!(check(-1, &[], "never"), refused("threshold_fen"));
    assert_eq!(check(1_000_000_000_000_001, &[], "never"), refused("threshold_fen"));
    assert_eq!(check(0, &["TrancheOpened", "Payment"], "never"), refused("always.1"));
    assert_eq!(check(0, &["VoucherPosted"], "never"), refused("always.0"));
    assert_eq!(check(0, &["Reversed", "Reversed"], "never"), refused("always.1"));
    assert_eq!(check(0, &[], "sometimes"), refused("self_approval"));
}

#[test]
fn period_rule_wrong_in_each_way() {
    let check = |period, back, future, registry| {
        PeriodRule::parse(period, back, future, registry).map(|_| ()).map_err(|e| e.field)
    };
    let refused = |field: &str| Err(field.to_owned());
    assert_eq!(check("month", 0, 0, 3_660), Ok(()));
    assert_eq!(check("week", 31, 0, 366), refused("period"));
    assert_eq!(check("month", 3_661, 0, 366), refused("backdate_days"));
    assert_eq!(check("month", 31, 1, 366), refused("future_days"));
    assert_eq!(check("month", 31, 0, 3_661), refused("registry_backdate_days"));
}

#[test]
fn flag_parameters_wrong_in_each_way() {
    let check = |flag: &str, params: &[(&str, i64)]| {
        let params: Vec<_> = params.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect();
        FlagParameters::parse(flag, &params).map(|p| p.get("days")).map_err(|e| (e.field, e.what))
    };
    let refused = |field: &str, what: &str| Err((field.to_owned(), what.to_owned()));
    assert_eq!(check("F09", &[("days_grave", 60), ("days", 15)]), Ok(15));
    assert_eq!(check("F00", &[]), refused("flag", "F00 is no known flag"));
    assert_eq!(check("F30", &[]), refused("flag", "F30 is no known flag"));
    assert_eq!(check("F9", &[]), refused("flag", "F9 is no known flag"));
    assert_eq!(check("F+9", &[]), refused("flag", "F+9 is no known flag"));
    assert_eq!(check("F03", &[("days", 1)]), refused("params.0.name", "F03 has no parameters"));
    assert_eq!(
        check("F09", &[("days", 1), ("weeks", 1)]),
        refused("params.1.name", "weeks is not one of days, days_grave")
    );
    assert_eq!(
        check("F09", &[("days", 1), ("days", 2)]),
        refused("params.1.name", "days stands twice")
    );
    assert_eq!(check("F09", &[("days", 1)]), refused("params", "days_grave is missing"));
    assert_eq!(
        check("F09", &[("days", -1), ("days_grave", 1)]),
        refused("params.0.value", "-1 is not 0 to 1000000000000000")
    );
}

fn unit(code: &str) -> Unit {
    Unit::parse(code).unwrap()
}

fn place(code: &str) -> Place {
    Place::plain(unit(code))
}

fn poor(code: &str) -> Place {
    Place { poor: Mark::Now, ..place(code) }
}

fn channel(source: Source, treasury: &str, top: &str) -> Channel {
    Channel { source, treasury: unit(treasury), home: unit("4414"), top: unit(top), opening: false }
}

/// The row that allows a movement under the first table, or `-`.
fn row(movement: Movement) -> String {
    let table = Flows::parse(&flows()).unwrap();
    table.allows(&movement).map_or("-".into(), |flow| flow.to_string())
}

#[test]
fn quota_is_issued_where_the_table_says() {
    let issue =
        |source, treasury, to: Place| row(Movement::Issue(channel(source, treasury, "44"), to));
    let direct = Place { direct: Mark::Now, ..place("441424") };
    assert_eq!(issue(Source::P, "44", place("4414")), "W01");
    assert_eq!(issue(Source::H, "4401", place("4414")), "W01");
    assert_eq!(issue(Source::L, "4414", place("4414")), "W01");
    assert_eq!(issue(Source::P, "44", place("441424")), "-");
    assert_eq!(issue(Source::P, "44", direct), "W02");
    assert_eq!(issue(Source::H, "4401", direct), "-");
    assert_eq!(issue(Source::P, "44", place("4418")), "-");
    assert_eq!(issue(Source::L, "441424", place("441424")), "W23");
    assert_eq!(issue(Source::L, "441424", place("4414")), "-");
    assert_eq!(issue(Source::L, "441424", place("441423")), "-");
    for to in ["441424", "441424901", "441424901201"] {
        assert_eq!(issue(Source::U, "440106", place(to)), "W25");
    }
    assert_eq!(issue(Source::U, "440106", place("4414")), "-");
    assert_eq!(issue(Source::U, "440106", place("441882")), "-");
    assert_eq!(issue(Source::S, "44", place("4414")), "W27");
    assert_eq!(issue(Source::S, "44", place("441424")), "W27");
    assert_eq!(issue(Source::S, "44", place("441424901")), "-");
}

#[test]
fn quota_and_cash_go_down_one_step() {
    let down =
        |from, to| (row(Movement::Release(unit(from), to)), row(Movement::Send(unit(from), to)));
    let is = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(down("4414", place("441424")), is("W03", "W11"));
    assert_eq!(down("441424", place("441424901")), is("W04", "W12"));
    assert_eq!(down("441424", poor("441424901201")), is("W05", "W13"));
    assert_eq!(down("441424", place("441424901201")), is("-", "-"));
    assert_eq!(down("441424901", place("441424901201")), is("W06", "W14"));
    for (from, to) in [
        ("4414", "441424901"),
        ("4414", "4414"),
        ("4414", "441882"),
        ("441424", "4414"),
        ("441424", "441423901"),
        ("44", "4414"),
        ("441424901", "441424902201"),
    ] {
        assert_eq!(down(from, poor(to)), is("-", "-"), "{from} {to}");
    }
}

#[test]
fn quota_and_cash_go_back_the_way_they_came() {
    let back = |from, parent| {
        let parent = unit(parent);
        (row(Movement::Withdraw { from, parent }), row(Movement::ReturnUp { from, to: parent }))
    };
    let allowed = ("W07".to_owned(), "W22".to_owned());
    let refused = ("-".to_owned(), "-".to_owned());
    assert_eq!(back(place("441424"), "4414"), allowed);
    assert_eq!(back(place("441424901"), "441424"), allowed);
    assert_eq!(back(place("441424901201"), "441424901"), allowed);
    assert_eq!(back(place("441424901201"), "441424"), refused);
    // A village that left the list gives back what it got from the county while it stood there.
    let left = Place { poor: Mark::Once, ..place("441424901201") };
    assert_eq!(back(left, "441424"), allowed);
    assert_eq!(back(place("4414"), "44"), refused);
    assert_eq!(row(Movement::WithdrawTop(Source::H)), "W08");
    assert_eq!(row(Movement::WithdrawTop(Source::U)), "W29");
}

#[test]
fn a_source_sends_where_its_quota_stands() {
    let send = |c: Channel, to| row(Movement::SendFromSource(c, to));
    let direct = Place { direct: Mark::Now, ..place("441424") };
    assert_eq!(send(channel(Source::H, "4401", "4414"), place("4414")), "W09");
    assert_eq!(send(channel(Source::H, "4401", "4414"), place("441424")), "-");
    assert_eq!(send(channel(Source::P, "44", "441424"), direct), "W10");
    assert_eq!(send(channel(Source::P, "44", "441424"), place("441424")), "-");
    assert_eq!(send(channel(Source::L, "441424", "441424"), place("441424")), "W24");
    assert_eq!(send(channel(Source::U, "440106", "441424901"), place("441424901")), "W26");
    assert_eq!(send(channel(Source::U, "440106", "441424901"), place("441424902")), "-");
    assert_eq!(send(channel(Source::S, "44", "441424"), place("441424")), "W28");
    let opening = Channel { opening: true, ..channel(Source::P, "44", "441424901") };
    assert_eq!(send(opening, place("441424901")), "W09");
    assert_eq!(send(opening, place("441424902")), "-");
    let back = |c, from, to| row(Movement::ReturnToSource(c, from, unit(to)));
    assert_eq!(back(channel(Source::H, "4401", "4414"), place("4414"), "4401"), "W22");
    assert_eq!(back(channel(Source::H, "4401", "4414"), place("4414"), "44"), "-");
    assert_eq!(back(channel(Source::H, "4401", "4414"), place("441424"), "4401"), "-");
    let was_direct = Place { direct: Mark::Once, ..place("441424") };
    assert_eq!(back(channel(Source::P, "44", "441424"), was_direct, "44"), "W22");
    assert_eq!(back(opening, place("441424901"), "44"), "W22");
}

#[test]
fn payments_stay_inside_the_unit() {
    let pay = |a, b| row(Movement::PayHousehold(unit(a), unit(b)));
    for payer in ["441424", "441424901", "441424901201"] {
        assert_eq!(pay(payer, "441424901201"), "W18");
    }
    for payer in ["4414", "44", "441424902", "441424901202"] {
        assert_eq!(pay(payer, "441424901201"), "-");
    }
    assert_eq!(row(Movement::PayProject(unit("441424"), unit("441424"))), "W19");
    assert_eq!(row(Movement::PayProject(unit("441424901"), unit("441424"))), "-");
    assert_eq!(row(Movement::Receive(true)), "W16");
    assert_eq!(row(Movement::Receive(false)), "W15");
    assert_eq!(row(Movement::Return), "W17");
    assert_eq!(row(Movement::RefundHousehold), "W20");
    assert_eq!(row(Movement::RefundProject), "W21");
}

#[test]
fn a_row_that_is_not_adopted_allows_nothing() {
    let fewer: Vec<RuleRow> = flows().into_iter().filter(|row| row.0[0].1 != "W18").collect();
    let table = Flows::parse(&fewer).unwrap();
    let village = unit("441424901201");
    assert_eq!(table.allows(&Movement::PayHousehold(village, village)), None);
    assert!(table.allows(&Movement::PayProject(village, village)).is_some());
}

#[test]
fn treasuries_belong_to_their_source() {
    let ok = |source, treasury| {
        treasury_allowed(source, unit(treasury), unit("4414"), Some(unit("4401")))
    };
    assert!(ok(Source::P, "44") && !ok(Source::P, "4414"));
    assert!(ok(Source::H, "4401") && !ok(Source::H, "4403"));
    assert!(ok(Source::L, "4414") && ok(Source::L, "441424") && !ok(Source::L, "441882"));
    assert!(!ok(Source::L, "441424901"));
    assert!(!treasury_allowed(Source::H, unit("4401"), unit("4414"), None));
}

#[test]
fn a_scheme_of_a_city_wins() {
    use crate::ids::Date;
    use std::sync::Arc;
    let scheme = |name: &str| {
        let borne_by = scheme::BorneBy::PairedHelper;
        Arc::new(Scheme { name: name.into(), weights: vec![6, 3, 1], borne_by })
    };
    let mut rules = Rules::default();
    let shantou = unit("4405");
    assert!(rules.scheme(shantou, Date(100)).is_none());
    let all = rules.schemes.entry(SchemeKey::All).or_default();
    let seq = record::Seq(1);
    all.push(Version { number: 1, from: Date(50), to: None, seq, content: scheme("all") });
    let own = rules.schemes.entry(SchemeKey::City(shantou)).or_default();
    own.push(Version {
        number: 1,
        from: Date(80),
        to: Some(Date(90)),
        seq,
        content: scheme("own"),
    });
    let name = |city, date| {
        let (key, version) = rules.scheme(city, Date(date)).unwrap();
        (key.to_string(), version.content.name.clone())
    };
    let all = ("*".to_owned(), "all".to_owned());
    assert_eq!(name(shantou, 79), all);
    assert_eq!(name(shantou, 80), ("4405".into(), "own".into()));
    assert_eq!((name(shantou, 91), name(unit("4414"), 80)), (all.clone(), all));
}

#[test]
fn baselines_stay_within_their_city() {
    use crate::ids::Date;
    let home = unit("4414");
    let check = |counties: &[(&str, u64)]| {
        let counties = counties.iter().map(|(u, n)| (unit(u), *n)).collect();
        let baseline = Baseline { heads: 100, as_of: Date(17_000), counties };
        baseline.check_sum().map_err(|reason| reason.message())?;
        baseline.check_counties(home).map_err(|error| error.field)
    };
    assert_eq!(check(&[]), Ok(()));
    assert_eq!(check(&[("441424", 60), ("441423", 40)]), Ok(()));
    assert_eq!(
        check(&[("441424", 60), ("441423", 41)]),
        Err("counties sum to 101, city is 100".into())
    );
    assert_eq!(
        check(&[("441424", u64::MAX), ("441423", 1)]),
        Err(format!("counties sum to {}, city is 100", u64::MAX))
    );
    assert_eq!(check(&[("441424", 1), ("441882", 1)]), Err("counties.1.unit".into()));
    assert_eq!(check(&[("441424", 1), ("441424", 1)]), Err("counties.1.unit".into()));
    assert_eq!(check(&[("4414", 1)]), Err("counties.0.unit".into()));
}
