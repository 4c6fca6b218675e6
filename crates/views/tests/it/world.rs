//! Random legal histories: an action is a number and three draws; what is not legal is passed over.
//!
//! Always: no account leaves its side of zero, a record is reversed once and only without dependants.

use std::collections::BTreeMap;

use ledger::account::{Account, Legs};
use ledger::event::Event;
use ledger::event::money::{
    BackTo, DisbursedToHousehold, FundsReturnedUp, OpeningBalance, OverpaymentRepaid,
    PaymentReturned, QuotaIssued, QuotaReleased, QuotaWithdrawn, Reference, Refund, TrancheOpened,
    TransferReceived, TransferReturned, TransferSent, Word,
};
use ledger::event::project::{
    Benefit, BenefitAttributed, BenefitWithdrawn, DisbursedToProject, IncomeDeclared,
    IncomeDistributed, ProjectSurplusReturned,
};
use ledger::event::registry::{
    Causes, HouseholdAmended, HouseholdDissolved, HouseholdExited, HouseholdMoved,
    HouseholdRegistered, HouseholdReinstated, HouseholdRemoved, HouseholdReturned, HouseholdSplit,
    HouseholdsMerged, Marks, MemberAdded, MemberDied, MemberLeft, MemberMoved, Person,
};
use ledger::event::reversal::Reversed;
use ledger::ids::{
    BankRef, Date, HouseholdCode, LoanId, OrgId, ProjectId, Purpose, QuotaId, Source, Token,
    TrancheId, Unit,
};
use ledger::kind::Kind;
use ledger::reject::Month;
use ledger::rules::SchemeKey;
use ledger::state::money::Sender;
use ledger::state::project::Target;
use ledger::words::{
    Ability, AddedReason, Class, DissolvedReason, HouseholdState, LeftReason, Programme, Sex,
};
use record::{Fen, Seq};

use crate::book::Book;

/// What to try next: which action, and three draws for it.
pub(crate) type Action = (u8, u32, u32, u32);

const TREE: &[&str] = &[
    "4414",
    "441423",
    "441424",
    "441423901",
    "441424901",
    "441424902",
    "441423901201",
    "441424901201",
    "441424901202",
    "441424902201",
    "4418",
    "441882",
    "441882901",
    "441882901201",
    "4405",
    "440507",
    "440507001",
    "440507001201",
];

pub(crate) fn unit(text: &str) -> Unit {
    Unit::parse_exact(text).unwrap()
}

fn pick<T: Copy>(list: &[T], draw: u32) -> Option<T> {
    if list.is_empty() { None } else { Some(list[draw as usize % list.len()]) }
}

struct Known {
    event: Event,
    date: Date,
    referred: Option<Seq>,
    reversed: bool,
    dependants: u32,
}

/// A household as the generator keeps it.
#[derive(Clone)]
struct House {
    state: HouseholdState,
    village: Unit,
    active: Vec<u8>,
    next_no: u8,
}

/// The ledger under test and what the generator must know to stay legal.
pub(crate) struct World {
    pub(crate) book: Book,
    today: Date,
    balances: BTreeMap<String, i64>,
    known: BTreeMap<u64, Known>,
    quotas: Vec<QuotaIssued>,
    tranches: Vec<(TrancheId, Unit, u32, [i64; 3])>,
    houses: BTreeMap<HouseholdCode, House>,
    serial: u32,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            book: Book::new(),
            today: Date::parse("2016-07-01").unwrap(),
            balances: BTreeMap::new(),
            known: BTreeMap::new(),
            quotas: Vec::new(),
            tranches: Vec::new(),
            houses: BTreeMap::new(),
            serial: 0,
        }
    }

    /// Tries an action.
    pub(crate) fn act(&mut self, action: Action) {
        let (kind, a, b, c) = action;
        self.today = Date(self.today.0 + a % 9);
        let events = match kind % 28 {
            0 | 1 => self.tranche(a, b, c),
            2 | 3 => self.issue(a, b, c),
            4 | 5 => self.release(a, b, c),
            6 => self.withdraw(a, b),
            7 | 8 => self.send(a, b),
            9 | 10 => self.send_down(a, b, c),
            11 => self.send_up(a, b, c),
            12..=14 => self.receive(a, b),
            15 => self.bounce(a, b),
            16..=18 => self.pay(a, b, c),
            19 => self.pay_project(a, b, c),
            20 => self.refund(a, b, c),
            21 => self.benefit(a, b, c),
            22 => self.income(a, b, c),
            23 => self.reverse(a),
            24 => self.opening(a, b, c),
            25 => self.register(b, c),
            _ => self.adjust(a, b, c),
        };
        let Some(events) = events else { return };
        // Every third voucher is dated back.
        let back = if c.is_multiple_of(3) { b % 25 } else { 0 };
        let earliest = events.iter().filter_map(|e| self.earliest(e)).max();
        let date = Date(self.today.0.saturating_sub(back)).max(earliest.unwrap_or_default());
        self.post(date, events);
    }

    /// A receipt, return or refund is not dated before what it refers to.
    fn earliest(&self, event: &Event) -> Option<Date> {
        referred(event).and_then(|seq| self.known.get(&seq.0)).map(|known| known.date)
    }

    fn post(&mut self, date: Date, events: Vec<Event>) {
        let mut after = self.balances.clone();
        for event in &events {
            for (account, fen) in event.legs().as_slice() {
                let balance = after.entry(account.to_string()).or_default();
                *balance += fen.get();
                let wrong = if account.is_origin() { 0 < *balance } else { *balance < 0 };
                if wrong {
                    return;
                }
            }
        }
        self.balances = after;
        for (seq, event) in self.book.post(date, self.today, events.clone()).into_iter().zip(events)
        {
            if let Some(of) = referred(&event) {
                self.known.get_mut(&of.0).unwrap().dependants += 1;
            }
            if let Event::Reversed(e) = &event {
                let original = self.known.get_mut(&e.original.seq.0).unwrap();
                original.reversed = true;
                if let Some(of) = original.referred {
                    self.known.get_mut(&of.0).unwrap().dependants -= 1;
                }
            }
            let referred = referred(&event);
            let known = Known { event, date, referred, reversed: false, dependants: 0 };
            self.known.insert(seq.0, known);
        }
    }

    fn balance(&self, account: Account) -> i64 {
        self.balances.get(&account.to_string()).copied().unwrap_or(0)
    }

    /// An amount up to a limit, the whole of it every fourth time; `None` when there is nothing.
    fn amount(limit: i64, draw: u32) -> Option<Fen> {
        if limit <= 0 {
            return None;
        }
        let all = draw.is_multiple_of(4);
        Some(Fen::new(if all { limit } else { 1 + i64::from(draw) % limit }))
    }

    fn tranche(&mut self, a: u32, b: u32, c: u32) -> Option<Vec<Event>> {
        let home = unit(pick(&["4414", "4414", "4418", "4405"], a)?);
        self.serial += 1;
        let tranche = TrancheId::id(&format!("T-{}", self.serial))?;
        let x = 1 + i64::from(b % 100_000);
        let parts = [x * 6 / 10, x * 3 / 10, x - x * 6 / 10 - x * 3 / 10];
        let year = 2016 + c % 3;
        self.tranches.push((tranche, home, year, parts));
        Some(vec![Event::from(TrancheOpened {
            tranche,
            home,
            year,
            parts: parts.map(Fen::new),
            scheme: "GD-631".into(),
            scheme_key: SchemeKey::All,
            scheme_version: 1,
            weights: [6, 3, 1],
            baseline_version: 1,
            cap_version: 1,
            pairing_version: 1,
            heads: 1_000,
            helper: helper(home),
        })])
    }

    fn issue(&mut self, a: u32, b: u32, c: u32) -> Option<Vec<Event>> {
        let source = Source::ALL[a as usize % 5];
        let (tranche, home, year) = if source.is_shared() {
            let (tranche, home, year, _) = pick(&self.tranches, b)?;
            (tranche, home, year)
        } else {
            (TrancheId::EMPTY, unit(pick(&["4414", "4418"], b)?), 2016 + b % 2)
        };
        let owed = self.balance(Account::Owed(source, home));
        let amount = Self::amount(if source.is_shared() { owed } else { 50_000 }, c)?;
        let county = self.below(home, b);
        let (treasury, to) = match source {
            Source::P => (Unit::PROVINCE, home),
            Source::H => (helper(home), home),
            Source::L if c.is_multiple_of(2) => (county?, county?),
            Source::L => (home, home),
            Source::U => (unit("440106"), county?),
            Source::S => (Unit::PROVINCE, home),
        };
        self.serial += 1;
        let issued = QuotaIssued {
            quota: QuotaId::id(&format!("Q-{}", self.serial))?,
            source,
            treasury,
            home,
            tranche,
            programme: Programme::parse(source.programme())?,
            to,
            amount,
            year,
            issuer: OrgId::id("FB44")?,
            flows_version: 1,
            pairing_version: 0,
        };
        self.quotas.push(issued.clone());
        Some(vec![issued.into()])
    }

    fn opening(&mut self, a: u32, b: u32, c: u32) -> Option<Vec<Event>> {
        let source = Source::ALL[a as usize % 5];
        let home = unit("4418");
        let to = unit(pick(&["4418", "441882"], b)?);
        self.serial += 1;
        let issued = 1 + i64::from(c % 1_000);
        let cash = i64::from(b) % (issued + 1);
        let before = i64::from(a) % (cash + 1);
        let treasury = if source == Source::H { helper(home) } else { Unit::PROVINCE };
        let programme = Programme::parse(source.programme())?;
        let quota = QuotaId::id(&format!("O-{}", self.serial))?;
        let issuer = OrgId::id("FB44")?;
        let year = self.today.year().into();
        self.quotas.push(QuotaIssued {
            quota,
            source,
            treasury,
            home,
            programme,
            to,
            year,
            issuer,
            tranche: TrancheId::EMPTY,
            amount: Fen::new(issued),
            flows_version: 1,
            pairing_version: 0,
        });
        Some(vec![Event::from(OpeningBalance {
            quota,
            source,
            treasury,
            home,
            programme,
            issuer,
            unit: to,
            issued: Fen::new(issued),
            cash_in: Fen::new(cash),
            paid_before: Fen::new(before),
            year,
            baseline_version: 0,
            cap_version: 0,
            heads: 0,
        })])
    }

    fn below(&self, of: Unit, draw: u32) -> Option<Unit> {
        let below: Vec<Unit> = TREE
            .iter()
            .map(|text| unit(text))
            .filter(|found| *found != of && of.contains(*found))
            .collect();
        pick(&below, draw)
    }

    /// A quota and one of the units that have something of it.
    fn stock(
        &self,
        a: u32,
        account: impl Fn(Unit, QuotaId) -> Account,
    ) -> Option<(QuotaIssued, Unit)> {
        let mut all = Vec::new();
        for (no, quota) in self.quotas.iter().enumerate() {
            for text in TREE {
                if 0 < self.balance(account(unit(text), quota.quota)) {
                    all.push((no, unit(text)));
                }
            }
        }
        let (no, unit) = pick(&all, a)?;
        Some((self.quotas[no].clone(), unit))
    }

    fn release(&mut self, a: u32, b: u32, c: u32) -> Option<Vec<Event>> {
        let (quota, from) = self.stock(a, Account::Quota)?;
        let to = self.below(from, b)?;
        let amount = Self::amount(self.balance(Account::Quota(from, quota.quota)), c)?;
        Some(vec![QuotaReleased { quota: quota.quota, from, to, amount, flows_version: 1 }.into()])
    }

    fn withdraw(&mut self, a: u32, b: u32) -> Option<Vec<Event>> {
        let (quota, from) = self.stock(a, Account::Quota)?;
        let amount = Self::amount(self.balance(Account::Quota(from, quota.quota)), b)?;
        let back_to = if from == quota.to {
            BackTo::Source(quota.source, quota.home)
        } else {
            BackTo::Unit(from.parent()?)
        };
        Some(vec![
            QuotaWithdrawn { quota: quota.quota, from, back_to, amount, flows_version: 1 }.into(),
        ])
    }

    fn send(&mut self, a: u32, b: u32) -> Option<Vec<Event>> {
        let quota = self.quotas.get(a as usize % self.quotas.len().max(1))?;
        let from = Sender::Source(quota.source, quota.treasury);
        // The generator lets a source send what it issued once over; unsent may fall below zero.
        let amount = Self::amount(quota.amount.get(), b)?;
        Some(vec![transfer(quota.quota, from, quota.to, amount)])
    }

    fn send_down(&mut self, a: u32, b: u32, c: u32) -> Option<Vec<Event>> {
        let (quota, from) = self.stock(a, Account::Hold)?;
        let to = self.below(from, b)?;
        let amount = Self::amount(self.balance(Account::Hold(from, quota.quota)), c)?;
        let event = transfer(quota.quota, Sender::Unit(from), to, amount);
        Some(vec![event])
    }

    fn send_up(&mut self, a: u32, b: u32, c: u32) -> Option<Vec<Event>> {
        let (quota, from) = self.stock(a, Account::Hold)?;
        let amount = Self::amount(self.balance(Account::Hold(from, quota.quota)), b)?;
        let to_source = from == quota.to && c.is_multiple_of(2);
        let to = if to_source { quota.treasury } else { from.parent()? };
        if !to_source && to == Unit::PROVINCE {
            return None;
        }
        Some(vec![Event::from(FundsReturnedUp {
            quota: quota.quota,
            from,
            to,
            to_source,
            bank_ref: BankRef::new("B-up")?,
            amount,
            flows_version: 1,
        })])
    }

    /// A sent record with something open: quota, position, receiver, sender, to source, open.
    fn open_sent(&self, draw: u32) -> Option<(QuotaId, Seq, Unit, Sender, bool, i64)> {
        let mut open = Vec::new();
        for (seq, known) in self.known.iter().filter(|(_, known)| !known.reversed) {
            let (quota, to, from, to_source, amount) = match &known.event {
                Event::TransferSent(e) => (e.quota, e.to, e.from, false, e.amount),
                Event::FundsReturnedUp(e) => {
                    (e.quota, e.to, Sender::Unit(e.from), e.to_source, e.amount)
                }
                _ => continue,
            };
            let left = amount.get() - self.referring(Seq(*seq));
            if 0 < left {
                open.push((quota, Seq(*seq), to, from, to_source, left));
            }
        }
        pick(&open, draw)
    }

    /// Sum of the standing records that refer to one.
    fn referring(&self, to: Seq) -> i64 {
        let live =
            self.known.values().filter(|known| !known.reversed && known.referred == Some(to));
        live.map(|known| amount_of(&known.event)).sum()
    }

    fn receive(&mut self, a: u32, b: u32) -> Option<Vec<Event>> {
        let (quota, seq, at, _, to_source, open) = self.open_sent(a)?;
        let definition = self.quotas.iter().find(|found| found.quota == quota)?;
        let into = if to_source {
            Sender::Source(definition.source, definition.treasury)
        } else {
            Sender::Unit(at)
        };
        let amount = Self::amount(open, b)?;
        Some(vec![TransferReceived { quota, sent: reference(seq), at, into, amount }.into()])
    }

    fn bounce(&mut self, a: u32, b: u32) -> Option<Vec<Event>> {
        let (quota, seq, at, back_to, _, open) = self.open_sent(a)?;
        let amount = Self::amount(open, b)?;
        Some(vec![TransferReturned { quota, sent: reference(seq), at, back_to, amount }.into()])
    }

    fn payable(&self, a: u32) -> Option<(QuotaIssued, Unit, i64)> {
        let (quota, unit) = self.stock(a, Account::Hold)?;
        let hold = self.balance(Account::Hold(unit, quota.quota));
        let left = hold.min(self.balance(Account::Quota(unit, quota.quota)));
        Some((quota, unit, left))
    }

    fn pay(&mut self, a: u32, b: u32, c: u32) -> Option<Vec<Event>> {
        let (quota, unit, left) = self.payable(a)?;
        let houses: Vec<HouseholdCode> = self.houses.keys().copied().collect();
        let mut left = left;
        let mut events = Vec::new();
        // Up to three lines a voucher.
        for line in 0..=b % 3 {
            let Some(amount) = Self::amount(left, c.wrapping_add(line)) else { break };
            left -= amount.get();
            let household = pick(&houses, b.wrapping_add(line))?;
            let house = &self.houses[&household];
            events.push(Event::from(DisbursedToHousehold {
                quota: quota.quota,
                unit,
                household,
                member_no: None,
                account: Token([1; 16]),
                purpose: Purpose::new(pick(&["P01", "P02", "P03"], c)?)?,
                loan: LoanId::EMPTY,
                bank_ref: BankRef::new("B-pay")?,
                amount,
                village: house.village,
                class: Class::General,
                heads: house.active.len() as u32,
                exited: false,
                purposes_version: 1,
                flows_version: 1,
                cap_version: 1,
            }));
        }
        Some(events)
    }

    fn pay_project(&mut self, a: u32, b: u32, c: u32) -> Option<Vec<Event>> {
        let (quota, unit, left) = self.payable(a)?;
        Some(vec![Event::from(DisbursedToProject {
            quota: quota.quota,
            unit,
            project: project(b)?,
            purpose: Purpose::new("P04")?,
            bank_ref: BankRef::new("B-prj")?,
            amount: Self::amount(left, c)?,
            purposes_version: 1,
            flows_version: 1,
        })])
    }

    fn refund(&mut self, a: u32, b: u32, c: u32) -> Option<Vec<Event>> {
        let mut open = Vec::new();
        for (seq, known) in self.known.iter().filter(|(_, known)| !known.reversed) {
            let left = amount_of(&known.event) - self.referring(Seq(*seq));
            let paid = matches!(
                known.event,
                Event::DisbursedToHousehold(_) | Event::DisbursedToProject(_)
            );
            if paid && 0 < left {
                open.push((*seq, left));
            }
        }
        let (seq, left) = pick(&open, a)?;
        let (payment, reason) = (reference(Seq(seq)), Word::new("other")?);
        Some(vec![match &self.known[&seq].event {
            Event::DisbursedToHousehold(e) => {
                let refund = Refund {
                    quota: e.quota,
                    payment,
                    unit: e.unit,
                    household: e.household,
                    reason,
                    amount: Self::amount(left, b)?,
                    purpose: e.purpose,
                    village: e.village,
                    account: e.account,
                    loan: e.loan,
                };
                if c.is_multiple_of(2) {
                    PaymentReturned(refund).into()
                } else {
                    OverpaymentRepaid(refund).into()
                }
            }
            Event::DisbursedToProject(e) => {
                let open = self.balance(Account::Open(e.project));
                ProjectSurplusReturned {
                    quota: e.quota,
                    payment,
                    unit: e.unit,
                    project: e.project,
                    reason,
                    amount: Self::amount(left.min(open), b)?,
                    purpose: e.purpose,
                }
                .into()
            }
            _ => return None,
        }])
    }

    fn target(&self, draw: u32) -> Option<(Target, Unit)> {
        if draw.is_multiple_of(4) {
            let village = unit("441424901201");
            return Some((Target::Village(village), village));
        }
        let houses: Vec<HouseholdCode> = self.houses.keys().copied().collect();
        let code = pick(&houses, draw)?;
        Some((Target::Household(code), self.houses[&code].village))
    }

    fn benefit(&mut self, a: u32, b: u32, c: u32) -> Option<Vec<Event>> {
        let project = project(a)?;
        let (target, village) = self.target(b)?;
        let benefit = |amount| Benefit { project, target, amount, village };
        if c.is_multiple_of(3) {
            let given: i64 = self.given(project, target);
            return Some(vec![BenefitWithdrawn(benefit(Self::amount(given, c)?)).into()]);
        }
        let open = self.balance(Account::Open(project));
        Some(vec![BenefitAttributed(benefit(Self::amount(open, c)?)).into()])
    }

    fn given(&self, project: ProjectId, target: Target) -> i64 {
        let live = self.known.values().filter(|known| !known.reversed);
        live.map(|known| match &known.event {
            Event::BenefitAttributed(e) if e.0.project == project && e.0.target == target => {
                e.0.amount.get()
            }
            Event::BenefitWithdrawn(e) if e.0.project == project && e.0.target == target => {
                -e.0.amount.get()
            }
            _ => 0,
        })
        .sum()
    }

    fn income(&mut self, a: u32, b: u32, c: u32) -> Option<Vec<Event>> {
        let project = project(a)?;
        let (target, village) = self.target(b)?;
        let declared = Fen::new(1 + i64::from(c % 1_000));
        let period = Month(self.today.month());
        let amount = Self::amount(declared.get(), b)?;
        Some(vec![
            IncomeDeclared { project, period, amount: declared }.into(),
            IncomeDistributed { project, target, account: None, amount, village }.into(),
        ])
    }

    fn reverse(&mut self, a: u32) -> Option<Vec<Event>> {
        let can = |known: &Known| {
            let money = !known.event.legs().as_slice().is_empty();
            money && !known.reversed && known.dependants == 0
        };
        let open: Vec<u64> = self
            .known
            .iter()
            .filter(|(_, known)| can(known) && !matches!(known.event, Event::Reversed(_)))
            .map(|(seq, _)| *seq)
            .collect();
        let seq = pick(&open, a)?;
        let known = &self.known[&seq];
        if let Event::QuotaIssued(e) = &known.event
            && self.balance(Account::Src(e.source, e.treasury, e.quota)) != 0
        {
            return None;
        }
        let (purpose, village) = purpose_of(&known.event);
        Some(vec![Event::from(Reversed {
            original: reference(Seq(seq)),
            reason: Word::new("amount")?,
            date: known.date,
            kind: known.event.kind(),
            legs: Box::new(known.event.legs().mirror()?),
            referred: known.referred,
            purpose,
            village,
            account: account_of(&known.event),
            bank_ref: BankRef::EMPTY,
            loan: LoanId::EMPTY,
            tranche: match &known.event {
                Event::TrancheOpened(e) => e.tranche,
                Event::QuotaIssued(e) => e.tranche,
                _ => TrancheId::EMPTY,
            },
            period: match &known.event {
                Event::IncomeDeclared(e) => Some(e.period),
                _ => None,
            },
        })])
    }

    fn villages() -> Vec<Unit> {
        TREE.iter().filter(|text| text.len() == 12).map(|text| unit(text)).collect()
    }

    fn register(&mut self, b: u32, c: u32) -> Option<Vec<Event>> {
        let village = pick(&Self::villages(), b)?;
        self.serial += 1;
        let household = HouseholdCode::new(village, self.serial as u16 % 10_000)?;
        let count = 1 + (c % 5) as u8;
        let class = Class::at((c % 3) as u8)?;
        let house = House {
            state: HouseholdState::Registered,
            village,
            active: (1..=count).collect(),
            next_no: count + 1,
        };
        self.houses.insert(household, house);
        Some(vec![Event::from(HouseholdRegistered {
            household,
            village,
            class,
            causes: Causes::of(["illness"].into_iter())?,
            helping_unit: None,
            members: (1..=count).map(person).collect(),
        })])
    }

    fn adjust(&mut self, a: u32, b: u32, c: u32) -> Option<Vec<Event>> {
        let codes: Vec<HouseholdCode> = self.houses.keys().copied().collect();
        let (household, other) = (pick(&codes, a)?, pick(&codes, b)?);
        let mut house = self.houses[&household].clone();
        let poor = |state| matches!(state, HouseholdState::Registered | HouseholdState::Exited);
        let reason = "for good reasons".to_owned();
        let event: Event = match c % 12 {
            0 => {
                let class = Some(Class::at((b % 3) as u8)?);
                HouseholdAmended { household, class, causes: Causes::default(), helping_unit: None }
                    .into()
            }
            1 => {
                let from_village = house.village;
                house.village = pick(&Self::villages(), b)?;
                HouseholdMoved { household, village: house.village, from_village }.into()
            }
            2 if poor(house.state) && 1 < house.active.len() => {
                self.serial += 1;
                let new_household = HouseholdCode::new(house.village, self.serial as u16 % 10_000)?;
                let members = house.active.split_off(1);
                let new = House { active: members.clone(), ..house.clone() };
                self.houses.insert(new_household, new);
                HouseholdSplit { household, new_household, members }.into()
            }
            3 if household != other && poor(house.state) && poor(self.houses[&other].state) => {
                let from = self.houses.get_mut(&other)?;
                if from.state == HouseholdState::Registered {
                    house.state = HouseholdState::Registered;
                }
                from.state = HouseholdState::Dissolved;
                let mut members = Vec::new();
                for no in std::mem::take(&mut from.active) {
                    members.push((no, house.next_no));
                    house.active.push(house.next_no);
                    house.next_no += 1;
                }
                HouseholdsMerged { into: household, from: other, members }.into()
            }
            4 if house.state == HouseholdState::Registered => {
                house.state = HouseholdState::Exited;
                HouseholdExited { household, year: 2017 }.into()
            }
            5 if house.state == HouseholdState::Exited => {
                house.state = HouseholdState::Registered;
                HouseholdReturned { household, reason }.into()
            }
            6 if poor(house.state) => {
                house.state = HouseholdState::Removed;
                HouseholdRemoved { household, reason }.into()
            }
            7 if !poor(house.state) => {
                house.state = HouseholdState::Registered;
                HouseholdReinstated { household, reason }.into()
            }
            8 if poor(house.state) => {
                house.state = HouseholdState::Dissolved;
                HouseholdDissolved { household, reason: DissolvedReason::ALL[0] }.into()
            }
            9 if house.next_no < 90 => {
                let member = person(house.next_no);
                house.active.push(house.next_no);
                house.next_no += 1;
                MemberAdded { household, member, reason: AddedReason::ALL[0] }.into()
            }
            10 if !house.active.is_empty() => {
                let no = house.active.pop()?;
                if b.is_multiple_of(2) {
                    MemberLeft { household, no, reason: LeftReason::ALL[0] }.into()
                } else {
                    let died = Date(self.today.0 - 30);
                    MemberDied { household, no, died }.into()
                }
            }
            11 if household != other && !house.active.is_empty() => {
                let to = self.houses.get_mut(&other)?;
                let (no, new_no) = (house.active.pop()?, to.next_no);
                to.active.push(new_no);
                to.next_no += 1;
                MemberMoved { from: household, no, to: other, new_no }.into()
            }
            _ => return None,
        };
        self.houses.insert(household, house);
        Some(vec![event])
    }
}

pub(crate) fn helper(home: Unit) -> Unit {
    if home == unit("4405") { home } else { unit("4401") }
}

fn project(draw: u32) -> Option<ProjectId> {
    ProjectId::new(pick(&["P441424-00001", "P441424-00002"], draw)?)
}

pub(crate) fn person(no: u8) -> Person {
    let marks = Marks { ability: Ability::ALL[0], dibao: false, student: false, insured: true };
    Person { no, person: Token([no; 16]), birth_year: 1970, sex: Sex::ALL[0], marks }
}

fn reference(seq: Seq) -> Reference {
    Reference { text: seq.to_string().into(), seq }
}

fn transfer(quota: QuotaId, from: Sender, to: Unit, amount: Fen) -> Event {
    let bank_ref = BankRef::new("B-down").unwrap();
    TransferSent { quota, from, to, bank_ref, amount, flows_version: 1 }.into()
}

pub(crate) fn referred(event: &Event) -> Option<Seq> {
    match event {
        Event::TransferReceived(e) => Some(e.sent.seq),
        Event::TransferReturned(e) => Some(e.sent.seq),
        Event::PaymentReturned(e) => Some(e.0.payment.seq),
        Event::OverpaymentRepaid(e) => Some(e.0.payment.seq),
        Event::ProjectSurplusReturned(e) => Some(e.payment.seq),
        _ => None,
    }
}

pub(crate) fn amount_of(event: &Event) -> i64 {
    let legs: Legs = event.legs();
    ledger::event::money::amount_of(event.kind(), &legs).unwrap_or_default().get()
}

fn purpose_of(event: &Event) -> (Purpose, Option<Unit>) {
    match event {
        Event::DisbursedToHousehold(e) => (e.purpose, Some(e.village)),
        Event::PaymentReturned(e) => (e.0.purpose, Some(e.0.village)),
        Event::OverpaymentRepaid(e) => (e.0.purpose, Some(e.0.village)),
        Event::DisbursedToProject(e) => (e.purpose, None),
        Event::ProjectSurplusReturned(e) => (e.purpose, None),
        Event::BenefitAttributed(e) => (Purpose::EMPTY, Some(e.0.village)),
        Event::BenefitWithdrawn(e) => (Purpose::EMPTY, Some(e.0.village)),
        Event::IncomeDistributed(e) => (Purpose::EMPTY, Some(e.village)),
        _ => (Purpose::EMPTY, None),
    }
}

fn account_of(event: &Event) -> Option<Token> {
    match event {
        Event::DisbursedToHousehold(e) => Some(e.account),
        Event::PaymentReturned(e) => Some(e.0.account),
        Event::OverpaymentRepaid(e) => Some(e.0.account),
        _ => None,
    }
}

/// Kinds that a run has met, for the assertion that each interesting one was.
pub(crate) fn kinds(world: &World) -> std::collections::BTreeSet<Kind> {
    let mut kinds: std::collections::BTreeSet<Kind> =
        world.book.events.iter().map(|(_, e)| e.kind()).collect();
    kinds.remove(&Kind::VoucherPosted);
    kinds
}
