//! What happens between June 2016 and December 2018, step by step in date order.
//!
//! Lives here: the world's state and its calendar. One file a subject: `desk` (who signs),
//! `setup` (organisations, areas, first register), `funds` (from the plan to the unit that pays),
//! `payments` (to households, and what comes back), `life` (births, deaths, moves, exits),
//! `returns` (money sent up at the end of the year), `irregular` (what is injected).
//!
//! Always: a step changes the state and writes the voucher of exactly that change, so no voucher
//! spends what is not there. Steps run in the order (day, step, two numbers); each writes vouchers of
//! its own day.

mod calendar;
pub(crate) mod desk;
mod funds;
mod irregular;
mod life;
mod payments;
mod returns;
pub(crate) mod setup;

use crate::codes::{HouseholdCode, Token, Unit};
use crate::date::Day;
use crate::labels::Label;
use crate::people::Class;
use crate::plan::Plan;
use crate::voucher::SimVoucher;
use calendar::{Key, Step};
use desk::{Desk, Org};
use funds::{Moving, Quota};
use irregular::Irregular;
use payments::Pending;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The vouchers of a plan in posting order.
///
/// They follow the three vouchers of `init`, which register PO44 and FB44 with their officials and
/// adopt the rules. The days on which they are posted never fall.
pub struct Vouchers {
    world: World,
}

impl Vouchers {
    pub(crate) fn new(plan: Plan) -> Vouchers {
        Vouchers { world: World::new(plan) }
    }

    /// The labels of what was injected, complete after the last voucher.
    pub fn labels(&self) -> Vec<Label> {
        self.world.labels()
    }
}

impl Iterator for Vouchers {
    type Item = SimVoucher;

    fn next(&mut self) -> Option<SimVoucher> {
        loop {
            if let Some(voucher) = self.world.desk.take() {
                return Some(voucher);
            }
            let key = self.world.calendar.pop_first()?;
            self.world.run(key);
        }
    }
}

/// Whether a household can be paid, and from what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Registered,
    Exited,
    Dissolved,
}

/// What part a household has in the cases.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    None,
    /// In a case: no honest accident happens to it.
    Reserved,
    /// In a case with this number, which wants to know of each payment to it.
    Watched(u32),
}

/// A household as it stands on the day.
#[derive(Clone)]
struct Household {
    code: HouseholdCode,
    account: Token,
    /// Paid and not come back, in fen.
    drawn: i64,
    village: u32,
    first_person: u32,
    /// Bit `no` is set while that member is active.
    active: u32,
    target_year: u32,
    early: bool,
    class: Class,
    state: State,
    /// Members of the first register.
    size: u8,
    /// Members born since.
    births: u8,
    /// Member who holds the account.
    holder: u8,
    /// Heads that the household's plan counts: its first members, less those who split off.
    heads: u8,
    /// The day of its last payment that came back.
    came_back: Option<Day>,
    /// The last round in which it was paid.
    last_round: u32,
    /// The account is closed, or its holder is dead, and no other is bound yet.
    blocked: bool,
    part: Part,
    /// Made by a split; nobody asks about its members, whose numbers the ledger chose.
    split_off: bool,
}

impl Household {
    fn lives(&self) -> bool {
        self.state != State::Dissolved && self.active != 0
    }
}

/// What a unit has of one quota.
#[derive(Clone, Copy)]
struct Slot {
    quota: u32,
    right: i64,
    cash: i64,
}

/// A unit that holds quota and cash.
struct Holder {
    unit: Unit,
    slots: Vec<Slot>,
}

impl Holder {
    fn slot(&mut self, quota: u32) -> &mut Slot {
        let at = self.slots.iter().position(|s| s.quota == quota).unwrap_or_else(|| {
            self.slots.push(Slot { quota, right: 0, cash: 0 });
            self.slots.len() - 1
        });
        &mut self.slots[at]
    }
}

/// The number of a holder.
type HolderNo = u32;

/// An organisation that pays households: a village, a town for itself and perhaps its villages, or a
/// county across all of them.
struct Payer {
    org: Org,
    county: u32,
    villages: Range<u32>,
    holders: Vec<HolderNo>,
}

/// A treasury that issues and sends: the province, a helper, a home city.
struct Issuer {
    org: Org,
    treasury: Unit,
    /// (city, source) in the order of the plan.
    shares: Vec<(u32, usize)>,
}

struct World {
    plan: Plan,
    desk: Desk,
    calendar: BTreeSet<Key>,
    issuers: Vec<Issuer>,
    /// Finance bureau of each city and county, poverty office of each county.
    city_bureaus: Vec<Org>,
    county_bureaus: Vec<Org>,
    county_offices: Vec<Org>,
    /// The government of each town.
    town_orgs: Vec<Org>,
    payers: Vec<Payer>,
    /// Payers before this number are towns and villages, from it on counties.
    unit_payers: u32,
    payer_of: Vec<u32>,
    holders: Vec<Holder>,
    holder_of_city: Vec<HolderNo>,
    holder_of_county: Vec<HolderNo>,
    /// The holder that pays the households of a village.
    holder_of_village: Vec<HolderNo>,
    households: Vec<Household>,
    residents: Vec<Vec<u32>>,
    next_serial: Vec<u32>,
    accounts: u64,
    people: u64,
    quotas: Vec<Quota>,
    quota_serials: BTreeMap<(Unit, u32), u32>,
    /// Planned so far, a city.
    planned: Vec<i64>,
    /// Sent and not arrived: at cities from the source, at counties, at payers.
    to_city: Vec<Vec<Moving>>,
    to_county: Vec<Vec<Moving>>,
    to_payer: Vec<Vec<Moving>>,
    /// On the way back to a city from a county, and back there to be sent again.
    bounced: Vec<Vec<Moving>>,
    returned: Vec<Vec<Moving>>,
    /// Sent up and on the way: at counties, at cities, at issuers.
    up_to_county: Vec<Vec<Moving>>,
    up_to_city: Vec<Vec<Moving>>,
    up_to_source: Vec<Vec<Moving>>,
    /// On the way to a city to lie there over the last day.
    swept: Vec<Vec<Moving>>,
    /// Sent up by a unit and kept in the county until the next tranche.
    kept: Vec<Vec<Moving>>,
    pending: BTreeMap<Key, Vec<Pending>>,
    /// Households of a county that wait for another account, or to be dissolved.
    to_rebind: Vec<Vec<u32>>,
    to_dissolve: Vec<Vec<u32>>,
    /// The last quarter in which a holder reversed anything, and how often.
    reversals: BTreeMap<u32, (u32, u64)>,
    irregular: Irregular,
    /// Exits of a city since households were last looked at for a return to poverty.
    exits: Vec<u64>,
}

impl World {
    fn run(&mut self, key: Key) {
        let Key { day, step, a, b } = key;
        match step {
            Step::Access => self.register_organisations(day),
            Step::Baselines => self.set_baselines(day),
            Step::Areas => self.register_areas(b, day),
            Step::Households => self.register_households(b, day),
            Step::Accounts => self.bind_accounts(b, day),
            Step::OpenTranches => self.open_tranches(a, day),
            Step::Issue => self.issue(a, b, day),
            Step::ReleaseToCounties => self.release_to_counties(a, b, day),
            Step::ReleaseToUnits => self.release_to_units(a, b, day),
            Step::SendFromSource => self.send_from_source(a, b, day),
            Step::ReceiveInCity => self.receive_in_city(b, day),
            Step::SendToCounties => self.send_to_counties(a, b, day),
            Step::ReceiveInCounty => self.receive_in_county(a, b, day),
            Step::ReturnToCity => self.return_to_city(b, day),
            Step::SendAgain => self.send_again(b, day),
            Step::ReceiveAgain => self.receive_in_county(u32::MAX, b, day),
            Step::SendToUnits => self.send_to_units(a, b, day),
            Step::ReceiveInUnits => self.receive_in_units(b, day),
            Step::Life => self.live_a_month(a, b, day),
            Step::Pay => self.pay(a, b, day),
            Step::Refund => self.refund(&key),
            Step::Reverse => self.reverse(&key),
            Step::Exits => self.exit_at_year_end(b, day),
            Step::ReturnFromUnits => self.return_from_units(b, day),
            Step::ReceiveFromUnits => self.receive_from_units(b, day),
            Step::ReturnFromCounty => self.return_from_county(a, b, day),
            Step::ReceiveFromCounties => self.receive_from_counties(b, day),
            Step::ReturnFromCity => self.return_from_city(b, day),
            Step::ReceiveAtSource => self.receive_at_source(b, day),
            Step::Irregular => self.irregular(a, b, day),
        }
    }

    fn household(&self, number: u32) -> &Household {
        &self.households[number as usize]
    }

    fn household_mut(&mut self, number: u32) -> &mut Household {
        &mut self.households[number as usize]
    }

    fn village_unit(&self, village: u32) -> Unit {
        self.plan.villages()[village as usize].unit
    }

    fn county_of_village(&self, village: u32) -> u32 {
        let town = self.plan.villages()[village as usize].town;
        self.plan.towns()[town as usize].county
    }

    fn holder_unit(&self, holder: HolderNo) -> Unit {
        self.holders[holder as usize].unit
    }

    fn slot(&mut self, holder: HolderNo, quota: u32) -> &mut Slot {
        self.holders[holder as usize].slot(quota)
    }
}
