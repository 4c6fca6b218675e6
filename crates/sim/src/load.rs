//! Workloads to measure a ledger with: a register in few big vouchers, ample money, then payments
//! without end.
//!
//! Always: valid on a ledger that holds the vouchers of `init` and nothing else; the same arguments
//! give the same vouchers. All of them carry one date, so they also fit an ordinary ledger on that
//! day, as long as it accepts tokens that its vault did not issue.
//! Nothing here says anything about Guangdong: head counts are declared as high as the rules allow, so
//! that the money lasts for 10^9 payments in each city, and a payment is at most 100 yuan.

use crate::codes::Unit;
use crate::date::Day;
use crate::plan::Plan;
use crate::profile::Profile;
use crate::rng::Entity;
use crate::voucher::{BankRef, SimLine, SimVoucher, Value};
use crate::world::desk::{Desk, Org, Reference};
use crate::world::setup::area_lines;
use std::sync::Arc;

/// Households of one voucher: about 2 MB as a message, below the limit of 4 MiB.
const HOUSEHOLDS_A_VOUCHER: u32 = 5_000;
/// Accounts, areas and roles of one voucher: the limit itself.
const LINES_A_VOUCHER: u32 = 20_000;
/// The highest head count that a baseline may declare.
const HEADS: u32 = 20_000_000;
/// What may be planned for them: 20,000 yuan each.
const POOL_FEN: i64 = HEADS as i64 * 2_000_000;
const PURPOSES: [&str; 5] = ["P02", "P03", "P01", "P06", "P07"];

/// A workload of one profile.
pub struct Load {
    plan: Plan,
    day: Day,
}

impl Load {
    /// A workload whose vouchers all take effect on `day`, which must be 2016-06-04 or later.
    pub fn new(profile: Profile, seed: u64, day: Day) -> Load {
        Load { plan: Plan::new(profile, seed), day }
    }

    /// Where the households live.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the vouchers to post first: organisations, areas, all households with an account each,
    /// and money from the province down to every county.
    pub fn setup(&self) -> Setup<'_> {
        Setup { load: self, cast: Cast::new(&self.plan), stage: 0 }
    }

    /// Returns an endless stream of payment vouchers of `lines` lines (1 to 20,000) each.
    ///
    /// A voucher is posted by one county's finance bureau and pays `lines` different households of
    /// that county; where it has fewer, they come again with another bank reference. Counties and
    /// households take turns. `client` of `clients` streams (from 0) shares no voucher and no bank
    /// reference with the others, so each connection can have its own.
    pub fn payments(&self, lines: u32, client: u32, clients: u32) -> Payments<'_> {
        Payments { load: self, lines, next: u64::from(client), step: u64::from(clients.max(1)) }
    }

    fn quota_id(&self, city: usize) -> String {
        format!("Q{}-44-{:04}", self.tranche_year() % 100, city + 1)
    }

    /// The year of the plan that is nearest to the day.
    fn tranche_year(&self) -> u32 {
        self.day.month().year.clamp(2016, 2018)
    }
}

/// The organisations that take part.
struct Cast {
    desk: Desk,
    cities: Vec<Org>,
    counties: Vec<Org>,
}

impl Cast {
    fn new(plan: &Plan) -> Cast {
        let mut desk = Desk::new();
        let cities = plan.cities().iter().map(|c| desk.open("FB", c.unit, None)).collect();
        let counties = plan.counties().iter().map(|c| desk.open("FB", c.unit, None)).collect();
        Cast { desk, cities, counties }
    }
}

/// The vouchers that prepare a load.
pub struct Setup<'a> {
    load: &'a Load,
    cast: Cast,
    stage: u32,
}

impl Iterator for Setup<'_> {
    type Item = SimVoucher;

    fn next(&mut self) -> Option<SimVoucher> {
        loop {
            if let Some(voucher) = self.cast.desk.take() {
                return Some(voucher);
            }
            self.run_stage()?;
            self.stage += 1;
        }
    }
}

impl Setup<'_> {
    /// None after the last stage.
    fn run_stage(&mut self) -> Option<()> {
        let households = self.load.plan.households();
        let registrations = households.div_ceil(HOUSEHOLDS_A_VOUCHER);
        let bindings = households.div_ceil(LINES_A_VOUCHER);
        match self.stage {
            0 => self.register_organisations(),
            1 => self.set_baselines(),
            2 => self.register_areas(),
            stage if stage - 3 < registrations => self.register_households(stage - 3),
            stage if stage - 3 - registrations < bindings => {
                self.bind_accounts(stage - 3 - registrations);
            }
            stage if stage == 3 + registrations + bindings => self.fund(),
            _ => return None,
        }
        Some(())
    }

    fn post(&mut self, org: Org, lines: Vec<SimLine>) {
        self.cast.desk.post_pieces(org, self.load.day, lines, LINES_A_VOUCHER as usize);
    }

    fn register_organisations(&mut self) {
        let desk = &self.cast.desk;
        let mut lines = Vec::new();
        for &org in self.cast.cities.iter().chain(&self.cast.counties) {
            let unit = Value::Unit(desk.unit(org));
            lines.push(SimLine::new(
                "OrganisationRegistered",
                vec![
                    ("organisation", desk.name(org)),
                    ("org_kind", Value::Word("FB")),
                    ("unit", unit.clone()),
                ],
            ));
            for (official, role) in
                [(desk.preparer(org), "preparer"), (desk.approver(org), "approver")]
            {
                lines.push(SimLine::new(
                    "RoleGranted",
                    vec![
                        ("official", official),
                        ("organisation", desk.name(org)),
                        ("role", Value::Word(role)),
                        ("scope", Value::List(vec![unit.clone()])),
                    ],
                ));
            }
        }
        self.post(Org::PO44, lines);
    }

    fn set_baselines(&mut self) {
        let line = |city: &crate::City| {
            SimLine::new(
                "BaselineSet",
                vec![
                    ("version", Value::Number(1)),
                    ("home_city", Value::Unit(city.unit)),
                    ("heads", Value::Number(u64::from(HEADS))),
                    ("as_of", Value::Date(self.load.day)),
                ],
            )
        };
        let lines = self.load.plan.cities().iter().map(line).collect();
        self.post(Org::PO44, lines);
    }

    fn register_areas(&mut self) {
        let plan = &self.load.plan;
        let lines = (0..plan.counties().len()).flat_map(|c| area_lines(plan, c as u32)).collect();
        self.post(Org::PO44, lines);
    }

    fn register_households(&mut self, piece: u32) {
        let plan = &self.load.plan;
        let end = plan.households().min((piece + 1) * HOUSEHOLDS_A_VOUCHER);
        let lines = (piece * HOUSEHOLDS_A_VOUCHER..end)
            .map(|h| plan.registration(h, plan.village_of(h)))
            .collect();
        self.post(Org::PO44, lines);
    }

    fn bind_accounts(&mut self, piece: u32) {
        let plan = &self.load.plan;
        let end = plan.households().min((piece + 1) * LINES_A_VOUCHER);
        let lines = (piece * LINES_A_VOUCHER..end)
            .map(|h| plan.first_account(h, plan.village_of(h)))
            .collect();
        self.post(Org::PO44, lines);
    }

    /// One tranche a city, of which the province's part goes to the city and evenly to its counties.
    fn fund(&mut self) {
        let cities = self.load.plan.cities().to_vec();
        let (fen, part) = (POOL_FEN, crate::codes::tranche_parts(0, POOL_FEN)[0]);
        let tranches = cities.iter().map(|city| self.tranche(city.unit, fen)).collect();
        self.post(Org::FB44, tranches);
        let quotas = cities.iter().enumerate().map(|(i, city)| self.issued(i, city.unit, part));
        let quotas = quotas.collect();
        self.post(Org::FB44, quotas);
        let all: Vec<_> = cities.iter().enumerate().map(|(i, city)| (i, city.unit)).collect();
        self.send(Org::FB44, None, &all, part);
        for (i, city) in cities.iter().enumerate() {
            let counties = city.counties.clone().map(|c| (i, self.county(c)));
            let counties: Vec<_> = counties.collect();
            let share = part / i64::from(city.counties.end - city.counties.start);
            let org = self.cast.cities[i];
            let releases = counties.iter().map(|&(i, to)| self.released(i, city.unit, to, share));
            let releases = releases.collect();
            self.post(org, releases);
            self.send(org, Some(city.unit), &counties, share);
        }
    }

    fn tranche_id(&self, home: Unit) -> Value {
        Value::Text(format!("T{}-{home}-1", self.load.tranche_year() % 100))
    }

    fn tranche(&self, home: Unit, fen: i64) -> SimLine {
        SimLine::new(
            "TrancheOpened",
            vec![
                ("tranche", self.tranche_id(home)),
                ("home_city", Value::Unit(home)),
                ("year", Value::Number(u64::from(self.load.tranche_year()))),
                ("amount", Value::Fen(fen)),
            ],
        )
    }

    fn issued(&self, city: usize, home: Unit, fen: i64) -> SimLine {
        SimLine::new(
            "QuotaIssued",
            vec![
                ("quota", Value::Text(self.load.quota_id(city))),
                ("source", Value::Word("P")),
                ("treasury", Value::Unit(Unit::PROVINCE)),
                ("home_city", Value::Unit(home)),
                ("tranche", self.tranche_id(home)),
                ("programme", Value::Word("dev")),
                ("to_unit", Value::Unit(home)),
                ("amount", Value::Fen(fen)),
            ],
        )
    }

    fn county(&self, county: u32) -> Unit {
        self.load.plan.counties()[county as usize].unit
    }

    fn released(&self, city: usize, from: Unit, to: Unit, fen: i64) -> SimLine {
        SimLine::new(
            "QuotaReleased",
            vec![
                ("quota", Value::Text(self.load.quota_id(city))),
                ("from_unit", Value::Unit(from)),
                ("to_unit", Value::Unit(to)),
                ("amount", Value::Fen(fen)),
            ],
        )
    }

    /// Sends `fen` to each (city of the quota, unit), from the source or from a unit, and receives it
    /// there.
    fn send(&mut self, org: Org, from: Option<Unit>, to: &[(usize, Unit)], fen: i64) {
        let day = self.load.day;
        let from = match from {
            Some(unit) => ("from_unit", Value::Unit(unit)),
            None => ("from", Value::Word("src")),
        };
        let mut lines = Vec::new();
        for &(city, unit) in to {
            let fields = vec![
                ("quota", Value::Text(self.load.quota_id(city))),
                from.clone(),
                ("to_unit", Value::Unit(unit)),
                ("bank_ref", Value::BankRef(self.cast.desk.bank_ref(day))),
                ("amount", Value::Fen(fen)),
            ];
            lines.push(SimLine::new("TransferSent", fields));
        }
        let posted = self.cast.desk.post(org, day, lines);
        for (i, &(city, unit)) in to.iter().enumerate() {
            let receivers = self.cast.cities.iter().chain(&self.cast.counties);
            let Some(&receiver) = receivers.clone().find(|&&o| self.cast.desk.unit(o) == unit)
            else {
                continue;
            };
            let line = self.received(city, &posted.reference(i), fen);
            self.post(receiver, vec![line]);
        }
    }

    fn received(&self, city: usize, sent: &Reference, fen: i64) -> SimLine {
        SimLine::new(
            "TransferReceived",
            vec![
                ("quota", Value::Text(self.load.quota_id(city))),
                ("ref", sent.value()),
                ("amount", Value::Fen(fen)),
            ],
        )
    }
}

/// Payment vouchers without end.
pub struct Payments<'a> {
    load: &'a Load,
    lines: u32,
    next: u64,
    step: u64,
}

impl Iterator for Payments<'_> {
    type Item = SimVoucher;

    fn next(&mut self) -> Option<SimVoucher> {
        let number = self.next;
        self.next += self.step;
        Some(self.load.payment(number, self.lines))
    }
}

impl Load {
    fn payment(&self, number: u64, lines: u32) -> SimVoucher {
        let plan = &self.plan;
        let counties = plan.counties().len() as u64;
        let county = &plan.counties()[(number % counties) as usize];
        let first = plan.villages()[county.villages.start as usize].households.start;
        let last = plan.villages()[county.villages.end as usize - 1].households.end;
        let households = u64::from(last - first);
        let start = number / counties * u64::from(lines);
        let rounds = u64::from(lines).div_ceil(households);
        let quota: Arc<str> = self.quota_id(county.city as usize).into();
        let mut draw = plan.root.stream(Entity::Load, number);
        let mut total_fen = 0;
        let line = |i: u64| {
            let household = first + ((start + i) % households) as u32;
            let serial = (number * rounds + i / households) as u32;
            let fen = draw.between(1, 10_000).cast_signed();
            total_fen += fen;
            SimLine::new(
                "DisbursedToHousehold",
                vec![
                    ("quota", Value::Name(Arc::clone(&quota))),
                    ("unit", Value::Unit(county.unit)),
                    ("household", Value::Household(plan.household_code(household))),
                    ("account", Value::Token(plan.tokens.account(u64::from(household)))),
                    ("purpose", Value::Word(draw.pick(&PURPOSES))),
                    ("bank_ref", Value::BankRef(BankRef { day: self.day, serial })),
                    ("amount", Value::Fen(fen)),
                ],
            )
        };
        let lines = (0..u64::from(lines)).map(line).collect();
        SimVoucher {
            organisation: format!("FB{}", county.unit).into(),
            voucher_no: format!("L-{number:09}").into(),
            posted: self.day,
            effective_date: self.day,
            doc_no: None,
            prepared_by: format!("p.fb{}", county.unit).into(),
            approved_by: Some(format!("a.fb{}", county.unit).into()),
            exception_reason: None,
            total_fen,
            lines,
        }
    }
}
