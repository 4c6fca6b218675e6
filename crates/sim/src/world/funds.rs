//! Money on its way down: planned, issued, released, sent, arrived.
//!
//! Always: quota goes before cash, each step passes on at most what the step before it gave, and what
//! a county gets follows its head count.

use super::desk::{Org, Reference};
use super::{HolderNo, State, World};
use crate::codes::{Unit, split, tranche_parts};
use crate::date::Day;
use crate::rng::Entity;
use crate::voucher::{BankAccount, BankRef, BankRow, Direction, SimLine, Value};
use std::sync::Arc;

/// Of the planned money, in percent, by the end of 2018.
const ISSUED: i64 = 97;
const SENT: i64 = 95;
/// Yearly shares of the ceiling, in percent.
const YEAR_SHARES: [i64; 3] = [30, 40, 30];
/// 20,000 yuan. Source: 粤发〔2016〕13号 §13.
pub(super) const PER_HEAD_FEN: i64 = 2_000_000;
const SOURCES: [&str; 3] = ["P", "H", "L"];
/// The source whose money stays with the county, which pays households from it.
const HOME: usize = 2;
/// One transfer of ten to a county arrives only in part at first.
const BOUNCES_OF_100: u64 = 10;

/// A quota: a line of a budget document.
pub(super) struct Quota {
    pub(super) id: Arc<str>,
    pub(super) source: usize,
    pub(super) issuer: u32,
    city: u32,
    tranche: u32,
    tranche_id: Arc<str>,
    part: i64,
}

/// Money under way.
#[derive(Clone)]
pub(super) struct Moving {
    pub(super) quota: u32,
    /// Who gets it, and who sent it.
    pub(super) to: HolderNo,
    pub(super) from: HolderNo,
    pub(super) fen: i64,
    pub(super) reference: Reference,
    pub(super) bank_ref: BankRef,
}

/// A transfer that is about to be sent.
pub(super) struct Order {
    pub(super) quota: u32,
    pub(super) from: HolderNo,
    pub(super) to: HolderNo,
    pub(super) fen: i64,
}

impl World {
    pub(super) fn open_tranches(&mut self, tranche: u32, day: Day) {
        let a_year = self.plan.profile().tranches_a_year();
        let (year, number) = (tranche / a_year, tranche % a_year);
        let calendar_year = super::calendar::FIRST_YEAR + year;
        let mut lines = Vec::new();
        for city in 0..self.planned.len() {
            let home = &self.plan.cities()[city];
            let ceiling = i64::from(home.people) * PER_HEAD_FEN;
            let of_year = ceiling * YEAR_SHARES[year as usize] / 100;
            let upto = |n: u32| of_year * i64::from(n) / i64::from(a_year);
            let fen = upto(number + 1) - upto(number);
            let id = format!("T{}-{}-{}", calendar_year % 100, home.unit, number + 1);
            lines.push(SimLine::new(
                "TrancheOpened",
                vec![
                    ("tranche", Value::Text(id.clone())),
                    ("home_city", Value::Unit(home.unit)),
                    ("year", Value::Number(u64::from(calendar_year))),
                    ("amount", Value::Fen(fen)),
                ],
            ));
            let parts = tranche_parts(self.planned[city], fen);
            self.planned[city] += fen;
            for (source, part) in parts.into_iter().enumerate() {
                self.add_quota(city as u32, source, (tranche, id.as_str()), calendar_year, part);
            }
        }
        self.desk.post(Org::FB44, day, lines);
    }

    fn add_quota(&mut self, city: u32, source: usize, tranche: (u32, &str), year: u32, part: i64) {
        let bears = |issuer: &super::Issuer| issuer.shares.contains(&(city, source));
        let issuer = self.issuers.iter().position(bears).unwrap_or_default();
        let treasury = self.issuers[issuer].treasury;
        let serial = self.quota_serials.entry((treasury, year)).or_default();
        *serial += 1;
        self.quotas.push(Quota {
            id: format!("Q{}-{treasury}-{serial:04}", year % 100).into(),
            source,
            issuer: issuer as u32,
            city,
            tranche: self.way_of(city, source, tranche.0),
            tranche_id: tranche.1.into(),
            part,
        });
    }

    /// Quotas of a tranche, as (number, quota), that `wanted` picks.
    fn quotas_of(&self, tranche: u32, wanted: impl Fn(&Quota) -> bool) -> Vec<u32> {
        let hit = |q: &Quota| q.tranche == tranche && wanted(q);
        (0..self.quotas.len() as u32).filter(|&n| hit(&self.quotas[n as usize])).collect()
    }

    pub(super) fn quota_name(&self, quota: u32) -> Value {
        Value::Name(Arc::clone(&self.quotas[quota as usize].id))
    }

    pub(super) fn issue(&mut self, tranche: u32, issuer: u32, day: Day) {
        let (mut lines, mut sum) = (Vec::new(), 0);
        for number in self.quotas_of(tranche, |q| q.issuer == issuer) {
            let quota = &self.quotas[number as usize];
            let city = quota.city as usize;
            let home = Value::Unit(self.plan.cities()[city].unit);
            let fen = quota.part * ISSUED / 100;
            lines.push(SimLine::new(
                "QuotaIssued",
                vec![
                    ("quota", Value::Name(Arc::clone(&quota.id))),
                    ("source", Value::Word(SOURCES[quota.source])),
                    ("treasury", Value::Unit(self.issuers[issuer as usize].treasury)),
                    ("home_city", home.clone()),
                    ("tranche", Value::Name(Arc::clone(&quota.tranche_id))),
                    ("programme", Value::Word("dev")),
                    ("to_unit", home),
                    ("amount", Value::Fen(fen)),
                ],
            ));
            self.slot(self.holder_of_city[city], number).right += fen;
            sum += fen;
        }
        let posted = self.desk.post(self.issuers[issuer as usize].org, day, lines);
        self.issued_late(tranche, posted.keys(), sum);
    }

    pub(super) fn release_to_counties(&mut self, tranche: u32, city: u32, day: Day) {
        let from = self.holder_of_city[city as usize];
        let to = self.counties_by_share(city, day);
        let quotas = self.quotas_of(tranche, |q| q.city == city);
        let lines = self.release(quotas, from, &to);
        let released = lines.iter().map(SimLine::amount_fen).sum();
        let posted = self.desk.post(self.city_bureaus[city as usize], day, lines);
        self.released_off(city, day.month().year, posted.keys(), released);
    }

    pub(super) fn release_to_units(&mut self, tranche: u32, county: u32, day: Day) {
        let from = self.holder_of_county[county as usize];
        let to = self.units_by_heads(county);
        let city = self.plan.counties()[county as usize].city;
        let quotas = self.quotas_of(tranche, |q| q.city == city && q.source != HOME);
        let lines = self.release(quotas, from, &to);
        self.desk.post(self.county_bureaus[county as usize], day, lines);
    }

    /// Passes all that `from` has of the quotas down by heads.
    fn release(
        &mut self,
        quotas: Vec<u32>,
        from: HolderNo,
        to: &[(HolderNo, u64)],
    ) -> Vec<SimLine> {
        let weights: Vec<u64> = to.iter().map(|&(_, heads)| heads).collect();
        let mut lines = Vec::new();
        for quota in quotas {
            let all = self.slot(from, quota).right;
            for (&(unit, _), fen) in to.iter().zip(split(all, &weights)) {
                if fen == 0 {
                    continue;
                }
                lines.push(SimLine::new(
                    "QuotaReleased",
                    vec![
                        ("quota", self.quota_name(quota)),
                        ("from_unit", Value::Unit(self.holder_unit(from))),
                        ("to_unit", Value::Unit(self.holder_unit(unit))),
                        ("amount", Value::Fen(fen)),
                    ],
                ));
                self.slot(from, quota).right -= fen;
                self.slot(unit, quota).right += fen;
            }
        }
        lines
    }

    /// The counties of a city with the weights by which it shares out a year's money: their heads.
    fn counties_by_share(&self, city: u32, day: Day) -> Vec<(HolderNo, u64)> {
        let heads = |c: u32| (c, u64::from(self.plan.counties()[c as usize].people));
        let counties = self.plan.cities()[city as usize].counties.clone();
        let mut counties: Vec<(u32, u64)> = counties.map(heads).collect();
        self.shifted(city, day.month().year, &mut counties);
        let holder = |(c, share): (u32, u64)| (self.holder_of_county[c as usize], share);
        counties.into_iter().map(holder).collect()
    }

    /// The towns and poor villages of a county with the heads of the households they pay now.
    fn units_by_heads(&self, county: u32) -> Vec<(HolderNo, u64)> {
        let mut units: Vec<(HolderNo, u64)> = Vec::new();
        for village in self.plan.counties()[county as usize].villages.clone() {
            let residents = self.residents[village as usize].iter().map(|&h| self.household(h));
            let living = residents.filter(|h| h.state != State::Dissolved);
            let heads: u64 = living.map(|h| u64::from(h.heads)).sum();
            let holder = self.holder_of_village[village as usize];
            match units.iter_mut().find(|(unit, _)| *unit == holder) {
                Some((_, sum)) => *sum += heads,
                None => units.push((holder, heads)),
            }
        }
        units.sort_unstable();
        units
    }

    pub(super) fn send_from_source(&mut self, tranche: u32, issuer: u32, day: Day) {
        let (mut lines, mut sent) = (Vec::new(), Vec::new());
        for quota in self.quotas_of(tranche, |q| q.issuer == issuer) {
            let Quota { city, part, .. } = self.quotas[quota as usize];
            let to = self.holder_of_city[city as usize];
            let (fen, bank_ref) = (part * SENT / 100, self.desk.bank_ref(day));
            let line = vec![
                ("quota", self.quota_name(quota)),
                ("from", Value::Word("src")),
                ("to_unit", Value::Unit(self.holder_unit(to))),
                ("bank_ref", Value::BankRef(bank_ref)),
                ("amount", Value::Fen(fen)),
            ];
            let row = bank_out(bank_ref, self.holder_unit(to), fen);
            lines.push(SimLine::new("TransferSent", line).with_bank(row));
            sent.push((city, Order { quota, from: to, to, fen }, bank_ref));
        }
        let posted = self.desk.post(self.issuers[issuer as usize].org, day, lines);
        for (i, (city, order, bank_ref)) in sent.into_iter().enumerate() {
            let Order { quota, from, to, fen } = order;
            let reference = posted.reference(i);
            self.to_city[city as usize].push(Moving { quota, to, from, fen, reference, bank_ref });
        }
    }

    pub(super) fn receive_in_city(&mut self, city: u32, day: Day) {
        let moving = std::mem::take(&mut self.to_city[city as usize]);
        self.receive(self.city_bureaus[city as usize], day, &moving);
    }

    /// Sends all cash that the city has of the tranche to its counties.
    pub(super) fn send_to_counties(&mut self, tranche: u32, city: u32, day: Day) {
        let from = self.holder_of_city[city as usize];
        let counties = self.counties_by_share(city, day);
        let weights: Vec<u64> = counties.iter().map(|&(_, heads)| heads).collect();
        let mut orders = Vec::new();
        for quota in self.quotas_of(tranche, |q| q.city == city) {
            let cash = self.slot(from, quota).cash;
            for (&(to, _), fen) in counties.iter().zip(split(cash, &weights)) {
                orders.push(Order { quota, from, to, fen });
            }
        }
        self.send_down(city, day, orders);
    }

    fn send_down(&mut self, city: u32, day: Day, orders: Vec<Order>) {
        let first = self.holder_of_county[0];
        for moving in self.send(self.city_bureaus[city as usize], day, orders) {
            // Holders of counties stand in a row.
            self.to_county[(moving.to - first) as usize].push(moving);
        }
    }

    /// Receives what the city sent; on the first arrival of a tranche a part may bounce.
    pub(super) fn receive_in_county(&mut self, tranche: u32, county: u32, day: Day) {
        let city = self.plan.counties()[county as usize].city as usize;
        let mut moving = std::mem::take(&mut self.to_county[county as usize]);
        for sent in &mut moving {
            let index = u64::from(sent.quota) << 32 | u64::from(county);
            let mut draw = self.plan.root.stream(Entity::Bounce, index);
            if tranche != u32::MAX && draw.chance(BOUNCES_OF_100, 100) && 100 <= sent.fen {
                let back = Moving { fen: sent.fen / 100, ..sent.clone() };
                sent.fen -= back.fen;
                self.bounced[city].push(back);
            }
        }
        self.receive(self.county_bureaus[county as usize], day, &moving);
    }

    pub(super) fn return_to_city(&mut self, city: u32, day: Day) {
        let bounced = std::mem::take(&mut self.bounced[city as usize]);
        let mut lines = Vec::new();
        for back in &bounced {
            let fields = vec![
                ("quota", self.quota_name(back.quota)),
                ("ref", back.reference.value()),
                ("amount", Value::Fen(back.fen)),
            ];
            let row = bank_in(back.bank_ref, self.holder_unit(back.from), back.fen, "returned");
            lines.push(SimLine::new("TransferReturned", fields).with_bank(row));
            self.slot(back.from, back.quota).cash += back.fen;
        }
        self.desk.post(self.city_bureaus[city as usize], day, lines);
        self.returned[city as usize].extend(bounced);
    }

    pub(super) fn send_again(&mut self, city: u32, day: Day) {
        let bounced = std::mem::take(&mut self.returned[city as usize]);
        let again = |b: Moving| Order { quota: b.quota, from: b.from, to: b.to, fen: b.fen };
        self.send_down(city, day, bounced.into_iter().map(again).collect());
    }

    /// Sends the tranche's cash to towns and poor villages, and what they had sent up before.
    pub(super) fn send_to_units(&mut self, tranche: u32, county: u32, day: Day) {
        let from = self.holder_of_county[county as usize];
        let city = self.plan.counties()[county as usize].city;
        let units = self.units_by_heads(county);
        let weights: Vec<u64> = units.iter().map(|&(_, heads)| heads).collect();
        let mut orders = Vec::new();
        for quota in self.quotas_of(tranche, |q| q.city == city && q.source != HOME) {
            let cash = self.slot(from, quota).cash;
            for (&(to, _), fen) in units.iter().zip(split(cash, &weights)) {
                orders.push(Order { quota, from, to, fen });
            }
        }
        for kept in std::mem::take(&mut self.kept[county as usize]) {
            orders.push(Order { quota: kept.quota, from, to: kept.from, fen: kept.fen });
        }
        orders.retain(|order| 0 < order.fen);
        for moving in self.send(self.county_bureaus[county as usize], day, orders) {
            let payer = self.payer_of[moving.to as usize];
            self.to_payer[payer as usize].push(moving);
        }
    }

    pub(super) fn receive_in_units(&mut self, payer: u32, day: Day) {
        let moving = std::mem::take(&mut self.to_payer[payer as usize]);
        self.receive(self.payers[payer as usize].org, day, &moving);
    }

    /// Sends cash from one unit to another.
    fn send(&mut self, org: Org, day: Day, orders: Vec<Order>) -> Vec<Moving> {
        let line = |world: &World, order: &Order, bank_ref| {
            let fields = vec![
                ("quota", world.quota_name(order.quota)),
                ("from_unit", Value::Unit(world.holder_unit(order.from))),
                ("to_unit", Value::Unit(world.holder_unit(order.to))),
                ("bank_ref", Value::BankRef(bank_ref)),
                ("amount", Value::Fen(order.fen)),
            ];
            let row = bank_out(bank_ref, world.holder_unit(order.to), order.fen);
            SimLine::new("TransferSent", fields).with_bank(row)
        };
        self.dispatch(org, day, orders, line)
    }

    /// Takes the cash of the orders from their senders, posts their lines, and returns them as money
    /// under way.
    pub(super) fn dispatch(
        &mut self,
        org: Org,
        day: Day,
        orders: Vec<Order>,
        line: impl Fn(&World, &Order, BankRef) -> SimLine,
    ) -> Vec<Moving> {
        let refs: Vec<BankRef> = orders.iter().map(|_| self.desk.bank_ref(day)).collect();
        let lines = orders.iter().zip(&refs).map(|(order, &r)| line(self, order, r)).collect();
        let posted = self.desk.post(org, day, lines);
        let mut moving = Vec::with_capacity(orders.len());
        for (i, (order, bank_ref)) in orders.into_iter().zip(refs).enumerate() {
            let Order { quota, from, to, fen } = order;
            self.slot(from, quota).cash -= fen;
            moving.push(Moving { quota, to, from, fen, reference: posted.reference(i), bank_ref });
        }
        moving
    }

    /// Receives cash at the units it was sent to.
    pub(super) fn receive(&mut self, org: Org, day: Day, moving: &[Moving]) {
        let mut lines = Vec::with_capacity(moving.len());
        for sent in moving {
            let unit = self.holder_unit(sent.to);
            lines.push(self.received(sent, unit));
            self.slot(sent.to, sent.quota).cash += sent.fen;
        }
        self.desk.post(org, day, lines);
    }

    pub(super) fn received(&self, sent: &Moving, at: Unit) -> SimLine {
        let fields = vec![
            ("quota", self.quota_name(sent.quota)),
            ("ref", sent.reference.value()),
            ("amount", Value::Fen(sent.fen)),
        ];
        let row = bank_in(sent.bank_ref, at, sent.fen, "ok");
        SimLine::new("TransferReceived", fields).with_bank(row)
    }
}

pub(super) fn bank_out(bank_ref: BankRef, to: Unit, fen: i64) -> BankRow {
    let account = BankAccount::Unit(to);
    BankRow { bank_ref, account, fen, direction: Direction::Out, status: "ok" }
}

fn bank_in(bank_ref: BankRef, at: Unit, fen: i64, status: &'static str) -> BankRow {
    BankRow { bank_ref, account: BankAccount::Unit(at), fen, direction: Direction::In, status }
}
