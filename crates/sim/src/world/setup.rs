//! The beginning: organisations and roles, head counts, areas, the first register and its accounts.

use super::desk::{Desk, Org};
use super::irregular::Irregular;
use super::{Holder, Household, Issuer, Part, Payer, State, World};
use crate::codes::Unit;
use crate::date::Day;
use crate::plan::{Plan, Town};
use crate::rng::Entity;
use crate::voucher::{SimLine, Value};
use std::collections::{BTreeMap, BTreeSet};

const NAME_FIRST: &str =
    "松竹柏梅兰荷桂枫柳桐青白金银玉石丹碧清秀东西南北上下新古长平大小双三百万福安和永";
const NAME_SECOND: &str =
    "溪坑塘岗坪岭湖洲坝埔围陂田寨窝峰泉江湾渡桥井楼坊庄园林屋角头口尾前背洋塱排墩垌沙";
/// Steps through all pairs before one comes back, as it shares no factor with their number.
const NAME_STRIDE: u64 = 1039;

impl World {
    pub(super) fn new(plan: Plan) -> World {
        let (cities, counties) = (plan.cities().len(), plan.counties().len());
        let empty = World {
            desk: Desk::new(),
            calendar: BTreeSet::new(),
            issuers: Vec::new(),
            city_bureaus: Vec::new(),
            county_bureaus: Vec::new(),
            county_offices: Vec::new(),
            town_orgs: Vec::with_capacity(plan.towns().len()),
            payers: Vec::new(),
            unit_payers: 0,
            payer_of: Vec::new(),
            holders: Vec::new(),
            holder_of_city: Vec::new(),
            holder_of_county: Vec::new(),
            holder_of_village: vec![0; plan.villages().len()],
            households: Vec::with_capacity(plan.households() as usize),
            residents: Vec::with_capacity(plan.villages().len()),
            next_serial: Vec::with_capacity(plan.villages().len()),
            accounts: u64::from(plan.households()),
            people: u64::from(plan.people()),
            quotas: Vec::new(),
            quota_serials: BTreeMap::new(),
            planned: vec![0; cities],
            to_city: vec![Vec::new(); cities],
            to_county: vec![Vec::new(); counties],
            to_payer: Vec::new(),
            bounced: vec![Vec::new(); cities],
            returned: vec![Vec::new(); cities],
            up_to_county: vec![Vec::new(); counties],
            up_to_city: vec![Vec::new(); cities],
            up_to_source: Vec::new(),
            swept: vec![Vec::new(); cities],
            kept: vec![Vec::new(); counties],
            pending: BTreeMap::new(),
            to_rebind: vec![Vec::new(); counties],
            to_dissolve: vec![Vec::new(); counties],
            reversals: BTreeMap::new(),
            irregular: Irregular::default(),
            exits: vec![0; cities],
            plan,
        };
        empty.settled()
    }

    fn settled(mut self) -> World {
        self.open_bureaus();
        self.open_payers();
        self.settle_households();
        self.to_payer = vec![Vec::new(); self.payers.len()];
        self.up_to_source = vec![Vec::new(); self.issuers.len()];
        self.plan_calendar();
        if !self.plan.honest() {
            self.plan_cases();
            self.watch_lines();
        }
        self
    }

    fn add_holder(&mut self, unit: Unit) -> u32 {
        self.holders.push(Holder { unit, slots: Vec::new() });
        self.holders.len() as u32 - 1
    }

    /// The treasuries, each with what it bears: the province, the helpers, the home cities.
    fn open_bureaus(&mut self) {
        let plan = self.plan.clone();
        let cities = plan.cities().len() as u32;
        let all = (0..cities).map(|city| (city, 0)).collect();
        self.issuers.push(Issuer { org: Org::FB44, treasury: Unit::PROVINCE, shares: all });
        for (i, city) in plan.cities().iter().enumerate() {
            let i = i as u32;
            if let Some(known) = self.issuers.iter_mut().find(|s| s.treasury == city.helper) {
                known.shares.push((i, 1));
            } else if city.helper != city.unit {
                let org = self.desk.open("FB", city.helper, None);
                let shares = vec![(i, 1)];
                self.issuers.push(Issuer { org, treasury: city.helper, shares });
            }
        }
        for (i, city) in plan.cities().iter().enumerate() {
            let org = self.desk.open("FB", city.unit, None);
            let i = i as u32;
            let shares = if city.helper == city.unit { vec![(i, 1), (i, 2)] } else { vec![(i, 2)] };
            self.issuers.push(Issuer { org, treasury: city.unit, shares });
            self.city_bureaus.push(org);
            let holder = self.add_holder(city.unit);
            self.holder_of_city.push(holder);
        }
        for county in plan.counties() {
            let bureau = self.desk.open("FB", county.unit, None);
            self.county_bureaus.push(bureau);
            let office = self.desk.open("PO", county.unit, None);
            self.county_offices.push(office);
            let holder = self.add_holder(county.unit);
            self.holder_of_county.push(holder);
        }
        self.payer_of = vec![u32::MAX; self.holders.len()];
    }

    fn open_payers(&mut self) {
        let plan = self.plan.clone();
        for town in plan.towns() {
            self.open_town(&plan, town);
        }
        self.unit_payers = self.payers.len() as u32;
        for (i, county) in plan.counties().iter().enumerate() {
            let org = self.county_bureaus[i];
            let holders = vec![self.holder_of_county[i]];
            self.add_payer(org, i as u32, county.villages.clone(), holders);
        }
    }

    /// The town pays for itself and, where villages have no committees, for its poor villages.
    fn open_town(&mut self, plan: &Plan, town: &Town) {
        let committees = plan.profile().village_committees();
        let org = self.desk.open("TG", town.unit, None);
        self.town_orgs.push(org);
        let mut holders = vec![self.add_payee_unit(town.unit)];
        let mut own = town.villages.clone();
        for village in town.villages.clone() {
            self.holder_of_village[village as usize] = holders[0];
            let place = &plan.villages()[village as usize];
            if !place.poor {
                continue;
            }
            let holder = self.add_payee_unit(place.unit);
            self.holder_of_village[village as usize] = holder;
            if committees {
                let committee = self.desk.open("VC", place.unit, Some(org));
                self.add_payer(committee, town.county, village..village + 1, vec![holder]);
                own.start = village + 1;
            } else {
                holders.push(holder);
            }
        }
        self.add_payer(org, town.county, own, holders);
    }

    fn add_payee_unit(&mut self, unit: Unit) -> u32 {
        self.payer_of.push(u32::MAX);
        self.add_holder(unit)
    }

    fn add_payer(
        &mut self,
        org: Org,
        county: u32,
        villages: std::ops::Range<u32>,
        holders: Vec<u32>,
    ) {
        for &holder in &holders {
            self.payer_of[holder as usize] = self.payers.len() as u32;
        }
        self.payers.push(Payer { org, county, villages, holders });
    }

    fn settle_households(&mut self) {
        for (number, village) in self.plan.villages().iter().enumerate() {
            for h in village.households.clone() {
                let facts = self.plan.household_facts(h);
                let size = self.plan.size(h);
                self.households.push(Household {
                    code: crate::HouseholdCode::new(village.unit, h - village.households.start + 1),
                    account: self.plan.tokens.account(u64::from(h)),
                    drawn: 0,
                    village: number as u32,
                    first_person: self.plan.first_person(h),
                    active: (1 << (size + 1)) - 2,
                    target_year: facts.target_year,
                    early: facts.early,
                    class: facts.class,
                    state: State::Registered,
                    size,
                    births: 0,
                    holder: 1,
                    heads: size,
                    came_back: None,
                    last_round: u32::MAX,
                    blocked: false,
                    part: Part::None,
                    split_off: false,
                });
            }
            self.residents.push(village.households.clone().collect());
            self.next_serial.push(village.households.len() as u32 + 1);
        }
    }

    /// All organisations with a preparer and an approver each; a committee's approver is the town's.
    pub(super) fn register_organisations(&mut self, day: Day) {
        let mut lines = Vec::new();
        for i in 1..self.issuers.len() {
            let Issuer { org, treasury, .. } = self.issuers[i];
            if !self.city_bureaus.contains(&org) {
                self.add_organisation(&mut lines, org, "FB", ["preparer", "approver"]);
                self.add_role(&mut lines, org, self.desk.preparer(org), "helper_finance", treasury);
            }
        }
        for org in [&self.city_bureaus, &self.county_bureaus].into_iter().flatten() {
            self.add_organisation(&mut lines, *org, "FB", ["preparer", "approver"]);
        }
        for city in self.plan.cities().iter().enumerate().filter(|(_, c)| c.helper == c.unit) {
            let org = self.city_bureaus[city.0];
            self.add_role(&mut lines, org, self.desk.preparer(org), "helper_finance", city.1.unit);
        }
        for &org in &self.county_offices {
            self.add_organisation(&mut lines, org, "PO", ["registrar", "registrar_approver"]);
        }
        let town = |payer: &&Payer| self.desk.unit(payer.org).digits() < 1_000_000_000;
        let units = &self.payers[..self.unit_payers as usize];
        for payer in units.iter().filter(town) {
            self.add_organisation(&mut lines, payer.org, "TG", ["preparer", "approver"]);
        }
        for payer in units.iter().filter(|p| !town(p)) {
            self.add_organisation(&mut lines, payer.org, "VC", ["preparer", ""]);
        }
        for org in self.helping_units() {
            self.add_organisation(&mut lines, org, "HU", ["preparer", "approver"]);
        }
        self.desk.post(Org::PO44, day, lines);
    }

    fn add_organisation(
        &self,
        lines: &mut Vec<SimLine>,
        org: Org,
        kind: &'static str,
        roles: [&'static str; 2],
    ) {
        let unit = self.desk.unit(org);
        lines.push(SimLine::new(
            "OrganisationRegistered",
            vec![
                ("organisation", self.desk.name(org)),
                ("org_kind", Value::Word(kind)),
                ("unit", Value::Unit(unit)),
            ],
        ));
        let [prepares, approves] = roles;
        self.add_role(lines, org, self.desk.preparer(org), prepares, unit);
        if !approves.is_empty() {
            self.add_role(lines, org, self.desk.approver(org), approves, unit);
        }
    }

    fn add_role(
        &self,
        lines: &mut Vec<SimLine>,
        org: Org,
        official: Value,
        role: &'static str,
        scope: Unit,
    ) {
        lines.push(SimLine::new(
            "RoleGranted",
            vec![
                ("official", official),
                ("organisation", self.desk.name(org)),
                ("role", Value::Word(role)),
                ("scope", Value::List(vec![Value::Unit(scope)])),
            ],
        ));
    }

    pub(super) fn set_baselines(&mut self, day: Day) {
        let plan = &self.plan;
        let line = |city: &crate::City| {
            let counties = city.counties.clone().map(|c| {
                let county = &plan.counties()[c as usize];
                let heads = Value::Number(u64::from(county.people));
                Value::Object(vec![("unit", Value::Unit(county.unit)), ("heads", heads)])
            });
            SimLine::new(
                "BaselineSet",
                vec![
                    ("version", Value::Number(1)),
                    ("home_city", Value::Unit(city.unit)),
                    ("heads", Value::Number(u64::from(city.people))),
                    ("as_of", Value::Date(day)),
                    ("counties", Value::List(counties.collect())),
                ],
            )
        };
        let lines = plan.cities().iter().map(line).collect();
        self.desk.post(Org::PO44, day, lines);
    }

    pub(super) fn register_areas(&mut self, county: u32, day: Day) {
        let lines = area_lines(&self.plan, county);
        self.desk.post(self.county_offices[county as usize], day, lines);
    }

    pub(super) fn register_households(&mut self, county: u32, day: Day) {
        let lines = registration_lines(&self.plan, county);
        self.desk.post(self.county_offices[county as usize], day, lines);
    }

    pub(super) fn bind_accounts(&mut self, county: u32, day: Day) {
        let lines = account_lines(&self.plan, county);
        self.desk.post(self.county_offices[county as usize], day, lines);
    }
}

/// The lines that register the towns and villages of a county.
pub(crate) fn area_lines(plan: &Plan, county: u32) -> Vec<SimLine> {
    let place = &plan.counties()[county as usize];
    let start = plan.root.stream(Entity::Name, u64::from(county)).below(1600);
    let mut lines = Vec::new();
    for town in place.towns.clone() {
        let town = &plan.towns()[town as usize];
        lines.push(area_line(town.unit, invented(start, lines.len(), '镇'), place.unit, false));
        for village in town.villages.clone() {
            let village = &plan.villages()[village as usize];
            let name = invented(start, lines.len(), '村');
            lines.push(area_line(village.unit, name, town.unit, village.poor));
        }
    }
    lines
}

fn area_line(unit: Unit, name: String, parent: Unit, poor: bool) -> SimLine {
    let mut fields = vec![
        ("code", Value::Area(unit)),
        ("name_zh", Value::Text(name)),
        ("parent", Value::Area(parent)),
    ];
    if poor {
        fields.push(("poor", Value::Flag(true)));
    }
    SimLine::new("AreaRegistered", fields)
}

/// A name that no other place of the county has.
fn invented(start: u64, number: usize, suffix: char) -> String {
    let pair = ((start + number as u64 * NAME_STRIDE) % 1600) as usize;
    let first = NAME_FIRST.chars().nth(pair / 40);
    let second = NAME_SECOND.chars().nth(pair % 40);
    first.into_iter().chain(second).chain([suffix]).collect()
}

/// The lines that register the households of a county.
pub(crate) fn registration_lines(plan: &Plan, county: u32) -> Vec<SimLine> {
    let villages = plan.counties()[county as usize].villages.clone();
    let of = |v: u32| plan.villages()[v as usize].households.clone().map(move |h| (h, v));
    villages.flat_map(of).map(|(h, v)| plan.registration(h, v)).collect()
}

/// The lines that bind the first accounts of the households of a county.
pub(crate) fn account_lines(plan: &Plan, county: u32) -> Vec<SimLine> {
    let villages = plan.counties()[county as usize].villages.clone();
    let of = |v: u32| plan.villages()[v as usize].households.clone().map(move |h| (h, v));
    villages.flat_map(of).map(|(h, v)| plan.first_account(h, v)).collect()
}
