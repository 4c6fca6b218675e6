//! The register after its first day: births, deaths, moves, splits, accounts, exits and returns.
//!
//! Rates are yearly and of the first register; a month's number is the growth of the rounded sum, so
//! that after any time the count is exact.

use super::calendar::is_round;
use super::{Household, Part, State, World};
use crate::date::Day;
use crate::people::{MemberFacts, account_bound};
use crate::rng::{Entity, Stream};
use crate::voucher::{SimLine, Value};
use std::collections::BTreeMap;

/// A year, of 1,000 people.
const BIRTHS: u64 = 10;
const DEATHS: u64 = 8;
/// A year, of 1,000 households.
const MOVES: u64 = 5;
const SPLITS: u64 = 2;
/// Of 1,000 exits.
const RETURNS: u64 = 3;
/// Tries to find somebody to whom a thing can happen.
const TRIES: u32 = 200;

/// Lines of one month by county: a voucher each.
type ByCounty = BTreeMap<u32, Vec<SimLine>>;

impl World {
    /// One month of one city. `month` counts from July 2016.
    pub(super) fn live_a_month(&mut self, month: u32, city: u32, day: Day) {
        let mut lines = ByCounty::new();
        let now = day.month();
        let counties = self.plan.cities()[city as usize].counties.clone();
        for county in counties {
            self.dissolve(county, &mut lines);
            // An account that is bound shortly before a payment looks like fraud.
            if !is_round(now) {
                self.rebind(county, &mut lines);
            }
        }
        let index = u64::from(city) << 32 | u64::from(month);
        let mut draw = self.plan.root.stream(Entity::Life, index);
        let home = &self.plan.cities()[city as usize];
        let people = u64::from(home.people);
        let households = home.households.len() as u64;
        for _ in 0..due(BIRTHS * people, month) {
            self.birth(city, day, &mut draw, &mut lines);
        }
        for _ in 0..due(DEATHS * people, month) {
            self.death(city, day, &mut draw, &mut lines);
        }
        for _ in 0..due(MOVES * households, month) {
            self.move_house(city, &mut draw, &mut lines);
        }
        for _ in 0..due(SPLITS * households, month) {
            self.split_household(city, &mut draw, &mut lines);
        }
        // Half a year lies between the middle of 2016 and its end, hence October there.
        if now.month == if now.year == 2016 { 10 } else { 7 } {
            self.exit_early(city, now.year, &mut lines);
        }
        if now.month == 3 {
            self.return_to_poverty(city, now.year, &mut draw, &mut lines);
        }
        for (county, lines) in lines {
            self.desk.post(self.county_offices[county as usize], day, lines);
        }
    }

    /// A household of the city's first register that `fits`, or none after many tries.
    fn find(&self, city: u32, draw: &mut Stream, fits: impl Fn(&Household) -> bool) -> Option<u32> {
        let all = &self.plan.cities()[city as usize].households;
        let mut tries = (0..TRIES).map(|_| all.start + draw.below(all.len() as u64) as u32);
        let free = |h: &Household| h.lives() && h.part == Part::None;
        tries.find(|&h| free(self.household(h)) && fits(self.household(h)))
    }

    fn county_lines<'a>(&self, household: u32, lines: &'a mut ByCounty) -> &'a mut Vec<SimLine> {
        lines.entry(self.county_of_village(self.household(household).village)).or_default()
    }

    fn birth(&mut self, city: u32, day: Day, draw: &mut Stream, lines: &mut ByCounty) {
        let fits = |h: &Household| h.state == State::Registered && h.births < 9;
        let Some(number) = self.find(city, draw, fits) else { return };
        let (person, household) = (self.people, &mut self.households[number as usize]);
        self.people += 1;
        household.births += 1;
        let no = household.size + household.births;
        household.active |= 1 << no;
        let child = MemberFacts {
            birth_year: day.month().year,
            female: draw.chance(49, 100),
            ability: "minor",
            student: false,
            insured: true,
        };
        let (code, class) = (household.code, household.class);
        let fields = vec![
            ("household", Value::Household(code)),
            ("member", self.plan.member_value(no, person, &child, class)),
            ("reason", Value::Word("birth")),
        ];
        self.county_lines(number, lines).push(SimLine::new("MemberAdded", fields));
    }

    fn death(&mut self, city: u32, day: Day, draw: &mut Stream, lines: &mut ByCounty) {
        let Some(number) = self.find(city, draw, |_| true) else { return };
        let household = self.household_mut(number);
        let active: Vec<u8> = (1..=30).filter(|no| household.active >> no & 1 == 1).collect();
        let no = draw.pick(&active);
        household.active &= !(1 << no);
        let (holder, nobody) = (household.holder == no, household.active == 0);
        // Reported at once: a payment between death and report would look like fraud.
        let died = Day::from_days(day.days() - draw.below(2) as u32);
        let fields = vec![
            ("household", Value::Household(household.code)),
            ("no", Value::Number(u64::from(no))),
            ("died", Value::Date(died)),
        ];
        self.county_lines(number, lines).push(SimLine::new("MemberDied", fields));
        if nobody {
            let county = self.county_of_village(self.household(number).village);
            self.to_dissolve[county as usize].push(number);
        } else if holder {
            self.block(number);
        }
    }

    /// To another village of the same county, so that the county's office may post it.
    fn move_house(&mut self, city: u32, draw: &mut Stream, lines: &mut ByCounty) {
        let Some(number) = self.find(city, draw, |h| !h.blocked) else { return };
        let from = self.household(number).village;
        let villages = &self.plan.counties()[self.county_of_village(from) as usize].villages;
        let others = villages.len() as u64 - 1;
        if others == 0 {
            return;
        }
        let step = draw.below(others) as u32 + 1;
        let to = villages.start + (from - villages.start + step) % villages.len() as u32;
        self.residents[from as usize].retain(|&h| h != number);
        self.residents[to as usize].push(number);
        self.household_mut(number).village = to;
        let fields = vec![
            ("household", Value::Household(self.household(number).code)),
            ("village", Value::Unit(self.village_unit(to))),
        ];
        self.county_lines(number, lines).push(SimLine::new("HouseholdMoved", fields));
    }

    /// One grown-up member founds a household of his or her own, with an account.
    fn split_household(&mut self, city: u32, draw: &mut Stream, lines: &mut ByCounty) {
        let roomy = |h: &Household| {
            h.state == State::Registered && 3 <= h.active.count_ones() && 2 <= h.heads && !h.blocked
        };
        let mut founder = None;
        for _ in 0..TRIES {
            let Some(number) = self.find(city, draw, roomy) else { return };
            if let Some(no) = self.founder(number) {
                founder = Some((number, no));
                break;
            }
        }
        let Some((number, no)) = founder else { return };
        let old = self.household(number).clone();
        let village = old.village;
        let serial = self.next_serial[village as usize];
        self.next_serial[village as usize] += 1;
        let code = crate::HouseholdCode::new(self.village_unit(village), serial);
        let person = old.first_person + u32::from(no) - 1;
        let account = self.plan.tokens.account(self.accounts);
        self.accounts += 1;
        let drawn = old.drawn / i64::from(old.heads);
        let source = self.household_mut(number);
        source.active &= !(1 << no);
        source.heads -= 1;
        source.drawn -= drawn;
        let leaver = Value::Object(vec![("no", Value::Number(u64::from(no)))]);
        let fields = vec![
            ("household", Value::Household(old.code)),
            ("new_household", Value::Household(code)),
            ("members", Value::List(vec![leaver])),
        ];
        let holder = self.plan.tokens.person(u64::from(person));
        let county = self.county_lines(number, lines);
        county.push(SimLine::new("HouseholdSplit", fields));
        county.push(account_bound(code, account, holder));
        self.residents[village as usize].push(self.households.len() as u32);
        self.households.push(Household {
            code,
            account,
            drawn,
            first_person: person,
            active: 0b10,
            size: 1,
            births: 0,
            holder: 1,
            heads: 1,
            split_off: true,
            ..old
        });
    }

    /// The last active member who is able to work and does not hold the account.
    fn founder(&self, number: u32) -> Option<u8> {
        let household = self.household(number);
        let able = |no: &u8| {
            household.active >> no & 1 == 1
                && *no != household.holder
                && matches!(
                    self.plan.member_facts(number, *no, household.class).ability,
                    "full" | "partial"
                )
        };
        (1..=household.size).rev().find(able)
    }

    fn dissolve(&mut self, county: u32, lines: &mut ByCounty) {
        for number in std::mem::take(&mut self.to_dissolve[county as usize]) {
            let household = self.household_mut(number);
            household.state = State::Dissolved;
            let fields = vec![
                ("household", Value::Household(household.code)),
                ("reason", Value::Word("died")),
            ];
            self.county_lines(number, lines).push(SimLine::new("HouseholdDissolved", fields));
        }
    }

    /// Replaces accounts that were closed or whose holder died.
    fn rebind(&mut self, county: u32, lines: &mut ByCounty) {
        for number in std::mem::take(&mut self.to_rebind[county as usize]) {
            let household = self.household(number).clone();
            let active = |no: &u8| household.active >> no & 1 == 1;
            let holder = (1..=household.size).find(active);
            let Some(holder) = holder.filter(|_| household.lives()) else { continue };
            let person = u64::from(household.first_person) + u64::from(holder) - 1;
            let account = self.plan.tokens.account(self.accounts);
            self.accounts += 1;
            let code = household.code;
            let released = vec![
                ("household", Value::Household(code)),
                ("account", Value::Token(household.account)),
            ];
            let bound = account_bound(code, account, self.plan.tokens.person(person));
            let county = self.county_lines(number, lines);
            county.push(SimLine::new("AccountReleased", released));
            county.push(bound);
            let household = self.household_mut(number);
            household.account = account;
            household.holder = holder;
            household.blocked = false;
        }
    }

    fn exit_early(&mut self, city: u32, year: u32, lines: &mut ByCounty) {
        for number in self.plan.cities()[city as usize].households.clone() {
            let household = self.household(number);
            if household.early && household.target_year == year + 1 && exits(household) {
                let line = self.exit(number, year, city);
                self.county_lines(number, lines).push(line);
            }
        }
    }

    pub(super) fn exit_at_year_end(&mut self, county: u32, day: Day) {
        let year = day.month().year;
        let place = &self.plan.counties()[county as usize];
        let (city, villages) = (place.city, place.villages.clone());
        let mut lines = Vec::new();
        for village in villages {
            for number in self.residents[village as usize].clone() {
                let household = self.household(number);
                if household.target_year == year && exits(household) {
                    lines.push(self.exit(number, year, city));
                }
            }
        }
        self.desk.post(self.county_offices[county as usize], day, lines);
    }

    fn exit(&mut self, number: u32, year: u32, city: u32) -> SimLine {
        self.exits[city as usize] += 1;
        let household = self.household_mut(number);
        household.state = State::Exited;
        let fields = vec![
            ("household", Value::Household(household.code)),
            ("year", Value::Number(u64::from(year))),
        ];
        SimLine::new("HouseholdExited", fields)
    }

    /// Some of those who left poverty since last spring fall back, until the end of 2018. One does at
    /// least, so that every profile has a case.
    fn return_to_poverty(&mut self, city: u32, year: u32, draw: &mut Stream, lines: &mut ByCounty) {
        let exits = std::mem::take(&mut self.exits[city as usize]);
        let least = u64::from(year == 2018);
        for _ in 0..((exits * RETURNS + 500) / 1000).max(least) {
            let found = self.find(city, draw, |h| h.state == State::Exited);
            let Some(number) = found else { return };
            let household = self.household_mut(number);
            household.state = State::Registered;
            household.target_year = 2018;
            let fields = vec![
                ("household", Value::Household(household.code)),
                ("reason", Value::Word("家庭成员患大病，支出超出负担能力")),
            ];
            self.county_lines(number, lines).push(SimLine::new("HouseholdReturned", fields));
        }
    }
}

fn exits(household: &Household) -> bool {
    household.lives() && household.state == State::Registered
}

/// How many of `a_year` thousandths fall into a month.
fn due(a_year: u64, month: u32) -> u64 {
    let until = |months: u32| (a_year * u64::from(months) + 6_000) / 12_000;
    until(month + 1) - until(month)
}

#[cfg(test)]
mod tests {
    #[test]
    fn months_add_up_to_the_rate() {
        for a_year in [0, 7, 600, 3_000, 17_650_000] {
            let found: u64 = (0..30).map(|month| super::due(a_year, month)).sum();
            assert_eq!(found, (a_year * 30 + 6_000) / 12_000);
        }
    }
}
