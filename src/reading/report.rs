//! Reports at any position and of any day, for the service and for the command line.
//!
//! Lives here: what a question says, which views and rules it is answered from.
//! Lives elsewhere: the reports (`views::reports`), messages (`services`), text, CSV and JSON (`cli`).
//!
//! Always: a report is made of a copy of the views, so that nobody who posts waits for it.

use ledger::ids::{Date, Level, Unit};
use ledger::reject::{Reason, Text};
use ledger::rules::Rules;
use record::Seq;
use views::history::AsOf;
use views::reports::{About, Given, Period, Question, ReportError, Table, What, report};

use super::{
    DurableLog, Live, Past, RulesAt, drifted, head_of, household_code, malformed, position, reason,
    unfolded, unit_at,
};
use crate::files::bank;

/// A question as it is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Name of the report.
    pub report: String,
    /// Unit or household code; empty: the province.
    pub code: String,
    /// First day of the period; empty: no bound.
    pub from_date: String,
    /// Last day of the period; empty: no bound.
    pub to_date: String,
    /// A bank's file.
    pub bank_file: Vec<u8>,
}

impl Asked {
    /// Reads it.
    ///
    /// # Errors
    /// 1019 for what does not parse, and for what the report is not asked about.
    pub fn question(&self) -> Result<Question, Reason> {
        let names: Vec<&str> = What::ALL.iter().map(|(_, name, _)| *name).collect();
        let one_of = || format!("one of {}", names.join(", "));
        let what =
            What::parse(&self.report).ok_or_else(|| malformed("report", &self.report, one_of()))?;
        let (mut unit, mut household) = (Unit::PROVINCE, None);
        match what.about() {
            About::Household => household = Some(household_code("code", &self.code)?),
            About::City => unit = unit_at(&self.code, Level::City)?,
            About::Village => unit = unit_at(&self.code, Level::Village)?,
            About::Area if self.code.is_empty() => (),
            About::Area => {
                let found = Unit::parse(&self.code).or_else(|| Unit::parse_area(&self.code));
                unit = found.ok_or_else(|| malformed("code", &self.code, "a unit code"))?;
            }
        }
        let period =
            Period { from: day("from_date", &self.from_date)?, to: day("to_date", &self.to_date)? };
        let of_period = matches!(what, What::Notice | What::Bank | What::Reversals);
        if !of_period && period != Period::default() {
            let bound = [&self.from_date, &self.to_date].into_iter().find(|day| !day.is_empty());
            let text = bound.map_or("", String::as_str);
            return Err(malformed("from_date", text, "a day of this report: it has no period"));
        }
        let bank = match (what, self.bank_file.is_empty()) {
            (What::Bank, _) => bank::read(&self.bank_file).map_err(|faults| {
                faults
                    .first()
                    .map_or_else(|| malformed("bank_file", "", "a file"), bank::Fault::reason)
            })?,
            (_, true) => Vec::new(),
            (_, false) => {
                return Err(malformed("bank_file", "given", "read by this report"));
            }
        };
        Ok(Question { what, unit, household, period, bank })
    }
}

fn day(field: &'static str, text: &str) -> Result<Option<Date>, Reason> {
    let bad = || malformed(field, text, "a date YYYY-MM-DD");
    if text.is_empty() { Ok(None) } else { Date::parse(text).map(Some).ok_or_else(bad) }
}

/// A report, and what it speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// Position and day.
    pub as_of: AsOf,
    /// The report.
    pub table: Table,
}

/// Makes a report as of a position and a day. `today` is the day on which the head was posted.
///
/// # Errors
/// 8001 beyond the head; 8005 for what was never there; 9004 when the log cannot be read; 3012 where a sum
/// leaves 64 bits.
pub fn reported(
    log: &DurableLog,
    past: &dyn Past,
    live: &impl Live,
    (rules, today): (&Rules, Date),
    (asked, date): (Option<Seq>, Option<Date>),
    question: &Question,
) -> Result<Reported, Reason> {
    let (head, copy) = live.with(|views| {
        let head = head_of(views);
        let is_meant = date.is_none() && asked.is_none_or(|asked| asked == head);
        (head, is_meant.then(|| views.clone()))
    });
    let at = position(log, head, asked, date)?;
    let day = RulesAt::find(log, (head, today), (Some(at.position), date))?.day;
    let views = match copy {
        Some(views) => views,
        None => past.projection(at).map_err(|error| unfolded(&error))?,
    };
    let histories = past.histories();
    let given = Given { log, histories, views: &views, rules, as_of: at, day };
    let table = report(&given, question).map_err(|error| refused(&error))?;
    Ok(Reported { as_of: at, table })
}

fn refused(error: &ReportError) -> Reason {
    match error {
        ReportError::History(error) => reason(error),
        ReportError::Drift(drift) => drifted(drift),
        ReportError::Unknown { what, id } => {
            Reason::NotFound { what: Text::Borrowed(what), id: Text::Owned(id.clone()) }
        }
        ReportError::NoHeader { seq } => crate::node::lookup::unreadable_here(*seq),
    }
}
