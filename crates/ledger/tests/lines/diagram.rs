//! The state diagram of a household: every event in every state, and which of them the contract allows.

use ledger::ids::{Date, HouseholdCode};
use ledger::words::HouseholdState::{self, Dissolved, Exited, Registered, Removed};

use crate::runner::{Answer, Bench};

/// Two households of three members each in one village, the first in this state from 2 January 2017.
fn household_in(state: HouseholdState) -> Bench {
    let mut bench = Bench::new();
    bench.act_as("PO44", "2016-07-01");
    for line in [
        "AreaRegistered code=441424901000 name_zh=示例镇 parent=441424000000",
        "AreaRegistered code=441424901201 name_zh=示例村 parent=441424901000",
        "AreaRegistered code=441424901202 name_zh=另一村 parent=441424901000",
        "HouseholdRegistered household=44142490120100013 village=441424901201 class=general causes=illness members=1:a:1960:m:full,2:b:1962:f:partial,3:c:1990:m:full",
        "HouseholdRegistered household=44142490120100021 village=441424901201 class=dibao causes=no_land members=1:d:1960:m:full,2:e:1962:f:none,3:f:1990:m:full",
    ] {
        accept(&mut bench, line);
    }
    bench.act_as("PO44", "2017-01-02");
    let step = match state {
        Registered => return bench,
        Exited => "HouseholdExited household=44142490120100013 year=2016",
        Removed => "HouseholdRemoved household=44142490120100013 reason=\"never was entitled\"",
        Dissolved => "HouseholdDissolved household=44142490120100013 reason=left_province",
    };
    accept(&mut bench, step);
    bench
}

fn accept(bench: &mut Bench, line: &str) {
    let answer = bench.post(line);
    assert!(matches!(answer, Answer::Accepted(_)), "{line}: {answer:?}");
}

fn state_of(bench: &Bench, code: &str, date: &str) -> HouseholdState {
    let no = bench.state.registry.household(HouseholdCode::parse(code).unwrap()).unwrap();
    bench.state.registry.state_on(no, Date::parse(date).unwrap()).unwrap()
}

/// Each event on the household, the states in which it may happen, and the state that follows.
#[rustfmt::skip]
const EVENTS: &[(&str, &[HouseholdState], Option<HouseholdState>)] = &[
    ("HouseholdAmended household=44142490120100013 class=wubao", &[Registered, Exited, Removed, Dissolved], None),
    ("HouseholdMoved household=44142490120100013 village=441424901202", &[Registered, Exited, Removed, Dissolved], None),
    ("HouseholdSplit household=44142490120100013 new_household=44142490120100030 members=2", &[Registered, Exited], None),
    ("HouseholdsMerged into=44142490120100013 from=44142490120100021", &[Registered, Exited], Some(Registered)),
    ("HouseholdsMerged into=44142490120100021 from=44142490120100013", &[Registered, Exited], Some(Dissolved)),
    ("HouseholdExited household=44142490120100013 year=2017", &[Registered], Some(Exited)),
    ("HouseholdReturned household=44142490120100013 reason=flood", &[Exited], Some(Registered)),
    ("HouseholdRemoved household=44142490120100013 reason=\"was not entitled\"", &[Registered, Exited], Some(Removed)),
    ("HouseholdReinstated household=44142490120100013 reason=\"it was entitled\"", &[Removed, Dissolved], Some(Registered)),
    ("HouseholdDissolved household=44142490120100013 reason=died", &[Registered, Exited], Some(Dissolved)),
    ("MemberAdded household=44142490120100013 member=9:z:2017:f:minor reason=birth", &[Registered, Exited], None),
    ("MemberAmended household=44142490120100013 no=1 ability=none", &[Registered, Exited, Removed, Dissolved], None),
    ("MemberLeft household=44142490120100013 no=1 reason=army", &[Registered, Exited, Removed, Dissolved], None),
    ("MemberDied household=44142490120100013 no=1 died=2017-03-01", &[Registered, Exited, Removed, Dissolved], None),
    ("MemberMoved from=44142490120100013 no=1 to=44142490120100021 new_no=9", &[Registered, Exited, Removed, Dissolved], None),
    ("MemberMoved from=44142490120100021 no=1 to=44142490120100013 new_no=9", &[Registered], None),
    ("AccountBound household=44142490120100013 account=k account_kind=bank holder=a primary=true", &[Registered, Exited, Removed, Dissolved], None),
];

#[test]
fn every_event_in_every_state() {
    for (line, allowed, next) in EVENTS {
        for state in HouseholdState::ALL {
            let mut bench = household_in(*state);
            bench.act_as("PO44", "2017-03-01");
            let answer = bench.post(line);
            let after = state_of(&bench, "44142490120100013", "2017-03-01");
            match answer {
                Answer::Accepted(_) => {
                    assert!(allowed.contains(state), "{line} in {state}");
                    assert_eq!(after, next.unwrap_or(*state), "{line} in {state}");
                }
                Answer::Refused(refusal) => {
                    assert!(!allowed.contains(state), "{line} in {state}: {refusal:?}");
                    assert_eq!(refusal.reason.code(), 2003, "{line} in {state}");
                    let says = format!("household 44142490120100013 is {state}; ");
                    assert!(refusal.reason.message().starts_with(&says));
                    assert_eq!(after, *state);
                }
            }
        }
    }
}

#[test]
fn the_diagram_has_no_other_arrow() {
    let mut arrows = std::collections::BTreeSet::new();
    for (line, allowed, next) in EVENTS {
        let kind = line.split(' ').next().unwrap();
        if let Some(next) = next.filter(|_| kind != "HouseholdsMerged") {
            arrows.extend(allowed.iter().map(|from| (*from, kind, next)));
        }
    }
    assert_eq!(
        arrows.into_iter().collect::<Vec<_>>(),
        [
            (Registered, "HouseholdDissolved", Dissolved),
            (Registered, "HouseholdExited", Exited),
            (Registered, "HouseholdRemoved", Removed),
            (Exited, "HouseholdDissolved", Dissolved),
            (Exited, "HouseholdRemoved", Removed),
            (Exited, "HouseholdReturned", Registered),
            (Removed, "HouseholdReinstated", Registered),
            (Dissolved, "HouseholdReinstated", Registered),
        ]
    );
}

#[test]
fn a_split_household_inherits_and_a_merged_one_revives() {
    let mut bench = household_in(Exited);
    bench.act_as("PO44", "2017-03-01");
    accept(
        &mut bench,
        "HouseholdSplit household=44142490120100013 new_household=44142490120100030 members=2,3",
    );
    let registry = &bench.state.registry;
    let no = |code| registry.household(HouseholdCode::parse(code).unwrap()).unwrap();
    let (old, new) = (no("44142490120100013"), no("44142490120100030"));
    let date = Date::parse("2017-03-01").unwrap();
    let on = registry.household_on(new, date).unwrap();
    assert_eq!((on.state, on.class.name()), (Exited, "general"));
    assert_eq!(on.village.to_string(), "441424901201");
    assert_eq!((registry.active_on(old, date), registry.active_on(new, date)), (1, 2));
    assert_eq!(registry.lineage(new), registry.lineage(old));
    assert_eq!(registry.kin(new).collect::<Vec<_>>(), [new, old]);
    // The people are the same, so the peak is that of the one household.
    assert_eq!(registry.peak(old, date), 3);

    // An exited household that a registered one joins is registered; the members get the next numbers.
    accept(&mut bench, "HouseholdsMerged into=44142490120100013 from=44142490120100021");
    let registry = &bench.state.registry;
    assert_eq!(registry.state_on(old, date), Some(Registered));
    let mut numbers: Vec<(u8, bool)> =
        registry.members(old).map(|member| (member.no, member.is_open())).collect();
    numbers.sort_unstable();
    let expected = [(1, true), (2, false), (3, false), (4, true), (5, true), (6, true)];
    assert_eq!(numbers, expected);
    let other = registry.household(HouseholdCode::parse("44142490120100021").unwrap()).unwrap();
    assert_eq!(registry.kin(other).count(), 3);
    assert_eq!((registry.active_on(other, date), registry.active_on(old, date)), (0, 4));
    assert_eq!(registry.peak(new, date), 6);
}
