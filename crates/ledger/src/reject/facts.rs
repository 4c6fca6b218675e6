//! The types of facts, and how a fact travels to a program.

use std::fmt;

use record::{Fen, Seq};

use super::Text;
use crate::ids::{Ascii, Date, HouseholdCode, Source, Unit};
use crate::kind::Kind;
use crate::words::{Class, HouseholdState, Role};

/// Facts by name.
pub type Facts = Vec<(&'static str, String)>;

/// A value that a refusal can name.
pub trait Fact: fmt::Display {
    /// Appends it under its name, as programs read it.
    fn put(&self, name: &'static str, facts: &mut Facts) {
        facts.push((plain(name), self.to_string()));
    }
}

/// A name that is a keyword is spelled `r#name` in the table.
fn plain(name: &'static str) -> &'static str {
    name.strip_prefix("r#").unwrap_or(name)
}

/// Money facts travel under `NAME_fen`.
fn fen_name(name: &'static str) -> &'static str {
    match plain(name) {
        "amount" => "amount_fen",
        "balance" => "balance_fen",
        "cash" => "cash_fen",
        "ceiling" => "ceiling_fen",
        "due" => "due_fen",
        "found" => "found_fen",
        "issued" => "issued_fen",
        "left" => "left_fen",
        "line" => "line_fen",
        "max" => "max_fen",
        "needed" => "needed_fen",
        "open" => "open_fen",
        "original" => "original_fen",
        "owed" => "owed_fen",
        "paid" => "paid_fen",
        "planned" => "planned_fen",
        "sent" => "sent_fen",
        "stated" => "stated_fen",
        "sum" => "sum_fen",
        other => other,
    }
}

impl Fact for Fen {
    fn put(&self, name: &'static str, facts: &mut Facts) {
        facts.push((fen_name(name), self.get().to_string()));
    }
}

/// Money that may pass 64 bits: a ceiling of many heads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WideFen(pub i128);

impl fmt::Display for WideFen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fen, sign) = (self.0.unsigned_abs(), if self.0 < 0 { "-" } else { "" });
        write!(f, "{sign}{}.{:02}", fen / 100, fen % 100)
    }
}

impl Fact for WideFen {
    fn put(&self, name: &'static str, facts: &mut Facts) {
        facts.push((fen_name(name), self.0.to_string()));
    }
}

/// An area as the API and the files write it: 12 digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AreaCode(pub Unit);

impl fmt::Display for AreaCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0.code())
    }
}

/// A calendar month, as [`Date::month`] counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Month(pub u32);

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0 / 12, (self.0 % 12).saturating_add(1))
    }
}

impl Month {
    /// Its last day.
    pub fn last_day(self) -> Date {
        let (year, month) = (self.0 / 12, (self.0 % 12).saturating_add(1));
        (28..=31).rev().find_map(|day| Date::of(year, month, day)).unwrap_or(Date(u32::MAX))
    }
}

/// Facts that travel as they are printed.
macro_rules! as_printed {
    ($($ty:ty),* $(,)?) => {
        $(impl Fact for $ty {})*
    };
}

as_printed! {
    Text, u8, u32, u64, i64, Seq, Date, Unit, AreaCode, Month, HouseholdCode, Source, Kind,
    HouseholdState, Class, Role,
}

impl<const N: usize> Fact for Ascii<N> {}
