//! Which step runs on which day.

use super::World;
use crate::date::{Day, Month};
use crate::rng::Entity;

/// A step of the world. On one day they run in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Step {
    Access,
    Baselines,
    Areas,
    Households,
    Accounts,
    OpenTranches,
    Issue,
    ReleaseToCounties,
    ReleaseToUnits,
    SendFromSource,
    ReceiveInCity,
    SendToCounties,
    ReceiveInCounty,
    ReturnToCity,
    SendAgain,
    ReceiveAgain,
    SendToUnits,
    ReceiveInUnits,
    Life,
    Pay,
    Refund,
    Reverse,
    Exits,
    ReturnFromUnits,
    ReceiveFromUnits,
    ReturnFromCounty,
    ReceiveFromCounties,
    ReturnFromCity,
    ReceiveAtSource,
    Irregular,
}

/// A step on its day. `a` is a tranche, round, month or year; `b` is who acts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Key {
    pub(super) day: Day,
    pub(super) step: Step,
    pub(super) a: u32,
    pub(super) b: u32,
}

pub(super) const FIRST_YEAR: u32 = 2016;
const YEARS: u32 = 3;
/// Months of the four payment rounds: the first year begins with the programme. No round falls into
/// the last days of a quarter, and December holds a quarter of 2016.
const ROUND_MONTHS: [[u32; 4]; 3] = [[8, 9, 11, 12], [4, 6, 9, 11], [4, 6, 9, 11]];
/// Payment rounds in all.
pub(super) const ROUNDS: u32 = 12;
/// The last day on which anything happens.
pub(super) const LAST_DAY: Day = Day::of(2018, 12, 28);

/// Months in which tranches are opened, early enough that each round finds its money.
fn tranche_months(first_year: bool, a_year: u32) -> &'static [u32] {
    match (first_year, a_year) {
        (true, 1) => &[7],
        (true, 2) => &[7, 10],
        (true, _) => &[7, 8, 10],
        (false, 1) => &[2],
        (false, 2) => &[2, 7],
        (false, _) => &[2, 5, 8],
    }
}

/// Whether households are paid in this month.
pub(super) fn is_round(month: Month) -> bool {
    ROUND_MONTHS[(month.year - FIRST_YEAR) as usize].contains(&month.month)
}

impl World {
    /// Enters everything that is known from the start.
    pub(super) fn plan_calendar(&mut self) {
        self.at(Day::of(2016, 6, 6), Step::Access, 0, 0);
        self.at(Day::of(2016, 6, 8), Step::Baselines, 0, 0);
        for county in 0..self.county_bureaus.len() as u32 {
            self.at(Day::of(2016, 6, 10), Step::Areas, 0, county);
            self.at(Day::of(2016, 6, 15 + county % 5), Step::Households, 0, county);
            self.at(Day::of(2016, 6, 22 + county % 5), Step::Accounts, 0, county);
        }
        let a_year = self.plan.profile().tranches_a_year();
        for year in 0..YEARS {
            for (i, &month) in tranche_months(year == 0, a_year).iter().enumerate() {
                let first = Day::of(FIRST_YEAR + year, month, 1);
                self.plan_tranche(first, year * a_year + i as u32);
            }
            self.plan_year_end(FIRST_YEAR + year);
        }
        for round in 0..ROUNDS {
            self.plan_round(round);
        }
        for month in 0..30 {
            let (year, of_year) = (2016 + (month + 6) / 12, (month + 6) % 12 + 1);
            for city in 0..self.city_bureaus.len() as u32 {
                // Before the payments of the month, so that nobody is paid after a death.
                let day = Day::of(year, of_year, 2 + (city + month) % 3);
                self.at(day, Step::Life, month, city);
            }
        }
    }

    pub(super) fn at(&mut self, day: Day, step: Step, a: u32, b: u32) {
        self.calendar.insert(Key { day, step, a, b });
    }

    /// The way of a tranche: planned, issued, released, sent, arrived, all within its month.
    fn plan_tranche(&mut self, first: Day, tranche: u32) {
        self.at(first.plus(1), Step::OpenTranches, tranche, 0);
        self.plan_way(first, tranche);
    }

    /// The way of a tranche's quotas from the month that begins on `first`.
    pub(super) fn plan_way(&mut self, first: Day, tranche: u32) {
        for issuer in 0..self.issuers.len() as u32 {
            let late = self.jitter(tranche, issuer, 4);
            self.at(first.plus(4 + late), Step::Issue, tranche, issuer);
            self.at(first.plus(13 + late / 2), Step::SendFromSource, tranche, issuer);
        }
        for city in 0..self.city_bureaus.len() as u32 {
            let late = self.jitter(tranche, 1000 + city, 2);
            self.at(first.plus(9 + late), Step::ReleaseToCounties, tranche, city);
            self.at(first.plus(15 + late), Step::ReceiveInCity, tranche, city);
            self.at(first.plus(17), Step::SendToCounties, tranche, city);
            self.at(first.plus(20), Step::ReturnToCity, tranche, city);
            self.at(first.plus(21), Step::SendAgain, tranche, city);
        }
        for county in 0..self.county_bureaus.len() as u32 {
            let late = self.jitter(tranche, 2000 + county, 2);
            self.at(first.plus(11 + late), Step::ReleaseToUnits, tranche, county);
            self.at(first.plus(18 + late), Step::ReceiveInCounty, tranche, county);
            self.at(first.plus(22), Step::ReceiveAgain, tranche, county);
            self.at(first.plus(23), Step::SendToUnits, tranche, county);
        }
        for payer in 0..self.unit_payers {
            let late = self.jitter(tranche, 3000 + payer, 3);
            self.at(first.plus(24 + late), Step::ReceiveInUnits, tranche, payer);
        }
    }

    fn plan_round(&mut self, round: u32) {
        let year = round / 4;
        let month = ROUND_MONTHS[year as usize][(round % 4) as usize];
        for payer in 0..self.payers.len() as u32 {
            let index = u64::from(payer) * 16 + u64::from(round);
            let mut draw = self.plan.root.stream(Entity::PayDay, index);
            // The county goes before its towns.
            let county = self.unit_payers <= payer;
            let day = if county { draw.between(5, 7) } else { draw.between(8, 22) } as u32;
            self.at(Day::of(FIRST_YEAR + year, month, day), Step::Pay, round, payer);
        }
    }

    fn plan_year_end(&mut self, year: u32) {
        let december = |day| Day::of(year, 12, day);
        for payer in 0..self.unit_payers {
            self.at(december(23), Step::ReturnFromUnits, year, payer);
        }
        for county in 0..self.county_bureaus.len() as u32 {
            self.at(december(24), Step::ReceiveFromUnits, year, county);
            self.at(december(25), Step::ReturnFromCounty, year, county);
            self.at(december(24 + county % 5), Step::Exits, year, county);
        }
        for city in 0..self.city_bureaus.len() as u32 {
            self.at(december(26), Step::ReceiveFromCounties, year, city);
            self.at(december(27), Step::ReturnFromCity, year, city);
        }
        for issuer in 0..self.issuers.len() as u32 {
            self.at(december(28), Step::ReceiveAtSource, year, issuer);
        }
    }

    fn jitter(&self, tranche: u32, who: u32, below: u64) -> u32 {
        let index = u64::from(tranche) << 32 | u64::from(who);
        self.plan.root.stream(Entity::Transfer, index).below(below) as u32
    }
}
