//! Village public notice 公示公告: what was paid to whom, for the board.
//!
//! Always: no code, token, account or number; a household is a running number with its count of members.
//! Names stand in no log: without a place that keeps them a notice has none, and says so. A class of fewer
//! than three households is left out, and how many payments that leaves out is said.
//! Source: domain contract, section 10.

use std::collections::{BTreeMap, BTreeSet};

use ledger::event::Event;
use ledger::event::money::{DisbursedToHousehold, Refund};
use ledger::ids::{Date, HouseholdCode, Purpose, Source, Unit};
use ledger::kind::Kind as RecordKind;
use ledger::words::Class;
use record::Seq;

use super::book::{each_line, reversed};
use super::reversals::period_facts;
use super::table::{Cell, Kind, Table};
use super::{Given, Period, ReportError};
use crate::drift::add;

const COLUMNS: [(&str, Kind); 8] = [
    ("no", Kind::Count),
    ("name", Kind::Text),
    ("class", Kind::Word),
    ("members", Kind::Count),
    ("purpose", Kind::Text),
    ("date", Kind::Date),
    ("source", Kind::Word),
    ("amount", Kind::Fen),
];

/// Households of a class below which it is left out.
const HOUSEHOLDS_MIN: usize = 3;

struct Payment {
    household: HouseholdCode,
    class: Class,
    heads: u32,
    purpose: Purpose,
    date: Date,
    source: Source,
    /// Net of what came back.
    fen: i64,
}

pub(super) fn table(
    given: &Given<'_>,
    village: Unit,
    period: Period,
) -> Result<Table, ReportError> {
    let payments = payments(given, village, period)?;
    let mut classes: BTreeMap<&str, BTreeSet<HouseholdCode>> = BTreeMap::new();
    for payment in payments.values() {
        classes.entry(payment.class.name()).or_default().insert(payment.household);
    }
    classes.retain(|_, households| HOUSEHOLDS_MIN <= households.len());
    let mut table = Table::new(&COLUMNS);
    let mut numbers: BTreeMap<HouseholdCode, i64> = BTreeMap::new();
    let mut left_out = 0_i64;
    for payment in payments.values() {
        if !classes.contains_key(payment.class.name()) {
            left_out = left_out.saturating_add(1);
            continue;
        }
        let next = i64::try_from(numbers.len()).unwrap_or(i64::MAX).saturating_add(1);
        let no = *numbers.entry(payment.household).or_insert(next);
        table.push(vec![
            no.into(),
            Cell::Nothing,
            payment.class.name().into(),
            i64::from(payment.heads).into(),
            payment.purpose.as_str().into(),
            payment.date.into(),
            payment.source.letter().into(),
            payment.fen.into(),
        ]);
    }
    table.sum_up(&[])?;
    table.fact("village", Kind::Text, village);
    period_facts(&mut table, period);
    table.fact("households", Kind::Count, numbers.len());
    table.fact("payments_left_out", Kind::Count, left_out);
    table.note("notice_no_names");
    table.note("notice_small_classes");
    table.note("notice_complaints");
    Ok(table)
}

/// Payments to households of the village on the day, oldest record first, that keep something.
fn payments(
    given: &Given<'_>,
    village: Unit,
    period: Period,
) -> Result<BTreeMap<Seq, Payment>, ReportError> {
    let undone = reversed(given)?;
    let mut payments = BTreeMap::new();
    let kinds = [
        RecordKind::DisbursedToHousehold,
        RecordKind::PaymentReturned,
        RecordKind::OverpaymentRepaid,
    ];
    each_line(given, &kinds, &mut |line| {
        let seq = line.at.seq;
        if undone.contains(&seq) {
            return Ok(());
        }
        match &line.entry.event {
            Event::DisbursedToHousehold(e)
                if e.village == village && period.holds(line.at.date) =>
            {
                payments.insert(seq, payment(given, e, line.at.date)?);
            }
            Event::PaymentReturned(e) => refund(&mut payments, &e.0)?,
            Event::OverpaymentRepaid(e) => refund(&mut payments, &e.0)?,
            _ => (),
        }
        Ok(())
    })?;
    payments.retain(|_, payment| payment.fen != 0);
    Ok(payments)
}

fn payment(
    given: &Given<'_>,
    e: &DisbursedToHousehold,
    date: Date,
) -> Result<Payment, ReportError> {
    Ok(Payment {
        household: e.household,
        class: e.class,
        heads: e.heads,
        purpose: e.purpose,
        date,
        source: given.views.names.quota(&e.quota)?.source,
        fen: e.amount.get(),
    })
}

fn refund(payments: &mut BTreeMap<Seq, Payment>, e: &Refund) -> Result<(), ReportError> {
    if let Some(payment) = payments.get_mut(&e.payment.seq) {
        add(&mut payment.fen, e.amount.get().saturating_neg(), "a report")?;
    }
    Ok(())
}
