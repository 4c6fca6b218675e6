//! Months of units: what was booked in them, and which are closed.
//!
//! Lives elsewhere: which unit a record is booked at (`event::Booked`), what a close asks (`kinds::period`).
//!
//! Always: a closed month stays closed, and nothing is booked in it any more; closing a month closes those
//! before it. Source: domain contract, 7.4.

use record::{Fen, Seq};

use crate::event::Drift;
use crate::ids::{Date, Unit};
use crate::saved::{saved_fields, state_fields};
use crate::table::Index;

/// Records and amounts of a unit's month: the control totals of its close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct MonthTotals {
    /// Records of kinds 310 to 361.
    pub records: u64,
    /// Sum of their amounts, no sign.
    pub amount: i64,
}

/// From where to where a unit's months reach. Months as [`Date::month`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
struct Span {
    /// Month of its earliest money record.
    first: Option<u32>,
    /// Last month that is closed.
    closed: Option<u32>,
}

/// All months.
#[derive(Clone, Debug, Default)]
pub struct Periods {
    months: Index<(Unit, u32), MonthTotals>,
    spans: Index<Unit, Span>,
    /// The record that closed a month. Those that were closed along with it have none.
    closings: Index<(Unit, u32), Seq>,
}

saved_fields!(MonthTotals { records, amount });
saved_fields!(Span { first, closed });
state_fields!(Periods { months, spans, closings });

impl Periods {
    /// Control totals of a unit's month.
    pub fn totals(&self, unit: Unit, month: u32) -> MonthTotals {
        self.months.get(&(unit, month)).unwrap_or_default()
    }

    fn span(&self, unit: Unit) -> Span {
        self.spans.get(&unit).unwrap_or_default()
    }

    /// Last month of a unit that is closed.
    pub fn closed_through(&self, unit: Unit) -> Option<u32> {
        self.span(unit).closed
    }

    /// The record that closed a month of a unit, if it is closed: its own close, or the next one.
    pub fn closed_by(&self, unit: Unit, month: u32) -> Option<Seq> {
        let through = self.closed_through(unit).filter(|through| month <= *through)?;
        (month..=through).find_map(|month| self.closings.get(&(unit, month)))
    }

    /// The first month of a unit that is open, has records and lies before another, none of them beyond
    /// `last`.
    pub fn open_before(&self, unit: Unit, month: u32, last: u32) -> Option<u32> {
        let span = self.span(unit);
        let after = span.closed.map_or(0, |closed| closed.saturating_add(1));
        let from = span.first?.max(after);
        let end = month.min(last.saturating_add(1));
        (from..end).find(|month| self.totals(unit, *month).records != 0)
    }

    /// Counts a record of kinds 310 to 361 into its unit's month.
    ///
    /// # Errors
    /// The sum of the amounts would leave 64 bits; the month is closed.
    pub(crate) fn count(&mut self, unit: Unit, date: Date, amount: Fen) -> Result<(), Drift> {
        let month = date.month();
        let span = self.span(unit);
        if span.closed.is_some_and(|closed| month <= closed) {
            return Err(Drift::of(format!("a record of {date} in a closed month of {unit}")));
        }
        self.months.update((unit, month), |totals| {
            totals.records = totals.records.saturating_add(1);
            let sum = totals.amount.checked_add(amount.get());
            totals.amount = sum.ok_or(Drift::overflow("amounts of a month"))?;
            Ok(())
        })?;
        if span.first.is_none_or(|first| month < first) {
            self.spans.insert(unit, Span { first: Some(month), ..span });
        }
        Ok(())
    }

    /// Closes a month of a unit, and all before it.
    ///
    /// # Errors
    /// It is closed already.
    pub(crate) fn close(&mut self, unit: Unit, month: u32, seq: Seq) -> Result<(), Drift> {
        let span = self.span(unit);
        if span.closed.is_some_and(|closed| month <= closed) {
            return Err(Drift::of(format!("a closed month of {unit} is closed again")));
        }
        self.spans.insert(unit, Span { closed: Some(month), ..span });
        self.closings.insert((unit, month), seq);
        Ok(())
    }
}
