//! Bank reconciliation 对账: a bank's file beside the records that moved money through a bank.
//!
//! Lives here: matching. Lives elsewhere: reading the file (the program).
//!
//! Always: every row of the file and every record of the period stands in exactly one row of the report, so
//! the totals are those of both sides. First by bank reference and direction, within it by account and
//! amount; then by account, amount and a day at most three away, where that is unique on both sides.
//! Source: domain contract, section 11, report 9.

use std::collections::BTreeMap;

use ledger::account::{Account, Legs};
use ledger::event::Event;
use ledger::event::money::Refund;
use ledger::ids::{Date, Unit};
use ledger::kind::Kind as RecordKind;
use record::Seq;

use super::book::{Line, each_line, line_at, reversed};
use super::reversals::period_facts;
use super::table::{Cell, Kind, Table};
use super::{Given, Period, ReportError};
use crate::drift::{Drift, add};

const COLUMNS: [(&str, Kind); 14] = [
    ("result", Kind::Word),
    ("direction", Kind::Word),
    ("bank_ref", Kind::Text),
    ("bank_line", Kind::Count),
    ("bank_account", Kind::Text),
    ("bank_date", Kind::Date),
    ("status", Kind::Word),
    ("bank_amount", Kind::Fen),
    ("position", Kind::Position),
    ("reference", Kind::Text),
    ("kind", Kind::Word),
    ("ledger_date", Kind::Date),
    ("ledger_amount", Kind::Fen),
    ("difference", Kind::Fen),
];

/// Days between bank and ledger within which a match without a reference holds.
const DAYS_APART_MAX: u32 = 3;

const KINDS: [RecordKind; 10] = [
    RecordKind::TransferSent,
    RecordKind::TransferReceived,
    RecordKind::TransferReturned,
    RecordKind::DisbursedToHousehold,
    RecordKind::DisbursedToProject,
    RecordKind::PaymentReturned,
    RecordKind::OverpaymentRepaid,
    RecordKind::ProjectSurplusReturned,
    RecordKind::FundsReturnedUp,
    RecordKind::IncomeDistributed,
];

/// A row of a bank's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankRow {
    /// Line of the file, from 1.
    pub line: u64,
    /// Reference; empty: none.
    pub bank_ref: String,
    /// Account token, or unit code.
    pub account: String,
    /// Day.
    pub date: Date,
    /// Amount, above 0.
    pub fen: i64,
    /// Out of the fund's account, or into it.
    pub out: bool,
    /// What the bank says of it.
    pub status: String,
}

/// A record that moved money through a bank.
#[derive(Clone, Debug)]
struct Entry {
    seq: Seq,
    reference: String,
    kind: RecordKind,
    bank_ref: String,
    account: String,
    date: Date,
    fen: i64,
    out: bool,
}

/// What became of a pair, or of one that has none.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Matched,
    OnlyLedger,
    OnlyBank,
    AmountDiffers,
    Ambiguous,
}

impl Found {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Matched, "matched"),
        (Self::OnlyLedger, "only_ledger"),
        (Self::OnlyBank, "only_bank"),
        (Self::AmountDiffers, "amount_differs"),
        (Self::Ambiguous, "ambiguous"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(found, _)| *found == self).map_or("", |(_, name)| name)
    }
}

/// Rows of both sides that stand together, by place.
struct Pair {
    found: Found,
    bank: Option<usize>,
    entry: Option<usize>,
}

pub(super) fn table(
    given: &Given<'_>,
    area: Unit,
    period: Period,
    rows: &[BankRow],
) -> Result<Table, ReportError> {
    let within = |row: &&BankRow| period.holds(row.date);
    let bank: Vec<&BankRow> = rows.iter().filter(within).collect();
    let period = Period {
        from: period.from.or_else(|| bank.iter().map(|row| row.date).min()),
        to: period.to.or_else(|| bank.iter().map(|row| row.date).max()),
    };
    let entries = entries(given, area, period)?;
    let mut pairs = match_up(&bank, &entries);
    let order = |pair: &Pair| {
        let line = pair.bank.and_then(|at| bank.get(at)).map_or(u64::MAX, |row| row.line);
        let seq = pair.entry.and_then(|at| entries.get(at)).map_or(u64::MAX, |entry| entry.seq.0);
        (line, seq)
    };
    pairs.sort_by_key(order);
    let mut table = Table::new(&COLUMNS);
    let mut sums: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for pair in &pairs {
        let row = pair.bank.and_then(|at| bank.get(at).copied());
        let entry = pair.entry.and_then(|at| entries.get(at));
        let (count, fen) = sums.entry(pair.found.name()).or_default();
        add(count, 1, "a report")?;
        add(fen, row.map(|row| row.fen).or(entry.map(|entry| entry.fen)).unwrap_or(0), "a report")?;
        table.push(cells(pair.found, row, entry)?);
    }
    table.sum_up(&[])?;
    period_facts(&mut table, period);
    table.fact("bank_rows", Kind::Count, bank.len());
    table.fact("bank_rows_outside", Kind::Count, rows.len().saturating_sub(bank.len()));
    table.fact("ledger_records", Kind::Count, entries.len());
    for (_, name) in Found::ALL {
        table.fact(name, Kind::Count, sums.get(name).map_or(0, |(count, _)| *count));
    }
    Ok(table)
}

fn cells(found: Found, row: Option<&BankRow>, entry: Option<&Entry>) -> Result<Vec<Cell>, Drift> {
    let out = row.map(|row| row.out).or(entry.map(|entry| entry.out)).unwrap_or(false);
    let reference = row.map(|row| row.bank_ref.as_str()).filter(|text| !text.is_empty());
    let reference = reference.or(entry.map(|entry| entry.bank_ref.as_str())).unwrap_or_default();
    let (bank, ledger) = (row.map_or(0, |row| row.fen), entry.map_or(0, |entry| entry.fen));
    let difference = bank.checked_sub(ledger).ok_or(Drift::Overflow { row: "a report" })?;
    let text = |text: Option<&str>| text.map_or(Cell::Nothing, Cell::from);
    Ok(vec![
        found.name().into(),
        if out { "out" } else { "in" }.into(),
        reference.into(),
        row.map(|row| i64::try_from(row.line).unwrap_or(i64::MAX)).into(),
        text(row.map(|row| row.account.as_str())),
        row.map_or(Cell::Nothing, |row| row.date.into()),
        text(row.map(|row| row.status.as_str())),
        row.map(|row| row.fen).into(),
        entry.map_or(Cell::Nothing, |entry| entry.seq.into()),
        text(entry.map(|entry| entry.reference.as_str())),
        text(entry.map(|entry| entry.kind.name())),
        entry.map_or(Cell::Nothing, |entry| entry.date.into()),
        entry.map(|entry| entry.fen).into(),
        difference.into(),
    ])
}

/// Records of the period that moved money through a bank account of a unit in the area.
fn entries(given: &Given<'_>, area: Unit, period: Period) -> Result<Vec<Entry>, ReportError> {
    let undone = reversed(given)?;
    let mut entries: Vec<(Entry, Option<Seq>)> = Vec::new();
    each_line(given, &KINDS, &mut |line| {
        if !undone.contains(&line.at.seq) && period.holds(line.at.date) {
            entries.extend(entry(line, area));
        }
        Ok(())
    })?;
    let mut out = Vec::with_capacity(entries.len());
    for (mut entry, refers_to) in entries {
        if let Some(seq) = refers_to {
            line_at(given, seq, &mut |line| {
                entry.bank_ref = bank_ref(&line.entry.event);
                Ok(())
            })?;
        }
        out.push(entry);
    }
    Ok(out)
}

/// The reference of a record that sent or paid something.
fn bank_ref(event: &Event) -> String {
    match event {
        Event::TransferSent(e) => e.bank_ref.to_string(),
        Event::FundsReturnedUp(e) => e.bank_ref.to_string(),
        Event::DisbursedToHousehold(e) => e.bank_ref.to_string(),
        Event::DisbursedToProject(e) => e.bank_ref.to_string(),
        _ => String::new(),
    }
}

/// A record as a bank would see it, and the record whose bank reference it carries.
fn entry(line: &Line<'_>, area: Unit) -> Option<(Entry, Option<Seq>)> {
    let legs = Legs::of_record(line.record)?;
    let of_unit = legs.as_slice().iter().find_map(|(account, _)| match account {
        Account::Hold(unit, _) | Account::Src(_, unit, _) => Some(*unit),
        _ => None,
    });
    let event = &line.entry.event;
    let unit = match event {
        Event::IncomeDistributed(e) => e.village,
        _ => of_unit?,
    };
    if !area.contains(unit) {
        return None;
    }
    // What comes back carries the reference of what went out, and names the account it comes from.
    let back = |e: &Refund| (e.account.to_string(), false, Some(e.payment.seq), e.amount);
    let (account, out, refers_to, fen) = match event {
        Event::TransferSent(e) => (e.to.to_string(), true, None, e.amount),
        Event::FundsReturnedUp(e) => (e.to.to_string(), true, None, e.amount),
        Event::DisbursedToHousehold(e) => (e.account.to_string(), true, None, e.amount),
        Event::DisbursedToProject(e) => (e.project.to_string(), true, None, e.amount),
        Event::TransferReceived(e) => (unit.to_string(), false, Some(e.sent.seq), e.amount),
        Event::TransferReturned(e) => (unit.to_string(), false, Some(e.sent.seq), e.amount),
        Event::PaymentReturned(e) => back(&e.0),
        Event::OverpaymentRepaid(e) => back(&e.0),
        Event::ProjectSurplusReturned(e) => {
            (unit.to_string(), false, Some(e.payment.seq), e.amount)
        }
        Event::IncomeDistributed(e) => (e.account?.to_string(), true, None, e.amount),
        _ => return None,
    };
    let (seq, reference) = (line.at.seq, line.reference());
    let (kind, bank_ref, date) = (event.kind(), bank_ref(event), line.at.date);
    let entry = Entry { seq, reference, kind, bank_ref, account, date, fen: fen.get(), out };
    Some((entry, refers_to))
}

/// Rows of the file and records that share something, by place.
type Sides = (Vec<usize>, Vec<usize>);

/// Puts every row and every record into exactly one pair.
fn match_up(bank: &[&BankRow], entries: &[Entry]) -> Vec<Pair> {
    let mut matching = Matching { bank, entries, pairs: Vec::new() };
    let mut groups: BTreeMap<(&str, bool), Sides> = BTreeMap::new();
    for (at, row) in bank.iter().enumerate() {
        groups.entry((row.bank_ref.as_str(), row.out)).or_default().0.push(at);
    }
    for (at, entry) in entries.iter().enumerate() {
        groups.entry((entry.bank_ref.as_str(), entry.out)).or_default().1.push(at);
    }
    let (mut rows, mut records) = (Vec::new(), Vec::new());
    for ((bank_ref, _), (mut left, mut right)) in groups {
        if !bank_ref.is_empty() {
            matching.by_reference(&mut left, &mut right);
        }
        rows.append(&mut left);
        records.append(&mut right);
    }
    rows.sort_unstable();
    records.sort_unstable();
    matching.by_account(&rows, &records);
    matching.pairs
}

struct Matching<'a> {
    bank: &'a [&'a BankRow],
    entries: &'a [Entry],
    pairs: Vec<Pair>,
}

impl Matching<'_> {
    fn row(&self, at: usize) -> Option<&BankRow> {
        self.bank.get(at).copied()
    }

    fn put(&mut self, found: Found, bank: Option<usize>, entry: Option<usize>) {
        self.pairs.push(Pair { found, bank, entry });
    }

    /// Matches what shares a reference and a direction; what is left has nothing on the other side.
    fn by_reference(&mut self, left: &mut Vec<usize>, right: &mut Vec<usize>) {
        self.equal(left, right, |row, entry| row.account == entry.account && row.fen == entry.fen);
        self.equal(left, right, |row, entry| row.fen == entry.fen);
        if left.is_empty() || right.is_empty() {
            return;
        }
        // One transfer of a bank may carry a whole batch of payments, and the other way round.
        let bank = left.iter().filter_map(|at| self.row(*at)).map(|row| i128::from(row.fen));
        let ledger = right.iter().filter_map(|at| self.entries.get(*at));
        let is_whole = bank.sum::<i128>() == ledger.map(|entry| i128::from(entry.fen)).sum();
        let is_batch = left.len() == 1 || right.len() == 1;
        let found = match (is_whole && is_batch, left.len(), right.len()) {
            (true, ..) => Found::Matched,
            (false, 1, 1) => Found::AmountDiffers,
            _ => Found::Ambiguous,
        };
        let most = left.len().max(right.len());
        let (rows, records) = (std::mem::take(left), std::mem::take(right));
        // What is ambiguous stands apart: nothing says which belong together.
        if found == Found::Ambiguous {
            for at in rows {
                self.put(found, Some(at), None);
            }
            for at in records {
                self.put(found, None, Some(at));
            }
            return;
        }
        for at in 0..most {
            self.put(found, rows.get(at).copied(), records.get(at).copied());
        }
    }

    /// Matches each row with the first record for which `same` holds, in order.
    fn equal(
        &mut self,
        left: &mut Vec<usize>,
        right: &mut Vec<usize>,
        same: impl Fn(&BankRow, &Entry) -> bool,
    ) {
        left.retain(|at| {
            let Some(row) = self.bank.get(*at) else { return true };
            let found = right
                .iter()
                .position(|other| self.entries.get(*other).is_some_and(|entry| same(row, entry)));
            let Some(found) = found else { return true };
            let entry = right.remove(found);
            self.pairs.push(Pair { found: Found::Matched, bank: Some(*at), entry: Some(entry) });
            false
        });
    }

    /// Matches what has no reference in common by account, amount and day, where that is unique.
    fn by_account(&mut self, rows: &[usize], records: &[usize]) {
        let mut index: BTreeMap<(&str, i64, bool), Sides> = BTreeMap::new();
        let (bank, entries) = (self.bank, self.entries);
        for at in rows {
            if let Some(row) = bank.get(*at) {
                index.entry((row.account.as_str(), row.fen, row.out)).or_default().0.push(*at);
            }
        }
        for at in records {
            if let Some(entry) = entries.get(*at) {
                index
                    .entry((entry.account.as_str(), entry.fen, entry.out))
                    .or_default()
                    .1
                    .push(*at);
            }
        }
        for (left, right) in index.into_values() {
            let near = |row: usize, record: usize| {
                let days = bank.get(row).zip(entries.get(record));
                days.is_some_and(|(a, b)| a.date.0.abs_diff(b.date.0) <= DAYS_APART_MAX)
            };
            for row in &left {
                let found: Vec<usize> =
                    right.iter().copied().filter(|at| near(*row, *at)).collect();
                match found.as_slice() {
                    [] => self.put(Found::OnlyBank, Some(*row), None),
                    [one] if left.iter().filter(|other| near(**other, *one)).count() == 1 => {
                        self.put(Found::Matched, Some(*row), Some(*one));
                    }
                    _ => self.put(Found::Ambiguous, Some(*row), None),
                }
            }
            for record in &right {
                let found: Vec<usize> =
                    left.iter().copied().filter(|at| near(*at, *record)).collect();
                match found.as_slice() {
                    [] => self.put(Found::OnlyLedger, None, Some(*record)),
                    // Put above, with its row.
                    [one] if right.iter().filter(|other| near(*one, **other)).count() == 1 => (),
                    _ => self.put(Found::Ambiguous, None, Some(*record)),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row((bank_ref, account, day, fen): (&str, &str, u32, i64)) -> BankRow {
        let (bank_ref, account) = (bank_ref.to_owned(), account.to_owned());
        let (date, status) = (Date(day), "ok".to_owned());
        BankRow { line: 2, bank_ref, account, date, fen, out: true, status }
    }

    fn entry((bank_ref, account, day, fen): (&str, &str, u32, i64)) -> Entry {
        let BankRow { bank_ref, account, date, fen, out, .. } = row((bank_ref, account, day, fen));
        let (kind, reference) = (RecordKind::TransferSent, String::new());
        Entry { seq: Seq(1), reference, kind, bank_ref, account, date, fen, out }
    }

    type Side<'a> = &'a [(&'a str, &'a str, u32, i64)];

    /// Result, row and record of each pair, in order.
    fn check(bank: Side<'_>, ledger: Side<'_>, expected: &[(&str, Option<usize>, Option<usize>)]) {
        let rows: Vec<BankRow> = bank.iter().copied().map(row).collect();
        let entries: Vec<Entry> = ledger.iter().copied().map(entry).collect();
        let pairs = match_up(&rows.iter().collect::<Vec<_>>(), &entries);
        let mut found: Vec<_> =
            pairs.iter().map(|pair| (pair.found.name(), pair.bank, pair.entry)).collect();
        found.sort_unstable_by_key(|(_, bank, entry)| (bank.is_none(), *bank, *entry));
        assert_eq!(found, expected);
        let mut seen: Vec<usize> = pairs.iter().filter_map(|pair| pair.bank).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..rows.len()).collect::<Vec<_>>(), "each row once");
        let mut seen: Vec<usize> = pairs.iter().filter_map(|pair| pair.entry).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..entries.len()).collect::<Vec<_>>(), "each record once");
    }

    #[test]
    fn a_reference_is_asked_first() {
        let one = ("R1", "a", 10, 100);
        check(&[one], &[one], &[("matched", Some(0), Some(0))]);
        // However far apart the days are.
        check(&[("R1", "a", 99, 100)], &[one], &[("matched", Some(0), Some(0))]);
        check(&[("R1", "a", 10, 99)], &[one], &[("amount_differs", Some(0), Some(0))]);
        check(&[one], &[], &[("only_bank", Some(0), None)]);
        check(&[], &[one], &[("only_ledger", None, Some(0))]);
    }

    #[test]
    fn a_batch_is_one_row_and_many_records() {
        let batch = [("R1", "a", 10, 60), ("R1", "b", 10, 40)];
        let all = [("matched", Some(0), Some(0)), ("matched", None, Some(1))];
        check(&[("R1", "x", 10, 100)], &batch, &all);
        let none = [
            ("ambiguous", Some(0), None),
            ("ambiguous", None, Some(0)),
            ("ambiguous", None, Some(1)),
        ];
        check(&[("R1", "x", 10, 101)], &batch, &none);
        // Payments of one reference find each other by account and amount.
        let crossed = [("R1", "b", 10, 40), ("R1", "a", 10, 60)];
        check(&crossed, &batch, &[("matched", Some(0), Some(1)), ("matched", Some(1), Some(0))]);
    }

    #[test]
    fn without_a_reference_account_amount_and_day_must_be_unique() {
        let record = ("R1", "a", 10, 100);
        check(&[("", "a", 13, 100)], &[record], &[("matched", Some(0), Some(0))]);
        check(&[("", "a", 7, 100)], &[record], &[("matched", Some(0), Some(0))]);
        let apart = [("only_bank", Some(0), None), ("only_ledger", None, Some(0))];
        check(&[("", "a", 14, 100)], &[record], &apart);
        check(&[("", "b", 10, 100)], &[record], &apart);
        check(&[("", "a", 10, 101)], &[record], &apart);
        let twice = [("", "a", 10, 100), ("", "a", 11, 100)];
        check(
            &twice,
            &[record],
            &[
                ("ambiguous", Some(0), None),
                ("ambiguous", Some(1), None),
                ("ambiguous", None, Some(0)),
            ],
        );
        check(
            &[("", "a", 10, 100)],
            &[record, ("R2", "a", 12, 100)],
            &[
                ("ambiguous", Some(0), None),
                ("ambiguous", None, Some(0)),
                ("ambiguous", None, Some(1)),
            ],
        );
        // The second lies too far away to be meant.
        check(
            &[("", "a", 10, 100)],
            &[record, ("R2", "a", 14, 100)],
            &[("matched", Some(0), Some(0)), ("only_ledger", None, Some(1))],
        );
    }
}
