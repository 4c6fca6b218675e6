//! Who and what the cases are about: drawn once, before the first voucher.
//!
//! Always: a pure function of profile and seed; no household stands in two cases.

use super::{About, Case, Late, Shift, TABLE, wanted};
use crate::date::Day;
use crate::plan::Plan;
use crate::rng::Entity;
use crate::world::{Part, World};
use std::collections::BTreeSet;

/// Households of cases: somebody may die, leave or move and somebody stays.
const SIZES: std::ops::RangeInclusive<u8> = 2..=5;
/// Villages with fewer households are no outliers. Source: F15, parameter `min_households`.
const OUTLIER_HOUSEHOLDS: usize = 10;
/// A county with fewer villages has no outlier. Source: F15, parameter `min_villages`.
const OUTLIER_VILLAGES: usize = 5;
/// Points of a year's money that a county has too many: above F22's 5 of 100, and below.
const POINTS: [u64; 2] = [7, 2];

/// Households in drawn order, those of cases marked.
struct Pool {
    order: Vec<u32>,
    next: usize,
    used: Vec<bool>,
}

impl Pool {
    fn new(plan: &Plan) -> Pool {
        let fits = |h: &u32| SIZES.contains(&plan.size(*h));
        let mut order: Vec<u32> = (0..plan.households()).filter(fits).collect();
        let key = |h: &u32| plan.root.stream(Entity::Subjects, u64::from(*h)).next();
        order.sort_by_cached_key(key);
        Pool { order, next: 0, used: vec![false; plan.households() as usize] }
    }

    fn take(&mut self, fits: impl Fn(u32) -> bool) -> Option<u32> {
        while self.order.get(self.next).is_some_and(|&h| self.used[h as usize]) {
            self.next += 1;
        }
        let rest = self.order[self.next..].iter();
        let found = rest.copied().find(|&h| !self.used[h as usize] && fits(h))?;
        self.used[found as usize] = true;
        Some(found)
    }
}

impl World {
    /// All cases of the table; what withholds or shifts money is noted beside.
    pub(super) fn draw_subjects(&mut self) -> Vec<Case> {
        let mut pool = Pool::new(&self.plan);
        let mut cases = Vec::new();
        for row in &TABLE {
            match row.about {
                About::Household | About::Couple => {
                    self.draw_households(row.flag, row.about, &mut pool, &mut cases);
                }
                About::OtherVillage | About::Village => {
                    self.draw_villages(row.flag, row.about, &mut cases);
                }
                About::County => {
                    let n = self.plan.counties().len() as u32;
                    pairs(row.flag, n, self.wanted(), &mut cases);
                }
                About::Obligation => self.draw_obligations(row.flag, &mut cases),
                About::Share => self.draw_shares(row.flag, &mut cases),
            }
        }
        for (h, used) in pool.used.iter().enumerate() {
            if *used {
                let household = &mut self.households[h];
                household.part = Part::Reserved;
                (household.target_year, household.early) = (2018, false);
            }
        }
        cases
    }

    fn wanted(&self) -> usize {
        wanted(self.plan.profile())
    }

    fn draw_households(&self, flag: u8, about: About, pool: &mut Pool, cases: &mut Vec<Case>) {
        let county = |h: u32| self.county_of_village(self.household(h).village);
        let town = |h: u32| self.plan.villages()[self.household(h).village as usize].town;
        let mut towns = BTreeSet::new();
        for decoy in [false, true] {
            for index in 0..self.wanted() {
                let mut case = Case::new(flag, decoy, index);
                // A town that reverses twice in a quarter would stand out for that.
                let reverses = flag == 11 && decoy;
                let free = |h| !reverses || !towns.contains(&town(h));
                let Some(first) = pool.take(free) else { return };
                if reverses {
                    towns.insert(town(first));
                }
                case.households.push(first);
                if about == About::Couple {
                    let Some(other) = pool.take(|h| county(h) == county(first)) else { return };
                    case.households.push(other);
                }
                cases.push(case);
            }
        }
    }

    /// Villages in drawn order, at most two of five of a county for one flag.
    fn draw_villages(&self, flag: u8, about: About, cases: &mut Vec<Case>) {
        let plan = &self.plan;
        let fits = |v: &u32| {
            let village = &plan.villages()[*v as usize];
            let county = &plan.counties()[self.county_of_village(*v) as usize];
            if about == About::OtherVillage {
                !village.poor && 2 <= village.households.len()
            } else {
                OUTLIER_HOUSEHOLDS <= village.households.len()
                    && OUTLIER_VILLAGES <= county.villages.len()
            }
        };
        let mut order: Vec<u32> = (0..plan.villages().len() as u32).filter(fits).collect();
        let index = |v: u32| u64::from(flag) << 40 | u64::from(v) << 1 | 1 << 60;
        order.sort_by_cached_key(|&v| plan.root.stream(Entity::Subjects, index(v)).next());
        for (side, decoy) in [false, true].into_iter().enumerate() {
            let mut taken = vec![0; plan.counties().len()];
            let mut index = 0;
            for &village in order.iter().skip(side).step_by(2) {
                let county = self.county_of_village(village) as usize;
                let villages = &plan.counties()[county].villages;
                let most =
                    if about == About::Village { villages.len() * 2 / 5 } else { usize::MAX };
                if index < self.wanted() && taken[county] < most {
                    let place = village;
                    cases.push(Case { place, ..Case::new(flag, decoy, index) });
                    taken[county] += 1;
                    index += 1;
                }
            }
        }
    }

    /// Cases withhold the first tranche of a year until its second half, decoys until spring.
    fn draw_obligations(&mut self, flag: u8, cases: &mut Vec<Case>) {
        const HELPER: usize = 1;
        const HOME: usize = 2;
        let cities = self.plan.cities().len() as u32;
        let a_year = self.plan.profile().tranches_a_year();
        let mut open = Vec::new();
        for (source, year) in [(HOME, 1), (HOME, 2), (HELPER, 1), (HELPER, 2)] {
            open.extend((0..cities).map(|city| (source, year, city)));
        }
        let n = self.wanted().min(open.len() / 2);
        for (i, &(source, year, city)) in open.iter().take(n * 2).enumerate() {
            let (decoy, index) = (n <= i, i % n);
            let month = if decoy { 4 } else { 7 };
            let first = Day::of(super::super::calendar::FIRST_YEAR + year, month, 1);
            let case = cases.len() as u32;
            self.irregular.late.push(Late { city, source, tranche: year * a_year, first, case });
            cases.push(Case { place: i as u32, ..Case::new(flag, decoy, index) });
        }
    }

    /// Half of the cities, one at least, give a county points of another in 2017; decoys few points in
    /// 2018. Both counties are off, so a case is two.
    fn draw_shares(&mut self, flag: u8, cases: &mut Vec<Case>) {
        let n = self.wanted().min(self.plan.cities().len().div_ceil(2));
        for (side, decoy) in [false, true].into_iter().enumerate() {
            for city in 0..n as u32 {
                let counties = self.plan.cities()[city as usize].counties.clone();
                let people = |c: &u32| self.plan.counties()[*c as usize].people;
                let from = counties.clone().max_by_key(people).unwrap_or_default();
                let to = counties.clone().rev().find(|&c| c != from);
                let Some(to) = to else { continue };
                let number = cases.len() as u32;
                for (i, place) in [from, to].into_iter().enumerate() {
                    let index = city as usize * 2 + i;
                    cases.push(Case { place, ..Case::new(flag, decoy, index) });
                }
                let year = 2017 + side as u32;
                let cases = [number, number + 1];
                let shift = Shift { year, from, to, points: POINTS[side], cases };
                self.irregular.shifts.entry(city).or_default().push(shift);
            }
        }
    }
}

/// Cases on the first of `places`, decoys on the next.
fn pairs(flag: u8, places: u32, wanted: usize, cases: &mut Vec<Case>) {
    let n = wanted.min(places as usize / 2);
    for i in 0..n * 2 {
        cases.push(Case { place: i as u32, ..Case::new(flag, n <= i, i % n) });
    }
}
