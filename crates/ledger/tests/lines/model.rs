//! The register against a naive model: lists of what happened, asked from the beginning each time.

use std::collections::BTreeMap;

use ledger::ids::{Date, HouseholdCode, Unit};
use ledger::words::HouseholdState;
use proptest::prelude::*;

use crate::runner::{Answer, Bench};

/// First day of the model: 1 July 2016.
const DAY: u32 = 16_983;
const HOUSEHOLDS: u16 = 6;
const PEOPLE: u8 = 14;

#[derive(Clone, Debug)]
enum Step {
    Register { household: u16, people: Vec<u8> },
    Split { from: u16, to: u16, no: u8 },
    Merge { into: u16, from: u16 },
    State { household: u16, which: u8 },
    Add { household: u16, person: u8, no: u8 },
    Leave { household: u16, no: u8 },
    Die { household: u16, no: u8, before: u32 },
    Pass { from: u16, no: u8, to: u16, new_no: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let household = 0..HOUSEHOLDS;
    let no = 1_u8..8;
    prop_oneof![
        2 => (household.clone(), prop::collection::vec(0..PEOPLE, 1..4))
            .prop_map(|(household, people)| Step::Register { household, people }),
        3 => (household.clone(), household.clone(), no.clone())
            .prop_map(|(from, to, no)| Step::Split { from, to, no }),
        1 => (household.clone(), household.clone()).prop_map(|(into, from)| Step::Merge { into, from }),
        4 => (household.clone(), 0_u8..5).prop_map(|(household, which)| Step::State { household, which }),
        3 => (household.clone(), 0..PEOPLE, no.clone())
            .prop_map(|(household, person, no)| Step::Add { household, person, no }),
        2 => (household.clone(), no.clone()).prop_map(|(household, no)| Step::Leave { household, no }),
        1 => (household.clone(), no.clone(), 0_u32..20)
            .prop_map(|(household, no, before)| Step::Die { household, no, before }),
        2 => (household.clone(), no.clone(), household, no)
            .prop_map(|(from, no, to, new_no)| Step::Pass { from, no, to, new_no }),
    ]
}

fn code(household: u16) -> HouseholdCode {
    HouseholdCode::new(Unit::parse("441424901201").unwrap(), household + 1).unwrap()
}

fn line(step: &Step, date: u32) -> String {
    match step {
        Step::Register { household, people } => {
            let members: Vec<String> =
                (1..).zip(people).map(|(no, p)| format!("{no}:p{p}:1980:f:full")).collect();
            format!(
                "HouseholdRegistered household={} village=441424901201 class=general causes=other members={}",
                code(*household),
                members.join(",")
            )
        }
        Step::Split { from, to, no } => format!(
            "HouseholdSplit household={} new_household={} members={no}",
            code(*from),
            code(*to)
        ),
        Step::Merge { into, from } => {
            format!("HouseholdsMerged into={} from={}", code(*into), code(*from))
        }
        Step::State { household, which } => {
            let code = code(*household);
            match which {
                0 => format!("HouseholdExited household={code} year=2016"),
                1 => format!("HouseholdReturned household={code} reason=flood"),
                2 => format!("HouseholdRemoved household={code} reason=\"was never entitled\""),
                3 => format!(
                    "HouseholdReinstated household={code} reason=\"was entitled after all\""
                ),
                _ => format!("HouseholdDissolved household={code} reason=other"),
            }
        }
        Step::Add { household, person, no } => format!(
            "MemberAdded household={} member={no}:p{person}:1980:f:full reason=return",
            code(*household)
        ),
        Step::Leave { household, no } => {
            format!("MemberLeft household={} no={no} reason=other", code(*household))
        }
        Step::Die { household, no, before } => {
            format!(
                "MemberDied household={} no={no} died={}",
                code(*household),
                Date(date - before)
            )
        }
        Step::Pass { from, no, to, new_no } => {
            format!("MemberMoved from={} no={no} to={} new_no={new_no}", code(*from), code(*to))
        }
    }
}

/// A membership: person, number, first day, first day without.
type Stay = (u8, u8, u32, Option<u32>);

/// What happened, as lists.
#[derive(Default)]
struct Model {
    /// Per household the states by date, in the order of posting.
    states: BTreeMap<u16, Vec<(u32, HouseholdState)>>,
    stays: BTreeMap<u16, Vec<Stay>>,
    /// Households that belong together.
    joined: Vec<(u16, u16)>,
}

impl Model {
    fn state(&self, household: u16, date: u32) -> HouseholdState {
        let found = self.states.get(&household).into_iter().flatten();
        // Of one date the last one posted is the last one of the greatest.
        let found = found.filter(|(day, _)| *day <= date).max_by_key(|(day, _)| *day);
        found.map_or(HouseholdState::Registered, |(_, state)| *state)
    }

    fn active(&self, households: &[u16], date: u32) -> u32 {
        let stays = households.iter().filter_map(|h| self.stays.get(h)).flatten();
        let here =
            stays.filter(|(_, _, from, end)| *from <= date && end.is_none_or(|end| date < end));
        u32::try_from(here.count()).unwrap()
    }

    fn lineage(&self, household: u16) -> Vec<u16> {
        let mut all = vec![household];
        loop {
            let more =
                self.joined.iter().find_map(|(a, b)| match (all.contains(a), all.contains(b)) {
                    (true, false) => Some(*b),
                    (false, true) => Some(*a),
                    _ => None,
                });
            match more {
                Some(other) => all.push(other),
                None => break,
            }
        }
        all.sort_unstable();
        all
    }

    fn end(&mut self, household: u16, no: u8, end: u32) -> u8 {
        let stays = self.stays.get_mut(&household).unwrap();
        let stay = stays.iter_mut().find(|(_, n, _, e)| *n == no && e.is_none()).unwrap();
        stay.3 = Some(end);
        stay.0
    }

    fn enter(&mut self, household: u16, person: u8, no: u8, date: u32) {
        self.stays.entry(household).or_default().push((person, no, date, None));
    }

    fn set(&mut self, household: u16, date: u32, state: HouseholdState) {
        self.states.entry(household).or_default().push((date, state));
    }

    /// Follows a step that the ledger accepted.
    fn follow(&mut self, step: &Step, date: u32) {
        match step {
            Step::Register { household, people } => {
                for (no, person) in (1..).zip(people) {
                    self.enter(*household, *person, no, date);
                }
            }
            Step::Split { from, to, no } => {
                // To be registered is where every household begins, and no change.
                let state = self.state(*from, date);
                if state != HouseholdState::Registered {
                    self.set(*to, date, state);
                }
                self.joined.push((*from, *to));
                let person = self.end(*from, *no, date);
                self.enter(*to, person, *no, date);
            }
            Step::Merge { into, from } => self.merge(*into, *from, date),
            Step::State { household, which } => {
                let states = [
                    HouseholdState::Exited,
                    HouseholdState::Registered,
                    HouseholdState::Removed,
                    HouseholdState::Registered,
                    HouseholdState::Dissolved,
                ];
                self.set(*household, date, states[usize::from(*which)]);
            }
            Step::Add { household, person, no } => self.enter(*household, *person, *no, date),
            Step::Leave { household, no } => {
                self.end(*household, *no, date);
            }
            Step::Die { household, no, before } => {
                self.end(*household, *no, date - before + 1);
            }
            Step::Pass { from, no, to, new_no } => {
                let person = self.end(*from, *no, date);
                self.enter(*to, person, *new_no, date);
            }
        }
    }

    fn merge(&mut self, into: u16, from: u16, date: u32) {
        let open = |stay: &&Stay| stay.2 <= date && stay.3.is_none();
        let mut moving: Vec<u8> =
            self.stays.get(&from).into_iter().flatten().filter(open).map(|s| s.1).collect();
        moving.sort_unstable();
        let used: Vec<u8> = self.stays.get(&into).into_iter().flatten().map(|s| s.1).collect();
        let greatest = used.iter().copied().max().unwrap_or(0);
        for (old, new) in moving.into_iter().zip(greatest + 1..) {
            let person = self.end(from, old, date);
            self.enter(into, person, new, date);
        }
        let revives = self.state(into, date) != HouseholdState::Registered
            && self.state(from, date) == HouseholdState::Registered;
        self.set(from, date, HouseholdState::Dissolved);
        if revives {
            self.set(into, date, HouseholdState::Registered);
        }
        self.joined.push((into, from));
    }
}

/// The register says of every household and day what the model says.
fn compare(bench: &Bench, model: &Model, days: std::ops::RangeInclusive<u32>) {
    let registry = &bench.state.registry;
    for household in 0..HOUSEHOLDS {
        let Some(no) = registry.household(code(household)) else { continue };
        let lineage = model.lineage(household);
        let kin: Vec<HouseholdCode> =
            registry.kin(no).map(|no| registry.household_row(no).unwrap().code).collect();
        let mut expected: Vec<HouseholdCode> = lineage.iter().map(|h| code(*h)).collect();
        let mut found = kin.clone();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
        assert_eq!(kin[0], code(household));
        let mut peak = 0;
        for day in days.clone() {
            let date = Date(day);
            assert_eq!(registry.state_on(no, date), Some(model.state(household, day)));
            assert_eq!(registry.active_on(no, date), model.active(&[household], day));
            peak = peak.max(model.active(&lineage, day));
            assert_eq!(registry.peak(no, date), peak, "{household} {date}");
        }
        let open = model.stays.get(&household).into_iter().flatten();
        let open = open.filter(|stay| stay.3.is_none()).count();
        assert_eq!(usize::try_from(registry.open_members(no)).unwrap(), open);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_register_remembers_what_a_list_of_events_says(
        steps in prop::collection::vec((step(), 0_u32..60), 1..40),
    ) {
        let mut bench = Bench::new();
        bench.act_as("PO44", "2016-06-01");
        for line in [
            "AreaRegistered code=441424901000 name_zh=示例镇 parent=441424000000",
            "AreaRegistered code=441424901201 name_zh=示例村 parent=441424901000",
        ] {
            prop_assert!(matches!(bench.post(line), Answer::Accepted(_)));
        }
        let mut model = Model::default();
        for (step, day) in &steps {
            let date = DAY + day;
            bench.act_as("PO44", &Date(date).to_string());
            if let Answer::Accepted(_) = bench.post(&line(step, date)) {
                model.follow(step, date);
            }
        }
        compare(&bench, &model, DAY - 21..=DAY + 60);
    }
}

/// The steps above are not all refused: each kind of event is met.
#[test]
fn every_kind_of_step_is_accepted_somewhere() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut met = std::collections::BTreeSet::new();
    for _ in 0..120 {
        let steps = prop::collection::vec((step(), 0_u32..60), 40);
        let steps = steps.new_tree(&mut runner).unwrap().current();
        let mut bench = Bench::new();
        bench.act_as("PO44", "2016-06-01");
        bench.post("AreaRegistered code=441424901000 name_zh=示例镇 parent=441424000000");
        bench.post("AreaRegistered code=441424901201 name_zh=示例村 parent=441424901000");
        for (step, day) in &steps {
            let date = DAY + day;
            bench.act_as("PO44", &Date(date).to_string());
            let line = line(step, date);
            if let Answer::Accepted(_) = bench.post(&line) {
                met.insert(line.split(' ').next().unwrap().to_owned());
            }
        }
    }
    let expected = [
        "HouseholdDissolved",
        "HouseholdExited",
        "HouseholdRegistered",
        "HouseholdReinstated",
        "HouseholdRemoved",
        "HouseholdReturned",
        "HouseholdSplit",
        "HouseholdsMerged",
        "MemberAdded",
        "MemberDied",
        "MemberLeft",
        "MemberMoved",
    ];
    assert_eq!(met.into_iter().collect::<Vec<_>>(), expected);
}
