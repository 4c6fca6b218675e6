//! Reports: a pure function each, from views, records and rules of a position and a day to one table.
//!
//! Lives here: the list of reports, what each is asked about, and one file a report. Lives elsewhere: the
//! sums (the views), layout and languages (the program), who may ask (the program's services).
//!
//! Always: a report is a function of what it is given; rows stand in the order of their keys; what a
//! report adds up equals the balances that stand beside it.
//! Source: domain contract, section 11.

mod bank;
mod book;
mod bulletin;
mod exits;
mod helper;
mod idle;
mod months;
mod notice;
mod progress;
mod reversals;
mod spending;
mod statement;
mod table;
mod trace;
mod transit;

use ledger::ids::{Date, HouseholdCode, Level, Unit};
use ledger::rules::Rules;
use record::Seq;
use thiserror::Error;

use crate::drift::Drift;
use crate::history::{AsOf, Histories, HistoryError, Log};
use crate::projection::Projection;

pub use bank::BankRow;
pub use table::{Cell, Column, Fact, Kind, Table};

/// A report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Quarterly bulletin by home city 通报.
    Bulletin,
    /// What each source has issued and what arrived, beside the split 6:3:1.
    Progress,
    /// A helping city's account 帮扶市账.
    Helper,
    /// A household's statement 一户一卡.
    Statement,
    /// A village's public notice 公示公告.
    Notice,
    /// Spending rate by county 支出进度.
    Spending,
    /// Held money by age 滞留资金.
    Idle,
    /// Money on its way 在途资金.
    Transit,
    /// A bank's file beside the ledger 对账.
    Bank,
    /// Reversals and exceptions of a period 冲正与例外.
    Reversals,
    /// One household's money from the treasury on, record by record.
    Trace,
    /// People out of poverty beside the yearly targets 减贫进度.
    Exits,
}

/// What a report is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// An area; the province when none is named.
    Area,
    /// A city.
    City,
    /// A village.
    Village,
    /// A household.
    Household,
}

impl What {
    /// All of them, in the contract's order, with their names and what they are asked about.
    pub const ALL: [(Self, &'static str, About); 12] = [
        (Self::Bulletin, "bulletin", About::Area),
        (Self::Progress, "progress", About::Area),
        (Self::Helper, "helper", About::City),
        (Self::Statement, "statement", About::Household),
        (Self::Notice, "notice", About::Village),
        (Self::Spending, "spending", About::Area),
        (Self::Idle, "idle", About::Area),
        (Self::Transit, "transit", About::Area),
        (Self::Bank, "bank", About::Area),
        (Self::Reversals, "reversals", About::Area),
        (Self::Trace, "trace", About::Household),
        (Self::Exits, "exits", About::Area),
    ];

    /// Returns the report of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, found, _)| *found == name).map(|(what, ..)| *what)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(what, ..)| *what == self).map_or("", |(_, name, _)| name)
    }

    /// What it is asked about.
    pub fn about(self) -> About {
        Self::ALL.iter().find(|(what, ..)| *what == self).map_or(About::Area, |(.., about)| *about)
    }
}

/// Days from the first to the last, both included; without one there is no bound on that side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// First day.
    pub from: Option<Date>,
    /// Last day.
    pub to: Option<Date>,
}

impl Period {
    /// Whether a day lies in it.
    pub fn holds(self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Which report.
    pub what: What,
    /// The area, city or village; the province where a report is about a household.
    pub unit: Unit,
    /// The household, where a report is about one.
    pub household: Option<HouseholdCode>,
    /// Effective dates that count, where a report is of a period.
    pub period: Period,
    /// The rows of a bank's file, where a report is of one.
    pub bank: Vec<BankRow>,
}

/// What a report is made from.
pub struct Given<'a> {
    /// The durable log.
    pub log: &'a dyn Log,
    /// Which records name a household.
    pub histories: &'a dyn Histories,
    /// The views of the position and day.
    pub views: &'a Projection,
    /// All versions of rules; those that were not known at the position are passed over.
    pub rules: &'a Rules,
    /// Position and day.
    pub as_of: AsOf,
    /// The day that ages are counted to: that asked for, else that on which the position's record was posted.
    pub day: Date,
}

/// A report that cannot be made.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The log cannot be read.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A sum leaves 64 bits.
    #[error(transparent)]
    Drift(#[from] Drift),
    /// What is asked about was never there.
    #[error("{what} {id} does not exist")]
    Unknown {
        /// `household` or `city`.
        what: &'static str,
        /// Its code.
        id: String,
    },
    /// A line stands without its voucher's header.
    #[error("record {seq} stands without its voucher's header")]
    NoHeader {
        /// The line's record.
        seq: Seq,
    },
}

impl Given<'_> {
    /// A city's or county's names in the area list, Chinese and English.
    fn name(&self, unit: Unit) -> String {
        let list = self.rules.areas.known(self.as_of.position, self.day);
        let area = list.and_then(|list| list.content.get(unit));
        area.map_or_else(String::new, |area| format!("{} {}", area.name_zh(), area.name_en()))
    }
}

/// Makes a report.
///
/// # Errors
/// [`ReportError`].
pub fn report(given: &Given<'_>, question: &Question) -> Result<Table, ReportError> {
    let unit = question.unit;
    let household = || {
        let missing = || ReportError::Unknown { what: "household", id: String::new() };
        question.household.ok_or_else(missing)
    };
    match question.what {
        What::Bulletin => bulletin::table(given, unit),
        What::Progress => progress::table(given, unit),
        What::Helper => helper::table(given, unit),
        What::Statement => statement::table(given, household()?),
        What::Notice => notice::table(given, unit, question.period),
        What::Spending => spending::table(given, unit),
        What::Idle => idle::table(given, unit),
        What::Transit => transit::table(given, unit),
        What::Bank => bank::table(given, unit, question.period, &question.bank),
        What::Reversals => reversals::table(given, unit, question.period),
        What::Trace => trace::table(given, household()?),
        What::Exits => exits::table(given, unit),
    }
}

/// The home cities that lie in an area or hold it, of which the rules or the views know, ascending.
fn home_cities(given: &Given<'_>, area: Unit) -> Vec<Unit> {
    let (position, day) = (given.as_of.position, given.day);
    let pairings = given.rules.pairings.iter();
    let paired = pairings.filter(|(_, all)| all.known(position, day).is_some()).map(|(u, _)| *u);
    let seen = given.views.homes.iter().filter_map(|((city, ..), _)| Unit::of_code(*city));
    let mut all: Vec<Unit> = paired.chain(seen).filter(|city| touches(area, *city)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Whether a city lies in an area, or the area in the city.
fn touches(area: Unit, city: Unit) -> bool {
    area.contains(city) || area.at(Level::City) == Some(city)
}
