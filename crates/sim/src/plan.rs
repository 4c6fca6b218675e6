//! Where everybody lives: cities, counties, invented towns and villages, households and their sizes.
//!
//! Always: households are numbered along the villages, villages along the towns, towns along the
//! counties, counties along the cities, so that each of them is a range of the next.

use crate::codes::{HouseholdCode, Tokens, Unit};
use crate::profile::{CitySpec, Profile, cities};
use crate::rng::{Entity, Root};
use crate::world::Vouchers;
use std::ops::Range;

/// Towns of a county that has households.
const TOWNS: u64 = 5;
const FIRST_TOWN: u64 = 901;
const FIRST_VILLAGE: u64 = 201;
/// Weights of 1 to 6 members, before the walk that makes the people of a city exact.
const SIZE_WEIGHTS: [u64; 6] = [22, 34, 22, 13, 6, 3];
const SIZE_MAX: u8 = 8;

/// A home city.
#[derive(Clone, Debug)]
pub struct City {
    /// Its code of four digits.
    pub unit: Unit,
    /// The city that bears the helper's share; the city itself when it organises its own help.
    pub helper: Unit,
    /// Its counties.
    pub counties: Range<u32>,
    /// Its households.
    pub households: Range<u32>,
    /// Its people in the first register.
    pub people: u32,
}

/// A county of a home city.
#[derive(Clone, Debug)]
pub struct County {
    /// Its code of six digits.
    pub unit: Unit,
    /// The number of its city.
    pub city: u32,
    /// Its towns.
    pub towns: Range<u32>,
    /// Its villages.
    pub villages: Range<u32>,
    /// Its people in the first register.
    pub people: u32,
}

/// An invented town.
#[derive(Clone, Debug)]
pub struct Town {
    /// Its code of nine digits.
    pub unit: Unit,
    /// The number of its county.
    pub county: u32,
    /// Its villages, the poor ones first.
    pub villages: Range<u32>,
}

/// An invented village.
#[derive(Clone, Debug)]
pub struct Village {
    /// Its code of twelve digits.
    pub unit: Unit,
    /// The number of its town.
    pub town: u32,
    /// Whether it is a relatively poor village, which holds money of its own.
    pub poor: bool,
    /// Its households in the first register.
    pub households: Range<u32>,
}

/// The plan of one profile and seed.
#[derive(Clone)]
pub struct Plan {
    pub(crate) profile: Profile,
    pub(crate) seed: u64,
    honest: bool,
    pub(crate) root: Root,
    pub(crate) tokens: Tokens,
    cities: Vec<City>,
    counties: Vec<County>,
    towns: Vec<Town>,
    villages: Vec<Village>,
    sizes: Vec<u8>,
    first_person: Vec<u32>,
}

impl Plan {
    pub(crate) fn new(profile: Profile, seed: u64) -> Plan {
        let mut plan = Plan {
            profile,
            seed,
            honest: false,
            root: Root::new(seed, profile),
            tokens: Tokens::new(seed),
            cities: Vec::new(),
            counties: Vec::new(),
            towns: Vec::new(),
            villages: Vec::new(),
            sizes: Vec::new(),
            first_person: Vec::new(),
        };
        for spec in cities(profile) {
            plan.add_city(&spec);
        }
        plan.count_people();
        plan
    }

    /// The same plan without any irregularity: what the world is when everybody is honest.
    #[must_use]
    pub fn without_irregularities(self) -> Plan {
        Plan { honest: true, ..self }
    }

    /// Whether nothing is injected.
    pub fn honest(&self) -> bool {
        self.honest
    }

    /// Returns all vouchers in posting order.
    pub fn vouchers(&self) -> Vouchers {
        Vouchers::new(self.clone())
    }

    /// The profile.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The home cities, by code.
    pub fn cities(&self) -> &[City] {
        &self.cities
    }

    /// The counties with households.
    pub fn counties(&self) -> &[County] {
        &self.counties
    }

    /// The towns, five a county.
    pub fn towns(&self) -> &[Town] {
        &self.towns
    }

    /// The villages.
    pub fn villages(&self) -> &[Village] {
        &self.villages
    }

    /// Households of the first register.
    pub fn households(&self) -> u32 {
        self.sizes.len() as u32
    }

    /// People of the first register.
    pub fn people(&self) -> u32 {
        self.cities.iter().map(|c| c.people).sum()
    }

    /// Members of a household of the first register.
    pub fn size(&self, household: u32) -> u8 {
        self.sizes[household as usize]
    }

    /// The number of a household's first member among all people.
    pub(crate) fn first_person(&self, household: u32) -> u32 {
        self.first_person[household as usize]
    }

    /// The village in which a household is first registered.
    pub fn village_of(&self, household: u32) -> u32 {
        self.villages.partition_point(|v| v.households.end <= household) as u32
    }

    /// The code of a household of the first register.
    pub fn household_code(&self, household: u32) -> HouseholdCode {
        let village = &self.villages[self.village_of(household) as usize];
        HouseholdCode::new(village.unit, household - village.households.start + 1)
    }

    fn add_city(&mut self, spec: &CitySpec) {
        let number = self.cities.len() as u32;
        let counties = self.counties.len() as u32;
        let villages = self.villages.len();
        let shares = spec.counties.len() as u32;
        for (i, &unit) in spec.counties.iter().enumerate() {
            let poor = even(spec.poor_villages, shares, i as u32);
            let all = even(spec.poor_villages + spec.other_villages, shares, i as u32);
            self.add_county(unit, number, poor, all);
        }
        let households = self.sizes.len() as u32;
        let shares = (self.villages.len() - villages) as u32;
        let mut next = households;
        for (i, village) in self.villages[villages..].iter_mut().enumerate() {
            let end = next + even(spec.households, shares, i as u32);
            village.households = next..end;
            next = end;
        }
        self.sizes.extend(self.draw_sizes(number, spec, households));
        self.cities.push(City {
            unit: spec.unit,
            helper: spec.helper,
            counties: counties..self.counties.len() as u32,
            households: households..next,
            people: spec.people,
        });
    }

    fn add_county(&mut self, unit: Unit, city: u32, poor: u32, all: u32) {
        let number = self.counties.len() as u32;
        let (towns, villages) = (self.towns.len() as u32, self.villages.len() as u32);
        for i in 0..TOWNS {
            let town = unit.child(FIRST_TOWN + i);
            let first = self.villages.len() as u32;
            let poor = even(poor, TOWNS as u32, i as u32);
            for k in 0..even(all, TOWNS as u32, i as u32) {
                self.villages.push(Village {
                    unit: town.child(FIRST_VILLAGE + u64::from(k)),
                    town: self.towns.len() as u32,
                    poor: k < poor,
                    households: 0..0,
                });
            }
            let villages = first..self.villages.len() as u32;
            self.towns.push(Town { unit: town, county: number, villages });
        }
        self.counties.push(County {
            unit,
            city,
            towns: towns..self.towns.len() as u32,
            villages: villages..self.villages.len() as u32,
            people: 0,
        });
    }

    /// Draws sizes, then walks the city's households from a seeded start, adding or taking one
    /// person each, until the people of the city are exact.
    fn draw_sizes(&self, city: u32, spec: &CitySpec, first: u32) -> Vec<u8> {
        let draw = |i| {
            let index = u64::from(first) + u64::from(i);
            1 + self.root.stream(Entity::Size, index).weighted(&SIZE_WEIGHTS) as u8
        };
        let mut sizes: Vec<u8> = (0..spec.households).map(draw).collect();
        let mut people: u32 = sizes.iter().map(|&s| u32::from(s)).sum();
        let start = self.root.stream(Entity::SizeStart, u64::from(city));
        let mut at = { start }.below(u64::from(spec.households)) as usize;
        while people != spec.people {
            if people < spec.people && sizes[at] < SIZE_MAX {
                sizes[at] += 1;
                people += 1;
            } else if spec.people < people && 1 < sizes[at] {
                sizes[at] -= 1;
                people -= 1;
            }
            at = (at + 1) % sizes.len();
        }
        sizes
    }

    fn count_people(&mut self) {
        let mut next = 0;
        self.first_person = self
            .sizes
            .iter()
            .map(|&s| {
                let first = next;
                next += u32::from(s);
                first
            })
            .collect();
        for county in &mut self.counties {
            let villages =
                &self.villages[county.villages.start as usize..county.villages.end as usize];
            let households = villages.iter().flat_map(|v| v.households.clone());
            county.people = households.map(|h| u32::from(self.sizes[h as usize])).sum();
        }
    }
}

/// The part of `total` that falls to number `index` of `shares` even parts, the first ones larger.
fn even(total: u32, shares: u32, index: u32) -> u32 {
    total / shares + u32::from(index < total % shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xs_has_five_villages_of_twelve_in_each_county() {
        let plan = Plan::new(Profile::Xs, 20_160_604);
        assert!(plan.villages().iter().all(|v| v.households.len() == 12));
        assert!(plan.counties().iter().all(|c| c.villages.len() == 5));
        assert_eq!(plan.villages().iter().filter(|v| v.poor).count(), 4);
        assert_eq!(plan.villages()[9].unit.to_string(), "441424905201");
        assert_eq!(plan.household_code(60).to_string(), "44142490120100013");
    }

    #[test]
    fn people_of_every_city_are_exact() {
        for (profile, seed) in [(Profile::Xs, 1), (Profile::S, 2), (Profile::M, 3)] {
            let plan = Plan::new(profile, seed);
            for city in plan.cities() {
                let people: u32 = city.households.clone().map(|h| u32::from(plan.size(h))).sum();
                assert_eq!(people, city.people);
            }
            assert!((0..plan.households()).all(|h| (1..=SIZE_MAX).contains(&plan.size(h))));
            let by_county: u32 = plan.counties().iter().map(|c| c.people).sum();
            assert_eq!(by_county, plan.people());
        }
    }
}
