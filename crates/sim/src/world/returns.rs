//! Money sent up at the end of the year: from the unit to its county, now and then on to the city and
//! back to the source. What stays in the county goes down again with the next tranche.

use super::funds::{Moving, Order, bank_out};
use super::{HolderNo, World};
use crate::date::Day;
use crate::rng::Entity;
use crate::voucher::{BankRef, SimLine, Value};

/// One unit of six sends something up.
const RETURNS_OF_6: u64 = 1;
/// Of what reaches the county one part of three goes on to the city and its source.
const ON_OF_3: u64 = 1;
/// The last year: what is left then is sent up as far as the city, where it waits for what comes next.
const LAST_YEAR: u32 = 2018;
/// Below 2,000 yuan nothing is sent up.
const LEAST_FEN: i64 = 200_000;

impl World {
    pub(super) fn return_from_units(&mut self, payer: u32, day: Day) {
        let county = self.payers[payer as usize].county;
        let to = self.holder_of_county[county as usize];
        let mut orders = Vec::new();
        if day.month().year == LAST_YEAR {
            return self.sweep_units(payer, county, day);
        }
        for &from in &self.payers[payer as usize].holders {
            let index = u64::from(day.days()) << 32 | u64::from(from);
            let mut draw = self.plan.root.stream(Entity::YearEnd, index);
            let fullest = self.holders[from as usize].slots.iter().max_by_key(|s| s.cash);
            let Some(slot) = fullest else { continue };
            if LEAST_FEN <= slot.cash && draw.chance(RETURNS_OF_6, 6) {
                orders.push(Order { quota: slot.quota, from, to, fen: slot.cash / 200 * 100 });
            }
        }
        let moving = self.send_up(self.payers[payer as usize].org, day, orders, None);
        self.up_to_county[county as usize].extend(moving);
    }

    /// Everything that a unit has left goes up.
    fn sweep_units(&mut self, payer: u32, county: u32, day: Day) {
        let to = self.holder_of_county[county as usize];
        let mut orders = Vec::new();
        for &from in &self.payers[payer as usize].holders {
            for slot in self.holders[from as usize].slots.iter().filter(|s| LEAST_FEN <= s.cash) {
                orders.push(Order { quota: slot.quota, from, to, fen: slot.cash });
            }
        }
        let moving = self.send_up(self.payers[payer as usize].org, day, orders, None);
        self.up_to_county[county as usize].extend(moving);
    }

    /// What a county has beyond `orders` goes up too.
    fn sweep_county(&mut self, county: u32, orders: &[Order], day: Day) {
        let city = self.plan.counties()[county as usize].city;
        let from = self.holder_of_county[county as usize];
        let to = self.holder_of_city[city as usize];
        let mut rest = Vec::new();
        for slot in &self.holders[from as usize].slots {
            let goes = orders.iter().filter(|order| order.quota == slot.quota);
            let fen = slot.cash - goes.map(|order| order.fen).sum::<i64>();
            if LEAST_FEN <= fen {
                rest.push(Order { quota: slot.quota, from, to, fen });
            }
        }
        let moving = self.send_up(self.county_bureaus[county as usize], day, rest, None);
        self.swept[city as usize].extend(moving);
    }

    pub(super) fn receive_from_units(&mut self, county: u32, day: Day) {
        let moving = std::mem::take(&mut self.up_to_county[county as usize]);
        if day.month().year < LAST_YEAR {
            self.kept[county as usize].extend(moving.iter().cloned());
        }
        self.receive(self.county_bureaus[county as usize], day, &moving);
    }

    pub(super) fn return_from_county(&mut self, year: u32, county: u32, day: Day) {
        let city = self.plan.counties()[county as usize].city;
        let from = self.holder_of_county[county as usize];
        let to = self.holder_of_city[city as usize];
        let mut orders = Vec::new();
        let root = self.plan.root;
        self.kept[county as usize].retain(|kept| {
            let index = u64::from(year) << 40 | u64::from(kept.quota) << 20 | u64::from(kept.from);
            let on = root.stream(Entity::YearEnd, index).chance(ON_OF_3, 3);
            if on {
                orders.push(Order { quota: kept.quota, from, to, fen: kept.fen });
            }
            !on
        });
        if year == LAST_YEAR {
            self.sweep_county(county, &orders, day);
        }
        let moving = self.send_up(self.county_bureaus[county as usize], day, orders, None);
        self.up_to_city[city as usize].extend(moving);
    }

    pub(super) fn receive_from_counties(&mut self, city: u32, day: Day) {
        let mut moving = self.up_to_city[city as usize].clone();
        moving.append(&mut self.swept[city as usize]);
        self.receive(self.city_bureaus[city as usize], day, &moving);
    }

    pub(super) fn return_from_city(&mut self, city: u32, day: Day) {
        let arrived = std::mem::take(&mut self.up_to_city[city as usize]);
        let from = self.holder_of_city[city as usize];
        let to_source = |m: Moving| Order { quota: m.quota, from, to: from, fen: m.fen };
        let orders = arrived.into_iter().map(to_source).collect();
        let moving = self.send_up(self.city_bureaus[city as usize], day, orders, Some(from));
        for sent in moving {
            let issuer = self.quotas[sent.quota as usize].issuer;
            self.up_to_source[issuer as usize].push(sent);
        }
    }

    pub(super) fn receive_at_source(&mut self, issuer: u32, day: Day) {
        let moving = std::mem::take(&mut self.up_to_source[issuer as usize]);
        let treasury = self.issuers[issuer as usize].treasury;
        let lines = moving.iter().map(|sent| self.received(sent, treasury)).collect();
        self.desk.post(self.issuers[issuer as usize].org, day, lines);
    }

    /// `to_source` is the city that sends to the treasury of each quota.
    fn send_up(
        &mut self,
        org: super::desk::Org,
        day: Day,
        orders: Vec<Order>,
        to_source: Option<HolderNo>,
    ) -> Vec<Moving> {
        let line = |world: &World, order: &Order, bank_ref: BankRef| {
            let mut fields = vec![
                ("quota", world.quota_name(order.quota)),
                ("from_unit", Value::Unit(world.holder_unit(order.from))),
            ];
            let mut to = world.holder_unit(order.to);
            if to_source.is_some() {
                fields.push(("to", Value::Word("src")));
                let issuer = world.quotas[order.quota as usize].issuer;
                to = world.issuers[issuer as usize].treasury;
            }
            fields.push(("to_unit", Value::Unit(to)));
            fields.push(("bank_ref", Value::BankRef(bank_ref)));
            fields.push(("amount", Value::Fen(order.fen)));
            SimLine::new("FundsReturnedUp", fields).with_bank(bank_out(bank_ref, to, order.fen))
        };
        self.dispatch(org, day, orders, line)
    }
}
