//! Household statement 一户一卡: members, every payment and refund, benefit, income, the review line.
//!
//! Always: no name, number or account; a person is told by number and token of no meaning outside. What is
//! reversed is shown with the position of its reversal and counts in no sum. The sums are those of the
//! household's balance.

use std::collections::{BTreeMap, BTreeSet};

use ledger::event::Event;
use ledger::event::money::Refund;
use ledger::event::project::Benefit;
use ledger::event::registry::Person;
use ledger::ids::{Date, HouseholdCode, QuotaId};
use ledger::rules::cap::CapRule;
use ledger::state::project::Target;
use record::Seq;

use super::book::{Line, line_at};
use super::table::{Cell, Kind, Table};
use super::{Given, ReportError};
use crate::history::{Asked, household};

const COLUMNS: [(&str, Kind); 17] = [
    ("part", Kind::Word),
    ("position", Kind::Position),
    ("date", Kind::Date),
    ("reference", Kind::Text),
    ("kind", Kind::Word),
    ("source", Kind::Word),
    ("quota", Kind::Text),
    ("purpose", Kind::Text),
    ("project", Kind::Text),
    ("bank_ref", Kind::Text),
    ("amount", Kind::Fen),
    ("reversed_by", Kind::Position),
    ("member", Kind::Count),
    ("birth_year", Kind::Text),
    ("ability", Kind::Word),
    ("state", Kind::Word),
    ("reason", Kind::Word),
];

/// A member of one of the households that were read.
#[derive(Clone)]
struct Member {
    person: Person,
    state: &'static str,
    since: Date,
    seq: Seq,
}

type Members = BTreeMap<(HouseholdCode, u8), Member>;

pub(super) fn table(given: &Given<'_>, code: HouseholdCode) -> Result<Table, ReportError> {
    let mut table = Table::new(&COLUMNS);
    let per_head_fen = given.rules.cap.known(given.as_of.position, given.day);
    let per_head_fen =
        per_head_fen.map(|version: &ledger::rules::Version<CapRule>| version.content.per_head_fen);
    let asked = Asked { code, as_of: given.as_of, per_head_fen };
    let balance = household(given.log, given.histories, given.views, &asked)?;
    let Some(balance) = balance else {
        return Err(ReportError::Unknown { what: "household", id: code.to_string() });
    };
    table.fact("household", Kind::Text, code.to_string());
    for (name, text) in &balance.texts {
        let kind = match *name {
            "state" | "class" => Kind::Word,
            "last_payment" => Kind::Date,
            _ => Kind::Text,
        };
        table.fact(name, kind, text.as_str());
    }
    for (name, count) in &balance.counts {
        table.fact(name, Kind::Count, *count);
    }
    for (name, fen) in &balance.fields {
        table.fact(name, Kind::Fen, *fen);
    }
    let members = members(given, code)?;
    for ((_, no), member) in members.iter().filter(|((of, _), _)| *of == code) {
        table.push(of_member(*no, member));
    }
    for row in money(given, code)? {
        table.push(row);
    }
    table.note("statement_no_names");
    Ok(table)
}

fn of_member(no: u8, member: &Member) -> Vec<Cell> {
    let mut row = vec![Cell::Nothing; COLUMNS.len()];
    let cells: [(usize, Cell); 7] = [
        (0, "member".into()),
        (1, member.seq.into()),
        (2, member.since.into()),
        (12, i64::from(no).into()),
        (13, member.person.birth_year.to_string().into()),
        (14, member.person.marks.ability.name().into()),
        (15, member.state.into()),
    ];
    for (at, cell) in cells {
        if let Some(slot) = row.get_mut(at) {
            *slot = cell;
        }
    }
    row
}

/// The positions of the records of a household and of all from which members came to it.
fn positions(given: &Given<'_>, code: HouseholdCode) -> Result<BTreeSet<Seq>, ReportError> {
    let mut known = BTreeSet::from([code]);
    let (mut open, mut found) = (vec![code], BTreeSet::new());
    while let Some(next) = open.pop() {
        for seq in given.histories.positions(next, given.as_of.position)? {
            if !found.insert(seq) {
                continue;
            }
            line_at(given, seq, &mut |line| {
                let from = match &line.entry.event {
                    Event::HouseholdSplit(e) => Some(e.household),
                    Event::HouseholdsMerged(e) => Some(e.from),
                    Event::MemberMoved(e) => Some(e.from),
                    _ => None,
                };
                open.extend(from.filter(|from| known.insert(*from)));
                Ok(())
            })?;
        }
    }
    Ok(found)
}

fn members(given: &Given<'_>, code: HouseholdCode) -> Result<Members, ReportError> {
    let mut members = Members::new();
    for seq in positions(given, code)? {
        line_at(given, seq, &mut |line| {
            if given.as_of.counts(line.at.date) {
                register(&mut members, line);
            }
            Ok(())
        })?;
    }
    Ok(members)
}

fn register(members: &mut Members, line: &Line<'_>) {
    let (since, seq) = (line.at.date, line.at.seq);
    let new = |person: Person| Member { person, state: "active", since, seq };
    let mut pass = |from: (HouseholdCode, u8), to: (HouseholdCode, u8)| {
        if let Some(member) = members.get_mut(&from) {
            let person = Person { no: to.1, ..member.person };
            (member.state, member.since) = ("left", since);
            members.insert(to, new(person));
        }
    };
    match &line.entry.event {
        Event::HouseholdRegistered(e) => {
            members.extend(e.members.iter().map(|person| ((e.household, person.no), new(*person))));
        }
        Event::MemberAdded(e) => {
            members.insert((e.household, e.member.no), new(e.member));
        }
        Event::HouseholdSplit(e) => {
            e.members.iter().for_each(|no| pass((e.household, *no), (e.new_household, *no)));
        }
        Event::HouseholdsMerged(e) => {
            e.members.iter().for_each(|(old, no)| pass((e.from, *old), (e.into, *no)));
        }
        Event::MemberMoved(e) => pass((e.from, e.no), (e.to, e.new_no)),
        Event::MemberAmended(e) => {
            if let Some(member) = members.get_mut(&(e.household, e.no)) {
                let ability = &mut member.person.marks.ability;
                *ability = e.ability.unwrap_or(*ability);
            }
        }
        Event::MemberLeft(e) => end(members, (e.household, e.no), "left", since),
        Event::MemberDied(e) => end(members, (e.household, e.no), "dead", e.died),
        _ => (),
    }
}

fn end(members: &mut Members, key: (HouseholdCode, u8), state: &'static str, since: Date) {
    if let Some(member) = members.get_mut(&key) {
        (member.state, member.since) = (state, since);
    }
}

/// Money of the household, oldest record first.
fn money(given: &Given<'_>, code: HouseholdCode) -> Result<Vec<Vec<Cell>>, ReportError> {
    let (mut rows, mut undone) = (Vec::new(), BTreeMap::new());
    for seq in given.histories.positions(code, given.as_of.position)? {
        line_at(given, seq, &mut |line| {
            if !given.as_of.counts(line.at.date) {
                return Ok(());
            }
            if let Event::Reversed(e) = &line.entry.event {
                undone.insert(e.original.seq, line.at.seq);
            } else if let Some(row) = of_money(given, line) {
                rows.push((line.at.seq, row));
            }
            Ok(())
        })?;
    }
    let reversal = COLUMNS.iter().position(|(name, _)| *name == "reversed_by");
    for (seq, row) in &mut rows {
        if let Some(cell) = reversal.and_then(|at| row.get_mut(at)) {
            *cell = undone.get(seq).map_or(Cell::Nothing, |by| (*by).into());
        }
    }
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// What differs between rows of money.
#[derive(Default)]
struct Money {
    part: &'static str,
    quota: QuotaId,
    purpose: String,
    project: String,
    bank_ref: String,
    fen: i64,
    member: Option<u8>,
    reason: String,
}

impl Money {
    fn refund(e: &Refund) -> Self {
        let (quota, purpose) = (e.quota, e.purpose.to_string());
        let (reason, fen) = (e.reason.to_string(), e.amount.get().saturating_neg());
        Self { part: "refund", quota, purpose, reason, fen, ..Self::default() }
    }

    fn benefit(e: &Benefit, fen: i64) -> Self {
        Self { part: "benefit", project: e.project.to_string(), fen, ..Self::default() }
    }
}

fn of_money(given: &Given<'_>, line: &Line<'_>) -> Option<Vec<Cell>> {
    let money = match &line.entry.event {
        Event::DisbursedToHousehold(e) => Money {
            part: "payment",
            quota: e.quota,
            purpose: e.purpose.to_string(),
            bank_ref: e.bank_ref.to_string(),
            fen: e.amount.get(),
            member: e.member_no,
            ..Money::default()
        },
        Event::PaymentReturned(e) => Money::refund(&e.0),
        Event::OverpaymentRepaid(e) => Money::refund(&e.0),
        Event::BenefitAttributed(e) => Money::benefit(&e.0, e.0.amount.get()),
        Event::BenefitWithdrawn(e) => Money::benefit(&e.0, e.0.amount.get().saturating_neg()),
        Event::IncomeDistributed(e) if matches!(e.target, Target::Household(_)) => Money {
            part: "income",
            project: e.project.to_string(),
            fen: e.amount.get(),
            ..Money::default()
        },
        _ => return None,
    };
    let source = given.views.names.quota(&money.quota).map(|quota| quota.source.letter());
    Some(vec![
        money.part.into(),
        line.at.seq.into(),
        line.at.date.into(),
        line.reference().into(),
        line.entry.event.kind().name().into(),
        source.map_or(Cell::Nothing, Cell::from),
        money.quota.as_str().into(),
        money.purpose.into(),
        money.project.into(),
        money.bank_ref.into(),
        money.fen.into(),
        Cell::Nothing,
        money.member.map(i64::from).into(),
        Cell::Nothing,
        Cell::Nothing,
        Cell::Nothing,
        money.reason.into(),
    ])
}
