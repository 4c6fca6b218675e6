//! What a report says: columns with stable names and kinds, rows, totals, facts, notes.
//!
//! Lives here: the one shape of every report. Lives elsewhere: what stands in it (a file a report), how it
//! is laid out as text, CSV and JSON (the program).
//!
//! Always: a name never changes its meaning; a sum is whole fen, a rate whole basis points; a rate without
//! a base, and what does not apply to a row, is [`Cell::Nothing`].

use ledger::ids::{Date, Unit};
use record::Seq;

use crate::drift::Drift;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text as it is.
    Text,
    /// A word of the program, which may be told in another language.
    Word,
    /// Money, whole fen.
    Fen,
    /// How many.
    Count,
    /// A rate or share, whole basis points.
    BasisPoints,
    /// A day, `YYYY-MM-DD`.
    Date,
    /// A position in the log.
    Position,
    /// A number of days.
    Days,
}

impl Kind {
    /// All of them, in the order of their numbers on the wire, from 1.
    pub const ALL: [Self; 8] = [
        Self::Text,
        Self::Word,
        Self::Fen,
        Self::Count,
        Self::BasisPoints,
        Self::Date,
        Self::Position,
        Self::Days,
    ];

    /// Whether its cells are numbers.
    pub fn is_number(self) -> bool {
        !matches!(self, Self::Text | Self::Word | Self::Date)
    }
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Stable name, snake case, without a unit.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// There is none.
    Nothing,
    /// Text, word or day.
    Text(String),
    /// Fen, count, basis points, position or days.
    Number(i64),
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Option<i64>> for Cell {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Self::Nothing, Self::Number)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        if text.is_empty() { Self::Nothing } else { Self::Text(text.to_owned()) }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        if text.is_empty() { Self::Nothing } else { Self::Text(text) }
    }
}

impl From<Date> for Cell {
    fn from(date: Date) -> Self {
        Self::Text(date.to_string())
    }
}

impl From<Unit> for Cell {
    fn from(unit: Unit) -> Self {
        Self::Text(unit.to_string())
    }
}

impl From<Seq> for Cell {
    fn from(seq: Seq) -> Self {
        Self::Number(i64::try_from(seq.0).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Cell {
    fn from(count: usize) -> Self {
        Self::Number(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

/// A fact of the whole report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Stable name, snake case, without a unit.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// What it is.
    pub cell: Cell,
}

/// A report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Columns.
    pub columns: Vec<Column>,
    /// Rows, a cell a column each.
    pub rows: Vec<Vec<Cell>>,
    /// A row of totals; empty: there is none.
    pub totals: Vec<Cell>,
    /// Facts of the whole.
    pub facts: Vec<Fact>,
    /// Remarks, by stable name: what a reader must know to read the rows right.
    pub notes: Vec<String>,
}

impl Table {
    /// Makes a table without rows.
    pub(super) fn new(columns: &[(&str, Kind)]) -> Self {
        let column = |(name, kind): &(&str, Kind)| Column { name: (*name).to_owned(), kind: *kind };
        Self { columns: columns.iter().map(column).collect(), ..Self::default() }
    }

    /// Adds a row.
    pub(super) fn push(&mut self, row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.columns.len(), "a cell a column");
        self.rows.push(row);
    }

    /// Adds a fact.
    pub(super) fn fact(&mut self, name: &str, kind: Kind, cell: impl Into<Cell>) {
        self.facts.push(Fact { name: name.to_owned(), kind, cell: cell.into() });
    }

    /// Adds a remark.
    pub(super) fn note(&mut self, name: &str) {
        self.notes.push(name.to_owned());
    }

    /// Returns the place of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Returns the cell of a column in a row of this table, or in its totals.
    pub fn cell<'a>(&self, row: &'a [Cell], name: &str) -> Option<&'a Cell> {
        row.get(self.column(name)?)
    }

    /// Returns a number in the totals.
    pub fn total(&self, name: &str) -> Option<i64> {
        match self.cell(&self.totals, name)? {
            Cell::Number(number) => Some(*number),
            Cell::Nothing | Cell::Text(_) => None,
        }
    }

    /// Makes the row of totals: sums of the columns of money, and of those that are named.
    ///
    /// # Errors
    /// [`Drift::Overflow`] where a sum leaves 64 bits.
    pub(super) fn sum_up(&mut self, counts: &[&str]) -> Result<(), Drift> {
        let mut totals = vec![Cell::Nothing; self.columns.len()];
        for ((at, column), total) in self.columns.iter().enumerate().zip(&mut totals) {
            if column.kind != Kind::Fen && !counts.contains(&column.name.as_str()) {
                continue;
            }
            let mut sum = 0_i64;
            for row in &self.rows {
                if let Some(Cell::Number(number)) = row.get(at) {
                    sum = sum.checked_add(*number).ok_or(Drift::Overflow { row: "a report" })?;
                }
            }
            *total = Cell::Number(sum);
        }
        self.totals = totals;
        Ok(())
    }

    /// Sets a cell of the totals that is no sum.
    pub(super) fn set_total(&mut self, name: &str, cell: impl Into<Cell>) {
        if let Some(total) = self.column(name).and_then(|at| self.totals.get_mut(at)) {
            *total = cell.into();
        }
    }
}
