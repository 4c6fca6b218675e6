//! The views by their definitions: plain sums over the list of all records, from their legs.
//!
//! Written apart from the crate: nothing is kept from record to record but the register, and every row is
//! a filter and a sum.

use std::collections::{BTreeMap, BTreeSet};

use ledger::account::Account;
use ledger::event::{At, Event};
use ledger::ids::{Date, HouseholdCode, Level, Purpose, QuotaId, Source, Unit};
use ledger::words::{Class, HouseholdState};
use record::Seq;

use crate::rows::{Rows, Value, int, text};
use crate::world::{amount_of, helper, referred};

/// A record that counts, and how often: once, or minus once for a reversal of it.
struct Counted<'a> {
    weight: i64,
    seq: Seq,
    date: Date,
    event: &'a Event,
}

/// A quota's definition.
struct Def {
    source: Source,
    treasury: Unit,
    home: Unit,
    to: Unit,
    tranche: String,
    year: u16,
}

struct Model<'a> {
    counted: Vec<Counted<'a>>,
    all: BTreeMap<Seq, &'a Event>,
    defs: BTreeMap<QuotaId, Def>,
    rows: Rows,
}

/// Returns every row of views 2 to 6 and 8 for the records up to a position with a date up to a day.
pub(crate) fn rows(events: &[(At, Event)], upto: Seq, day: Option<Date>) -> Rows {
    let known: Vec<&(At, Event)> = events.iter().filter(|(at, _)| at.seq <= upto).collect();
    let all: BTreeMap<Seq, &Event> = known.iter().map(|(at, event)| (at.seq, event)).collect();
    let dates: BTreeMap<Seq, Date> = known.iter().map(|(at, _)| (at.seq, at.date)).collect();
    let mut counted = Vec::new();
    for (at, event) in known.iter().filter(|(at, _)| day.is_none_or(|day| at.date <= day)) {
        counted.push(match event {
            Event::Reversed(e) => {
                let seq = e.original.seq;
                Counted { weight: -1, seq, date: dates[&seq], event: all[&seq] }
            }
            _ => Counted { weight: 1, seq: at.seq, date: at.date, event },
        });
    }
    let defs = known.iter().filter_map(|(_, event)| definition(event)).collect();
    let mut model = Model { counted, all, defs, rows: Rows::new() };
    model.households(&known, day);
    model.units();
    model.cities();
    model.quotas();
    model.transits();
    model.rows.retain(|_, columns| {
        columns.retain(|_, value| *value != int(0) && *value != text(""));
        !columns.is_empty()
    });
    model.rows
}

fn definition(event: &Event) -> Option<(QuotaId, Def)> {
    Some(match event {
        Event::QuotaIssued(e) => (
            e.quota,
            Def {
                source: e.source,
                treasury: e.treasury,
                home: e.home,
                to: e.to,
                tranche: e.tranche.to_string(),
                year: e.year as u16,
            },
        ),
        Event::OpeningBalance(e) => (
            e.quota,
            Def {
                source: e.source,
                treasury: e.treasury,
                home: e.home,
                to: e.unit,
                tranche: "opening".into(),
                year: e.year as u16,
            },
        ),
        _ => return None,
    })
}

impl Model<'_> {
    fn add(&mut self, view: u16, key: Vec<Value>, column: &'static str, x: i64) {
        let columns = self.rows.entry((view, key)).or_default();
        let sum = columns.entry(column).or_insert(int(0));
        let Value::Int(sum) = sum else { panic!("a sum") };
        *sum += i128::from(x);
    }

    fn set(&mut self, view: u16, key: Vec<Value>, column: &'static str, value: Value) {
        self.rows.entry((view, key)).or_default().insert(column, value);
    }

    /// Legs of what counts: weighted amount, date, account, the event, its position.
    fn legs(&self) -> Vec<(i64, Date, Account, &Event, Seq)> {
        let mut out = Vec::new();
        for Counted { weight, seq, date, event } in &self.counted {
            for (account, fen) in event.legs().as_slice() {
                out.push((weight * fen.get(), *date, *account, *event, *seq));
            }
        }
        out
    }

    /// The sent record that a record refers to or is: sender, receiver, to source, up, quota.
    fn sending(&self, seq: Seq, event: &Event) -> Option<Sending> {
        match event {
            Event::TransferSent(_) | Event::FundsReturnedUp(_) => sending(seq, event),
            Event::TransferReceived(_) | Event::TransferReturned(_) => {
                let sent = referred(event)?;
                sending(sent, self.all[&sent])
            }
            _ => None,
        }
    }

    fn households(&mut self, known: &[&(At, Event)], day: Option<Date>) {
        for Counted { weight, event, .. } in &self.counted {
            let x = weight * amount_of(event);
            let (column, code, x) = match event {
                Event::DisbursedToHousehold(e) => ("paid", Some(e.household), x),
                Event::PaymentReturned(e) => ("refunded", Some(e.0.household), x),
                Event::OverpaymentRepaid(e) => ("refunded", Some(e.0.household), x),
                Event::BenefitAttributed(e) => ("attributed", e.0.target.household(), x),
                Event::BenefitWithdrawn(e) => ("attributed", e.0.target.household(), -x),
                Event::IncomeDistributed(e) => ("asset_income", e.target.household(), x),
                _ => continue,
            };
            let Some(code) = code else { continue };
            let columns = self.rows.entry((2, vec![int(code.get())])).or_default();
            let Value::Int(sum) = columns.entry(column).or_insert(int(0)) else { panic!("a sum") };
            *sum += i128::from(x);
        }
        let register = register(known.iter().filter(|(at, _)| day.is_none_or(|d| at.date <= d)));
        for (code, house) in register {
            let key = vec![int(code.get())];
            self.set(2, key.clone(), "active", int(house.active));
            self.set(2, key.clone(), "peak", int(house.peak));
            let class = house.class.map_or(0, |class| class.index() + 1);
            self.set(2, key.clone(), "class", int(class));
            let state = house.state.map_or(0, |state| state.index() + 1);
            self.set(2, key.clone(), "state", int(state));
            // Of a day a state may be dated before the household's entry: it lives nowhere then.
            let Some(village) = house.village else { continue };
            self.set(2, key, "village", int(village.code()));
            if house.state == Some(HouseholdState::Registered) {
                let key = vec![int(village.code()), int(0), text(""), text("")];
                self.add(3, key.clone(), "registered_households", 1);
                self.add(3, key, "registered_members", house.active);
            }
        }
    }

    fn units(&mut self) {
        let key = |unit: Unit, date: Date, source: Source, purpose: Purpose| {
            vec![int(unit.code()), int(date.year()), text(source), text(purpose)]
        };
        for (x, date, account, event, seq) in self
            .legs()
            .into_iter()
            .map(|(x, date, account, event, seq)| (x, date, account, event.clone(), seq))
            .collect::<Vec<_>>()
        {
            let (unit, quota, column) = match account {
                Account::Quota(unit, quota) => (unit, quota, "quota_held"),
                Account::Hold(unit, quota) => (unit, quota, "cash_held"),
                Account::Way(unit, quota) => (unit, quota, "in_transit"),
                _ => continue,
            };
            let source = self.defs[&quota].source;
            self.add(3, key(unit, date, source, Purpose::EMPTY), column, x);
            // Money sent up by a unit, and what of it came back unarrived, moves the unit's own cash.
            let sending = self.sending(seq, &event).filter(|sending| sending.up);
            if column == "cash_held" && sending.is_some_and(|s| s.from == Some(unit)) {
                self.add(3, key(unit, date, source, Purpose::EMPTY), "returned_up", -x);
            }
        }
        let mut payees: BTreeMap<(Unit, HouseholdCode), i64> = BTreeMap::new();
        let mut sums = Vec::new();
        for Counted { weight, date, event, .. } in &self.counted {
            let x = weight * amount_of(event);
            let (unit, quota, purpose, column) = match event {
                Event::DisbursedToHousehold(e) => {
                    *payees.entry((e.unit, e.household)).or_default() += weight;
                    let source = self.defs[&e.quota].source;
                    sums.push((key(e.unit, *date, source, e.purpose), "payments", *weight));
                    (e.unit, e.quota, e.purpose, "paid_to_households")
                }
                Event::DisbursedToProject(e) => (e.unit, e.quota, e.purpose, "paid_to_projects"),
                Event::PaymentReturned(e) => (e.0.unit, e.0.quota, e.0.purpose, "refunded"),
                Event::OverpaymentRepaid(e) => (e.0.unit, e.0.quota, e.0.purpose, "refunded"),
                Event::ProjectSurplusReturned(e) => (e.unit, e.quota, e.purpose, "refunded"),
                _ => continue,
            };
            sums.push((key(unit, *date, self.defs[&quota].source, purpose), column, x));
        }
        for (key, column, x) in sums {
            self.add(3, key, column, x);
        }
        for ((unit, _), _) in payees.into_iter().filter(|(_, live)| 0 < *live) {
            let key = vec![int(unit.code()), int(0), text(""), text("")];
            self.add(3, key, "households_paid", 1);
        }
    }

    /// Both sides of every quota's money; the helper's columns are its gross flows.
    fn cities(&mut self) {
        let mut sums: Vec<(u16, Vec<Value>, &'static str, i64)> = Vec::new();
        for Counted { weight, event, .. } in &self.counted {
            let Event::TrancheOpened(e) = event else { continue };
            for (source, part) in Source::SHARED.into_iter().zip(e.parts) {
                let (tranche, year) = (text(e.tranche), int(e.year));
                let x = weight * part.get();
                let key = vec![int(e.home.code()), text(source), tranche.clone(), year.clone()];
                sums.push((4, key, "owed", x));
                if source == Source::H {
                    let helper = int(helper(e.home).code());
                    sums.push((5, vec![helper, int(e.home.code()), tranche, year], "owed", x));
                }
            }
        }
        for (x, _, account, event, seq) in self.legs() {
            let Some(quota) = quota_of(&account) else { continue };
            let def = &self.defs[&quota];
            let (tranche, year) = (text(&def.tranche), int(def.year));
            let home = vec![int(def.home.code()), text(def.source), tranche.clone(), year.clone()];
            let help = vec![int(def.treasury.code()), int(def.home.code()), tranche, year];
            let mut both = |home_column, helper_column, x| {
                sums.push((4, home.clone(), home_column, x));
                if def.source == Source::H {
                    sums.push((5, help.clone(), helper_column, x));
                }
            };
            let opening = matches!(event, Event::OpeningBalance(_));
            let given = opening || matches!(event, Event::QuotaIssued(_));
            let top = matches!(event, Event::QuotaWithdrawn(w) if w.legs_touch_source());
            let sending = self.sending(seq, event);
            match account {
                Account::Quota(..) | Account::Used(..) if given || top => {
                    both("allocated", "allocated", x);
                    if opening || !def.source.is_shared() {
                        both("owed", "owed", x);
                    }
                }
                Account::Src(..) if opening => {
                    both("sent", "brought", -x);
                    both("received", "brought_again", -x);
                }
                Account::Src(..) => both("sent", "-", -x),
                Account::Prior(..) => {
                    both("spent", "paid_before", x);
                    both("paid_before", "-", x);
                }
                Account::Hold(unit, _) => {
                    let level = match unit.level() {
                        Level::Province | Level::City => "held_city",
                        Level::County => "held_county",
                        Level::Town => "held_town",
                        Level::Village => "held_village",
                    };
                    both(level, level, x);
                    // Cash that meets the outside: from and to the source.
                    if sending.as_ref().is_some_and(|s| s.from.is_none() || s.to_source) {
                        both("received", "-", x);
                        if sending.as_ref().is_some_and(|s| s.to_source) {
                            both("returned_up", "-", -x);
                        }
                    }
                }
                Account::Way(..) => {
                    let outer = sending.as_ref().is_some_and(|s| s.from.is_none() || s.to_source);
                    let column = if outer { "in_transit" } else { "within" };
                    both(column, if outer { "-" } else { "within" }, x);
                    // The helper's gross flows.
                    let sending = sending.unwrap();
                    if outer {
                        let name = match (sending.to_source, event) {
                            (false, Event::TransferSent(_)) => "down_sent",
                            (false, Event::TransferReceived(_)) => "down_arrived",
                            (false, _) => "down_bounced",
                            (true, Event::FundsReturnedUp(_)) => "up_sent",
                            (true, Event::TransferReceived(_)) => "up_arrived",
                            (true, _) => "up_bounced",
                        };
                        let sent = name.ends_with("sent");
                        both("-", name, if sent { x } else { -x });
                    }
                }
                _ => (),
            }
            if let (Account::Hold(..), Some(paid)) = (account, paid(event)) {
                both("spent", if paid { "paid" } else { "refunded" }, if paid { -x } else { x });
                if !paid {
                    both("spent", "-", -2 * x);
                    both("refunded", "-", x);
                }
            }
        }
        for (view, key, column, x) in sums {
            if column != "-" && column != "brought_again" {
                self.add(view, key, column, x);
            }
        }
    }

    fn quotas(&mut self) {
        let mut sums: Vec<(Vec<Value>, &'static str, i64)> = Vec::new();
        let mut touched = BTreeSet::new();
        for (x, _, account, event, _) in self.legs() {
            let Some(quota) = quota_of(&account) else { continue };
            let key = |unit: u64| vec![text(quota), int(unit)];
            let given = matches!(event, Event::OpeningBalance(_) | Event::QuotaIssued(_))
                || matches!(event, Event::QuotaWithdrawn(w) if w.legs_touch_source());
            match account {
                Account::Quota(unit, _) => sums.push((key(unit.code()), "available", x)),
                Account::Used(unit, _) => sums.push((key(unit.code()), "used", x)),
                Account::Way(unit, _) => sums.push((key(unit.code()), "in_transit", x)),
                Account::Hold(unit, _) => sums.push((key(unit.code()), "held", x)),
                Account::Prior(..) => sums.push((key(0), "paid_before", x)),
                _ => (),
            }
            if given && matches!(account, Account::Quota(..) | Account::Used(..)) {
                sums.push((key(0), "issued", x));
                touched.insert(quota);
            }
        }
        for (key, column, x) in sums {
            self.add(6, key, column, x);
        }
        for quota in touched {
            let key = vec![text(quota), int(0)];
            let sums = self.rows.get(&(6, key.clone())).cloned().unwrap_or_default();
            if sums.values().all(|sum| *sum == int(0)) {
                continue;
            }
            let def = &self.defs[&quota];
            let columns = [
                ("source", text(def.source)),
                ("treasury", int(def.treasury.code())),
                ("home_city", int(def.home.code())),
                ("to_unit", int(def.to.code())),
                ("tranche", text(&def.tranche)),
                ("year", int(def.year)),
            ];
            for (column, value) in columns {
                self.set(6, key.clone(), column, value);
            }
        }
    }

    fn transits(&mut self) {
        let mut rows: BTreeMap<Seq, [i64; 3]> = BTreeMap::new();
        let mut dates = BTreeMap::new();
        for Counted { weight, seq, date, event } in &self.counted {
            let x = weight * amount_of(event);
            match event {
                Event::TransferSent(_) | Event::FundsReturnedUp(_) => {
                    rows.entry(*seq).or_default()[0] += x;
                    dates.insert(*seq, *date);
                }
                Event::TransferReceived(e) => rows.entry(e.sent.seq).or_default()[1] += x,
                Event::TransferReturned(e) => rows.entry(e.sent.seq).or_default()[2] += x,
                _ => (),
            }
        }
        for (seq, [amount, received, returned]) in rows {
            if amount - received - returned == 0 {
                continue;
            }
            let sending = sending(seq, self.all[&seq]).unwrap();
            let columns = [
                ("quota", text(sending.quota)),
                ("from", int(sending.from.map_or(0, Unit::code))),
                ("to_unit", int(sending.to.code())),
                ("up", int(u8::from(sending.up))),
                ("to_source", int(u8::from(sending.to_source))),
                ("date", int(dates[&seq].0)),
                ("amount", int(amount)),
                ("received", int(received)),
                ("returned", int(returned)),
            ];
            for (column, value) in columns {
                self.set(8, vec![int(seq.0)], column, value);
            }
        }
    }
}

/// Whether a record pays (`true`) or brings back a payment (`false`).
fn paid(event: &Event) -> Option<bool> {
    match event {
        Event::DisbursedToHousehold(_) | Event::DisbursedToProject(_) => Some(true),
        Event::PaymentReturned(_)
        | Event::OverpaymentRepaid(_)
        | Event::ProjectSurplusReturned(_) => Some(false),
        _ => None,
    }
}

#[derive(Clone)]
struct Sending {
    quota: QuotaId,
    from: Option<Unit>,
    to: Unit,
    up: bool,
    to_source: bool,
}

fn sending(_: Seq, event: &Event) -> Option<Sending> {
    match event {
        Event::TransferSent(e) => {
            let legs = e.clone();
            let from = match legs.from {
                ledger::state::money::Sender::Unit(unit) => Some(unit),
                ledger::state::money::Sender::Source(..) => None,
            };
            Some(Sending { quota: e.quota, from, to: e.to, up: false, to_source: false })
        }
        Event::FundsReturnedUp(e) => Some(Sending {
            quota: e.quota,
            from: Some(e.from),
            to: e.to,
            up: true,
            to_source: e.to_source,
        }),
        _ => None,
    }
}

fn quota_of(account: &Account) -> Option<QuotaId> {
    match account {
        Account::Quota(_, q)
        | Account::Used(_, q)
        | Account::Src(_, _, q)
        | Account::Way(_, q)
        | Account::Hold(_, q)
        | Account::Prior(_, q) => Some(*q),
        _ => None,
    }
}

trait TouchesSource {
    fn legs_touch_source(&self) -> bool;
}

impl TouchesSource for ledger::event::money::QuotaWithdrawn {
    fn legs_touch_source(&self) -> bool {
        matches!(self.back_to, ledger::event::money::BackTo::Source(..))
    }
}

trait HouseholdOf {
    fn household(&self) -> Option<HouseholdCode>;
}

impl HouseholdOf for ledger::state::project::Target {
    fn household(&self) -> Option<HouseholdCode> {
        match self {
            Self::Household(code) => Some(*code),
            Self::Village(_) => None,
        }
    }
}

#[derive(Clone, Default)]
struct House {
    state: Option<HouseholdState>,
    class: Option<Class>,
    village: Option<Unit>,
    active: i64,
    peak: i64,
}

fn register<'a>(
    events: impl Iterator<Item = &'a &'a (At, Event)>,
) -> BTreeMap<HouseholdCode, House> {
    use HouseholdState::{Dissolved, Exited, Registered, Removed};
    let mut all: BTreeMap<HouseholdCode, House> = BTreeMap::new();
    for (_, event) in events {
        let mut put = |code: HouseholdCode, state: HouseholdState| {
            all.entry(code).or_default().state = Some(state);
        };
        match event {
            Event::HouseholdExited(e) => put(e.household, Exited),
            Event::HouseholdReturned(e) => put(e.household, Registered),
            Event::HouseholdRemoved(e) => put(e.household, Removed),
            Event::HouseholdReinstated(e) => put(e.household, Registered),
            Event::HouseholdDissolved(e) => put(e.household, Dissolved),
            Event::HouseholdRegistered(e) => {
                put(e.household, Registered);
                let house = all.entry(e.household).or_default();
                (house.class, house.village) = (Some(e.class), Some(e.village));
                house.active += e.members.len() as i64;
            }
            Event::HouseholdAmended(e) => {
                let house = all.entry(e.household).or_default();
                house.class = e.class.or(house.class);
            }
            Event::HouseholdMoved(e) => {
                all.entry(e.household).or_default().village = Some(e.village);
            }
            Event::HouseholdSplit(e) => {
                let n = e.members.len() as i64;
                let old = all.entry(e.household).or_default();
                old.active -= n;
                let old = old.clone();
                let new = all.entry(e.new_household).or_default();
                (new.state, new.class, new.village) = (old.state, old.class, old.village);
                new.active += n;
            }
            Event::HouseholdsMerged(e) => {
                let n = e.members.len() as i64;
                let from = all.entry(e.from).or_default();
                let registered = from.state == Some(Registered);
                (from.state, from.active) = (Some(Dissolved), from.active - n);
                let into = all.entry(e.into).or_default();
                into.active += n;
                if registered {
                    into.state = Some(Registered);
                }
            }
            Event::MemberAdded(e) => all.entry(e.household).or_default().active += 1,
            Event::MemberLeft(e) => all.entry(e.household).or_default().active -= 1,
            Event::MemberDied(e) => all.entry(e.household).or_default().active -= 1,
            Event::MemberMoved(e) => {
                all.entry(e.from).or_default().active -= 1;
                all.entry(e.to).or_default().active += 1;
            }
            _ => (),
        }
        for house in all.values_mut() {
            house.peak = house.peak.max(house.active);
        }
    }
    all
}
