//! What was true on a date: ends, back-dated events, peaks.

use ledger::ids::{Date, HouseholdCode, Token};
use ledger::state::registry::{Binding, BindingOn, MemberOn};
use ledger::words::HouseholdState::{Exited, Registered, Removed};

use crate::runner::{Answer, Bench};

const A: &str = "44142490120100013";
const B: &str = "44142490120100021";

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.act_as("PO44", "2016-07-01");
    for line in [
        "AreaRegistered code=441424901000 name_zh=示例镇 parent=441424000000",
        "AreaRegistered code=441424901201 name_zh=示例村 parent=441424901000 poor=true",
        "AreaRegistered code=441424901202 name_zh=另一村 parent=441424901000",
        "HouseholdRegistered household=44142490120100013 village=441424901201 class=general causes=illness members=1:a:1960:m:full,2:b:1962:f:partial",
        "HouseholdRegistered household=44142490120100021 village=441424901201 class=dibao causes=no_land members=1:d:1960:m:full",
    ] {
        post(&mut bench, line);
    }
    bench
}

fn post(bench: &mut Bench, line: &str) {
    let answer = bench.post(line);
    assert!(matches!(answer, Answer::Accepted(_)), "{line}: {answer:?}");
}

fn on(bench: &mut Bench, date: &str, line: &str) {
    bench.act_as("PO44", date);
    post(bench, line);
}

fn date(text: &str) -> Date {
    Date::parse(text).unwrap()
}

fn row(bench: &Bench, code: &str) -> u32 {
    bench.state.registry.household(HouseholdCode::parse(code).unwrap()).unwrap()
}

fn token(word: &str) -> Token {
    let mut bytes = [u8::try_from(word.len()).unwrap(); 16];
    bytes[..word.len()].copy_from_slice(word.as_bytes());
    Token(bytes)
}

#[test]
fn the_greatest_date_wins_and_of_one_date_the_one_posted_last() {
    let mut bench = bench();
    on(&mut bench, "2017-06-01", "HouseholdExited household=44142490120100013 year=2017");
    // Posted later, dated before: it was amended, moved and reclassified by then.
    on(&mut bench, "2016-12-01", "HouseholdAmended household=44142490120100013 class=dibao");
    on(&mut bench, "2017-01-01", "HouseholdMoved household=44142490120100013 village=441424901202");
    on(&mut bench, "2016-12-01", "HouseholdAmended household=44142490120100013 class=wubao");
    on(&mut bench, "2017-06-01", "HouseholdReturned household=44142490120100013 reason=flood");
    on(&mut bench, "2017-06-01", "HouseholdExited household=44142490120100013 year=2017");
    let no = row(&bench, A);
    let at = |text: &str| {
        let on = bench.state.registry.household_on(no, date(text)).unwrap();
        (on.state, on.class.name(), on.village.to_string())
    };
    assert_eq!(at("2016-01-01"), (Registered, "general", "441424901201".into()));
    assert_eq!(at("2016-11-30"), (Registered, "general", "441424901201".into()));
    assert_eq!(at("2016-12-01"), (Registered, "wubao", "441424901201".into()));
    assert_eq!(at("2017-01-01"), (Registered, "wubao", "441424901202".into()));
    assert_eq!(at("2017-06-01"), (Exited, "wubao", "441424901202".into()));
    let since = bench.state.registry.household_on(no, date("2018-01-01")).unwrap().state_since;
    assert_eq!(since, date("2017-06-01"));
}

#[test]
fn an_event_of_the_past_is_asked_of_the_past() {
    let mut bench = bench();
    on(
        &mut bench,
        "2017-06-01",
        "HouseholdRemoved household=44142490120100013 reason=\"was never entitled\"",
    );
    // On 1 May it was still registered.
    on(&mut bench, "2017-05-01", "HouseholdExited household=44142490120100013 year=2017");
    let no = row(&bench, A);
    let state = |text| bench.state.registry.state_on(no, date(text));
    assert_eq!(state("2017-05-01"), Some(Exited));
    assert_eq!(state("2017-06-01"), Some(Removed));
}

#[test]
fn the_day_of_death_counts_and_the_day_of_leaving_does_not() {
    let mut bench = bench();
    on(&mut bench, "2017-03-10", "MemberDied household=44142490120100013 no=1 died=2017-03-01");
    on(&mut bench, "2017-04-01", "MemberLeft household=44142490120100013 no=2 reason=marriage");
    let (no, registry) = (row(&bench, A), &bench.state.registry);
    let active = |text| registry.active_on(no, date(text));
    assert_eq!([active("2016-06-30"), active("2016-07-01")], [0, 2]);
    assert_eq!([active("2017-03-01"), active("2017-03-02")], [2, 1]);
    assert_eq!([active("2017-03-31"), active("2017-04-01")], [1, 0]);
    assert_eq!(registry.empty_since(no, date("2017-05-01")), Some(date("2017-04-01")));
    let member = |number, text| registry.member_on(no, number, date(text));
    assert_eq!(member(1, "2017-03-01"), MemberOn::Active);
    assert_eq!(member(1, "2017-03-02"), MemberOn::Dead(date("2017-03-01")));
    assert_eq!(member(2, "2017-04-01"), MemberOn::Unknown);
    assert_eq!(member(2, "2016-06-30"), MemberOn::Unknown);
    assert_eq!(member(3, "2017-01-01"), MemberOn::Unknown);
    assert_eq!(registry.member(no, 1).unwrap().died(), Some(date("2017-03-01")));
}

#[test]
fn a_person_is_found_through_every_membership() {
    let mut bench = bench();
    on(
        &mut bench,
        "2017-02-01",
        "MemberMoved from=44142490120100013 no=2 to=44142490120100021 new_no=2",
    );
    on(&mut bench, "2017-03-01", "MemberLeft household=44142490120100021 no=2 reason=moved");
    on(
        &mut bench,
        "2017-04-01",
        "MemberAdded household=44142490120100013 member=3:b:1962:f:partial reason=return",
    );
    let registry = &bench.state.registry;
    let at = |text| registry.membership_on(token("b"), date(text)).map(|m| (m.household, m.no));
    let (a, b) = (row(&bench, A), row(&bench, B));
    assert_eq!(at("2017-01-31"), Some((a, 2)));
    assert_eq!(at("2017-02-01"), Some((b, 2)));
    assert_eq!(at("2017-03-15"), None);
    assert_eq!(at("2017-04-01"), Some((a, 3)));
    assert_eq!(registry.memberships(token("b")).count(), 3);
    assert_eq!(registry.memberships(token("nobody")).count(), 0);
}

#[test]
fn a_peak_is_of_one_day_and_of_what_is_known() {
    let mut bench = bench();
    let no = row(&bench, A);
    on(&mut bench, "2017-03-10", "MemberDied household=44142490120100013 no=1 died=2017-03-01");
    on(
        &mut bench,
        "2017-04-01",
        "MemberAdded household=44142490120100013 member=3:x:2017:f:minor reason=birth",
    );
    // A death and a birth: never more than two at a time.
    assert_eq!(bench.state.registry.peak(no, date("2018-01-01")), 2);
    // Posted late, with a date before the death.
    on(
        &mut bench,
        "2017-02-01",
        "MemberAdded household=44142490120100013 member=4:y:1999:f:full reason=omitted",
    );
    assert_eq!(bench.state.registry.peak(no, date("2018-01-01")), 3);
    assert_eq!(bench.state.registry.peak(no, date("2017-01-31")), 2);
    // Who leaves on the day of joining was never there.
    on(
        &mut bench,
        "2017-05-01",
        "MemberAdded household=44142490120100013 member=5:v:1999:f:full reason=marriage",
    );
    on(&mut bench, "2017-05-01", "MemberLeft household=44142490120100013 no=5 reason=other");
    assert_eq!(bench.state.registry.peak(no, date("2018-01-01")), 3);
}

#[test]
fn bindings_hold_from_their_day_until_the_day_before_release() {
    let mut bench = bench();
    on(
        &mut bench,
        "2016-08-01",
        "AccountBound household=44142490120100013 account=k1 account_kind=yikatong holder=a primary=true",
    );
    on(
        &mut bench,
        "2016-09-01",
        "AccountBound household=44142490120100013 account=k2 account_kind=bank holder=x guardian_reason=nephew primary=true",
    );
    on(&mut bench, "2016-10-01", "AccountReleased household=44142490120100013 account=k1");
    let (a, b) = (row(&bench, A), row(&bench, B));
    let found = |account, household, text: &str| match bench.state.registry.binding_on(
        token(account),
        household,
        date(text),
    ) {
        BindingOn::Unknown => "unknown".to_owned(),
        BindingOn::Elsewhere => "elsewhere".to_owned(),
        BindingOn::Closed(date) => format!("closed {date}"),
        BindingOn::Open(binding) => format!("{} {}", binding.kind(), binding.is_primary()),
    };
    assert_eq!(found("k1", a, "2016-07-31"), "closed 2016-10-01");
    assert_eq!(found("k1", a, "2016-08-01"), "yikatong false");
    assert_eq!(found("k1", a, "2016-09-30"), "yikatong false");
    assert_eq!(found("k1", a, "2016-10-01"), "closed 2016-10-01");
    assert_eq!(found("k2", a, "2016-08-31"), "closed 2016-09-01");
    assert_eq!(found("k2", a, "2016-09-01"), "bank true");
    assert_eq!(found("k2", b, "2016-09-01"), "elsewhere");
    assert_eq!(found("k9", a, "2016-09-01"), "unknown");
    // Bound again: a new binding.
    on(
        &mut bench,
        "2016-11-01",
        "AccountBound household=44142490120100013 account=k1 account_kind=yikatong holder=a primary=false",
    );
    let registry = &bench.state.registry;
    assert!(matches!(registry.binding_on(token("k1"), a, date("2016-11-01")), BindingOn::Open(_)));
    assert_eq!(registry.bindings(a).count(), 3);
    assert!(registry.bindings(a).any(Binding::has_guardian));
}

#[test]
fn marks_of_areas_have_dates() {
    use ledger::rules::Mark;
    let mut bench = bench();
    let unit = |code| ledger::ids::Unit::parse(code).unwrap();
    on(&mut bench, "2017-12-31", "VillageExited code=441424901201 year=2017");
    on(&mut bench, "2017-01-01", "AreaAmended code=441424000000 direct_county=true");
    on(&mut bench, "2018-01-01", "AreaAmended code=441424000000 direct_county=false name_zh=五华");
    on(&mut bench, "2018-06-01", "AreaClosed code=441424901202 successor=441424901201");
    let state = &bench.state;
    let area = |code, text| state.registry.area(&state.rules, unit(code), date(text));
    let poor = |text| area("441424901201", text).map(|area| area.place.poor);
    assert_eq!(poor("2016-06-30"), None);
    assert_eq!(poor("2017-12-30"), Some(Mark::Now));
    assert_eq!(poor("2017-12-31"), Some(Mark::Once));
    let direct = |text| area("441424", text).unwrap().place.direct;
    assert_eq!([direct("2016-12-31"), direct("2017-01-01")], [Mark::Never, Mark::Now]);
    assert_eq!(direct("2018-01-01"), Mark::Once);
    assert_eq!(area("441424", "2018-01-01").unwrap().name_zh(), "五华");
    assert_eq!(area("441423", "2018-01-01").unwrap().name_zh(), "丰顺县");
    assert!(area("441424901202", "2018-05-31").is_some());
    assert!(area("441424901202", "2018-06-01").is_none());
    // Longhua was made a district in October 2016.
    assert!(area("440309", "2016-09-30").is_none() && area("440309", "2016-10-01").is_some());
}
