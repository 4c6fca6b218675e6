//! Injected irregularities: a case and a decoy for every flag F01-F29, woven into the honest world.
//!
//! Lives here: the table of the 29 makers, what a case remembers, how many there are, and their labels.
//! One file a group of flags: `who` (who was paid), `much` (how much), `when`, `stopped` (where money
//! stopped), `kept` (how it was kept); `subjects` draws the households and villages, `acts` holds what
//! several makers do.
//! Lives elsewhere: the flags themselves (`views`), which are written from the same contract by others.
//!
//! Always: every voucher is accepted by the ledger. Money of a case is a helping unit's own or special
//! money of its own quota, exact to the fen, so no honest balance, cap or share changes. Households of
//! cases are spared the honest accidents of life. A decoy is the harmless likeness of its flag.
//!
//! Subjects are spelled as the flag's subject column says, parts joined by `/`: a household code; an
//! account or person token in hex; a unit code; `unit/quota`; `unit/payee`; `unit/2018Q1`;
//! `unit/household`; `village/2016`; `source/home city/2017Q2`; `home city/county/2017`; an official; a
//! project; a record as `organisation/voucher_no/line_no`; a lineage as the code it began with.

mod acts;
mod kept;
mod much;
mod stopped;
mod subjects;
mod when;
mod who;

use super::World;
use super::calendar::Step;
use super::desk::{Org, Reference};
use crate::codes::{HouseholdCode, Token, Unit};
use crate::date::{Day, Month};
use crate::labels::Label;
use crate::profile::Profile;
use crate::rng::{Entity, Stream};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;

/// Makes one step of a case on a day; returns after how many days the next step comes, if one does.
type Maker = fn(&mut World, &mut Case, u32, Day) -> Option<u32>;

/// What a case is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    /// A household that nothing else happens to.
    Household,
    /// Two such households of one county.
    Couple,
    /// A village that holds no honest money.
    OtherVillage,
    /// A village and all its households.
    Village,
    /// A county, told by the case's own step.
    County,
    /// A late quota: what is withheld stands in [`Irregular::late`].
    Obligation,
    /// A city whose counties get other than their heads' share in a year.
    Share,
}

/// A row of the table: when the case and the decoy begin, each within so many days.
struct Row {
    flag: u8,
    about: About,
    case: Day,
    decoy: Day,
    within: u64,
    maker: Maker,
}

const fn row(flag: u8, about: About, case: Day, within: u64, maker: Maker) -> Row {
    Row { flag, about, case, decoy: case, within, maker }
}

/// Every flag's maker. Days lie in months without honest payments and within the last year of the data,
/// for flags that look back so far only.
static TABLE: [Row; 29] = [
    row(1, About::Couple, Day::of(2018, 1, 29), 8, who::shared_account),
    row(2, About::Household, Day::of(2018, 8, 3), 16, who::paid_after_exit),
    row(3, About::Household, Day::of(2018, 7, 5), 10, who::paid_not_entitled),
    row(4, About::Household, Day::of(2018, 3, 1), 6, who::paid_after_death),
    row(5, About::Household, Day::of(2018, 5, 3), 15, much::split_below_threshold),
    row(6, About::OtherVillage, Day::of(2018, 3, 27), 4, when::round_burst),
    row(7, About::OtherVillage, Day::of(2018, 3, 5), 40, stopped::idle_funds),
    row(8, About::Household, Day::of(2018, 7, 4), 20, much::above_review_line),
    row(9, About::Household, Day::of(2018, 9, 24), 20, stopped::sent_not_received),
    row(10, About::Household, Day::of(2018, 7, 5), 20, who::account_changed),
    row(11, About::Household, Day::of(2018, 5, 4), 20, kept::outside_purpose),
    row(12, About::Household, Day::of(2018, 1, 10), 40, much::refund_repay_cycle),
    row(13, About::Household, Day::of(2018, 1, 8), 20, kept::one_hand),
    row(14, About::Couple, Day::of(2018, 2, 1), 10, who::duplicate_person),
    Row {
        flag: 15,
        about: About::Village,
        case: Day::of(2016, 11, 25),
        decoy: Day::of(2017, 11, 25),
        within: 3,
        maker: much::village_outlier,
    },
    row(16, About::Household, Day::of(2018, 5, 12), 10, when::paid_before_money),
    row(17, About::OtherVillage, Day::of(2018, 2, 5), 15, kept::reversed_after_close),
    row(18, About::Obligation, Day::of(2018, 12, 28), 1, stopped::source_short),
    row(19, About::County, Day::of(2018, 12, 20), 3, kept::baseline_drift),
    row(20, About::Household, Day::of(2018, 5, 4), 20, kept::exception_posted),
    row(21, About::OtherVillage, Day::of(2018, 7, 4), 20, kept::bank_differs),
    row(22, About::Share, Day::of(2018, 12, 28), 1, stopped::county_share_off),
    Row {
        flag: 23,
        about: About::OtherVillage,
        case: Day::of(2017, 12, 5),
        decoy: Day::of(2017, 10, 24),
        within: 15,
        maker: when::year_end_rush,
    },
    Row {
        flag: 24,
        about: About::Household,
        case: Day::of(2018, 2, 5),
        decoy: Day::of(2018, 10, 8),
        within: 15,
        maker: stopped::unattributed,
    },
    row(25, About::Household, Day::of(2018, 7, 2), 15, when::backdated),
    row(26, About::Household, Day::of(2018, 1, 4), 10, who::holder_not_in_household),
    row(27, About::Household, Day::of(2018, 2, 5), 30, stopped::income_not_paid),
    row(28, About::Household, Day::of(2018, 5, 4), 20, much::possible_duplicate),
    row(29, About::Household, Day::of(2018, 1, 8), 20, who::official_among_payees),
];

/// How many cases a flag has, and as many decoys, where there are subjects enough.
fn wanted(profile: Profile) -> usize {
    match profile {
        Profile::Xs => 1,
        Profile::S => 5,
        Profile::M => 40,
        Profile::L => 400,
    }
}

/// A case or decoy, and what its steps remember.
#[derive(Clone)]
pub(super) struct Case {
    flag: u8,
    decoy: bool,
    index: u32,
    households: Vec<u32>,
    /// The village, county or city it is about, by the kind of its row.
    place: u32,
    quota: Arc<str>,
    account: Option<Token>,
    official: Arc<str>,
    reference: Reference,
    /// What the labels say.
    subject: String,
    keys: Vec<Arc<str>>,
    fen: i64,
    note: &'static str,
    /// Another flag that the same record fires, with its subject.
    also: Option<(u8, String)>,
}

impl Case {
    fn new(flag: u8, decoy: bool, index: usize) -> Case {
        Case {
            flag,
            decoy,
            index: index as u32,
            households: Vec::new(),
            place: 0,
            quota: Arc::from(""),
            account: None,
            official: Arc::from(""),
            reference: Reference::default(),
            subject: String::new(),
            keys: Vec::new(),
            fen: 0,
            note: "",
            also: None,
        }
    }

    /// The household of the case, or the first of two.
    fn household(&self) -> u32 {
        self.households.first().copied().unwrap_or_default()
    }

    /// The second of two households.
    fn other(&self) -> u32 {
        self.households.last().copied().unwrap_or_default()
    }

    /// Draws that belong to a step of the case alone.
    fn draw(&self, world: &World, step: u32) -> Stream {
        let index = u64::from(self.flag) << 40
            | u64::from(self.decoy) << 39
            | u64::from(self.index) << 8
            | u64::from(step);
        world.plan.root.stream(Entity::Case, index)
    }

    /// A payment of a case: 2,000 to 6,000 yuan in whole hundreds, below every threshold.
    fn small(&self, world: &World) -> i64 {
        let hundreds = self.draw(world, 200).between(20, 60).cast_signed();
        hundreds * 10_000
    }

    /// What the label says: the subject and what was done, for case and decoy.
    fn tell(&mut self, subject: impl Display, notes: [&'static str; 2]) {
        self.subject = subject.to_string();
        self.note = notes[usize::from(self.decoy)];
    }
}

/// A quota whose way begins late.
#[derive(Clone, Copy)]
pub(super) struct Late {
    pub(super) city: u32,
    pub(super) source: usize,
    /// The tranche it belongs to.
    pub(super) tranche: u32,
    /// The first day of the month in which its way begins.
    pub(super) first: Day,
    case: u32,
}

/// A city that gives one county points of the whole that belong to another.
#[derive(Clone, Copy)]
pub(super) struct Shift {
    pub(super) year: u32,
    pub(super) from: u32,
    pub(super) to: u32,
    /// Of 100.
    pub(super) points: u64,
    cases: [u32; 2],
}

/// All cases and what they keep of money and rules.
#[derive(Default)]
pub(super) struct Irregular {
    cases: Vec<Case>,
    /// The helping unit of each city's helper, whose own money the cases use.
    helping: BTreeMap<Unit, Org>,
    serials: BTreeMap<(Unit, char), u32>,
    /// Records and their sum by village and month, of villages that hold no honest money.
    books: BTreeMap<(Unit, Month), (u64, i64)>,
    closed: BTreeMap<Unit, Month>,
    /// Towns whose approver is also a head of finance.
    heads_of_finance: BTreeSet<Unit>,
    /// Towns in which F11's decoys are reversed.
    reversing: BTreeSet<Unit>,
    /// Heads and version of each county's and city's baseline, once it changed.
    baselines: BTreeMap<u32, (u64, Vec<u64>)>,
    pub(super) late: Vec<Late>,
    shifts: BTreeMap<u32, Vec<Shift>>,
}

/// Late ways have numbers above those of tranches.
const LATE: u32 = 1_000;

impl World {
    /// Draws all cases and enters their first steps.
    pub(super) fn plan_cases(&mut self) {
        let cases = self.draw_subjects();
        for (number, case) in cases.iter().enumerate() {
            let row = &TABLE[usize::from(case.flag) - 1];
            let first = if case.decoy { row.decoy } else { row.case };
            let day = first.plus(case.draw(self, 255).below(row.within) as u32);
            self.at(day, Step::Irregular, number as u32, 0);
        }
        let decoys = cases.iter().filter(|case| case.flag == 11 && case.decoy);
        let towns = decoys.map(|case| self.town_of(case.household()).unit).collect();
        self.irregular.reversing = towns;
        self.irregular.cases = cases;
        for i in 0..self.irregular.late.len() {
            let first = self.irregular.late[i].first;
            self.plan_way(first, LATE + i as u32);
        }
        for city in 0..self.plan.cities().len() {
            let seat = self.plan.cities()[city].helper;
            if !self.irregular.helping.contains_key(&seat) {
                let org = self.desk.open("HU", seat, None);
                self.irregular.helping.insert(seat, org);
            }
        }
    }

    /// The helping units whose own money the cases use.
    pub(super) fn helping_units(&self) -> Vec<Org> {
        self.irregular.helping.values().copied().collect()
    }

    /// Whether a case lets a town reverse in the quarter of a day, which leaves no room for others.
    pub(super) fn reversed_by_case(&self, org: Org, day: Day) -> bool {
        let quarter = Day::of(2018, 4, 1)..Day::of(2018, 7, 1);
        quarter.contains(&day) && self.irregular.reversing.contains(&self.desk.unit(org))
    }

    /// The next step of a case.
    pub(super) fn irregular(&mut self, number: u32, step: u32, day: Day) {
        let mut case = self.irregular.cases[number as usize].clone();
        let maker = TABLE[usize::from(case.flag) - 1].maker;
        if let Some(days) = maker(self, &mut case, step, day) {
            self.at(day.plus(days), Step::Irregular, number, step + 1);
        }
        self.irregular.cases[number as usize] = case;
    }

    /// The way on which a quota of this tranche goes.
    pub(super) fn way_of(&self, city: u32, source: usize, tranche: u32) -> u32 {
        let late = |l: &Late| (l.city, l.source, l.tranche) == (city, source, tranche);
        self.irregular.late.iter().position(late).map_or(tranche, |i| LATE + i as u32)
    }

    /// Notes the vouchers that issued a late quota.
    pub(super) fn issued_late(&mut self, way: u32, keys: &[Arc<str>], fen: i64) {
        let late = way.checked_sub(LATE).and_then(|i| self.irregular.late.get(i as usize));
        if let Some(case) = late.map(|l| l.case) {
            let case = &mut self.irregular.cases[case as usize];
            case.keys.extend_from_slice(keys);
            case.fen += fen;
        }
    }

    /// Turns heads by county into the weights by which a city shares out a year's money.
    pub(super) fn shifted(&self, city: u32, year: u32, counties: &mut [(u32, u64)]) {
        let heads: u64 = counties.iter().map(|&(_, heads)| heads).sum();
        let shifts = self.irregular.shifts.get(&city).map_or(&[][..], Vec::as_slice);
        for shift in shifts.iter().filter(|shift| shift.year == year) {
            for county in counties.iter_mut() {
                county.1 *= 100;
                if county.0 == shift.from {
                    county.1 = county.1.saturating_sub(heads * shift.points);
                } else if county.0 == shift.to {
                    county.1 += heads * shift.points;
                }
            }
        }
    }

    /// Notes the vouchers that released a shifted year's quotas.
    pub(super) fn released_off(&mut self, city: u32, year: u32, keys: &[Arc<str>], fen: i64) {
        let shifts = self.irregular.shifts.get(&city).cloned().unwrap_or_default();
        for shift in shifts.iter().filter(|shift| shift.year == year) {
            for &case in &shift.cases {
                let case = &mut self.irregular.cases[case as usize];
                case.keys.extend_from_slice(keys);
                case.fen += fen * shift.points.cast_signed() / 100;
            }
        }
    }

    /// The labels of all cases, by flag, cases before decoys.
    pub(super) fn labels(&self) -> Vec<Label> {
        let mut labels = Vec::new();
        for case in self.irregular.cases.iter().filter(|case| !case.subject.is_empty()) {
            let also = case.also.iter().map(|(flag, subject)| (*flag, subject));
            for (flag, subject) in std::iter::once((case.flag, &case.subject)).chain(also) {
                labels.push(Label {
                    id: 0,
                    flag,
                    decoy: case.decoy && flag == case.flag,
                    subject: subject.clone(),
                    voucher_keys: case.keys.iter().map(ToString::to_string).collect(),
                    amount_fen: case.fen,
                    note: case.note,
                });
            }
        }
        labels.sort_by_key(|label| (label.flag, label.decoy));
        for (i, label) in labels.iter_mut().enumerate() {
            label.id = i as u32 + 1;
        }
        labels
    }

    fn code(&self, household: u32) -> HouseholdCode {
        self.household(household).code
    }
}
