//! Rows of a rule's data file: cells by column, and what a cell may hold.

use crate::ids::{Date, Unit};
use crate::reject::Reason;

/// Most rows of a rule. A record holds them all, and is at most 65,535 bytes.
pub const ROWS_MAX: usize = 1_000;

/// What is wrong with the content of a rule (4006).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContentError {
    /// Where, e.g. `rows.3.programme`.
    pub field: String,
    /// What was found and what is allowed.
    pub what: String,
}

impl ContentError {
    /// The error at a field.
    pub fn new(field: impl Into<String>, what: impl Into<String>) -> Self {
        Self { field: field.into(), what: what.into() }
    }
}

impl From<ContentError> for Reason {
    fn from(error: ContentError) -> Self {
        Self::RuleContent { field: error.field.into(), what: error.what.into() }
    }
}

/// The filled cells of a row, each with its column.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RuleRow(pub Vec<(String, String)>);

impl RuleRow {
    /// Appends a cell; an empty one is left out.
    pub fn push(&mut self, column: &str, value: &str) {
        if !value.is_empty() {
            self.0.push((column.to_owned(), value.to_owned()));
        }
    }

    /// Appends a cell and returns the row.
    #[must_use]
    pub fn with(mut self, column: &str, value: &str) -> Self {
        self.push(column, value);
        self
    }
}

/// A row that is being read: knows its number, so that errors name it.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    index: usize,
    row: &'a RuleRow,
}

/// Starts to read rows of these columns.
///
/// # Errors
/// No row or too many, a column that is unknown or stands twice in a row.
pub fn read<'a>(rows: &'a [RuleRow], columns: &[&str]) -> Result<Vec<Reading<'a>>, ContentError> {
    if rows.is_empty() || rows.len() > ROWS_MAX {
        let what = format!("{} rows, 1 to {ROWS_MAX} are allowed", rows.len());
        return Err(ContentError::new("rows", what));
    }
    let readings: Vec<Reading<'a>> =
        rows.iter().enumerate().map(|(index, row)| Reading { index, row }).collect();
    for reading in &readings {
        for (at, (column, _)) in reading.row.0.iter().enumerate() {
            if !columns.contains(&column.as_str()) {
                return Err(reading.error(column, format!("no such column; {}", list(columns))));
            }
            if reading.row.0.iter().skip(at.saturating_add(1)).any(|(c, _)| c == column) {
                return Err(reading.error(column, "stands twice"));
            }
        }
    }
    Ok(readings)
}

/// `a, b, c are known`.
fn list(words: &[&str]) -> String {
    format!("{} are known", words.join(", "))
}

impl<'a> Reading<'a> {
    /// The error at a column of this row.
    pub fn error(&self, column: &str, what: impl Into<String>) -> ContentError {
        ContentError::new(format!("rows.{}.{column}", self.index), what)
    }

    /// The text of a cell; empty when there is none.
    pub fn text(&self, column: &str) -> &'a str {
        self.row.0.iter().find(|(c, _)| c == column).map_or("", |(_, value)| value)
    }

    /// The text of a cell that must be filled.
    pub fn filled(&self, column: &str) -> Result<&'a str, ContentError> {
        let text = self.text(column);
        if text.is_empty() { Err(self.error(column, "is empty")) } else { Ok(text) }
    }

    /// `yes` or `no`.
    pub fn yes_no(&self, column: &str) -> Result<bool, ContentError> {
        match self.filled(column)? {
            "yes" => Ok(true),
            "no" => Ok(false),
            other => Err(self.error(column, format!("{other} is not yes or no"))),
        }
    }

    /// One of these words.
    pub fn word(&self, column: &str, words: &[&str]) -> Result<&'a str, ContentError> {
        let text = self.filled(column)?;
        if words.contains(&text) {
            Ok(text)
        } else {
            Err(self.error(column, format!("{text} is not one of {}", words.join(", "))))
        }
    }

    /// An area code of six digits.
    pub fn area(&self, column: &str) -> Result<Unit, ContentError> {
        let text = self.filled(column)?;
        let unit = if text.len() == 6 { Unit::parse(text) } else { None };
        unit.ok_or_else(|| self.error(column, format!("{text} is not an area code of 6 digits")))
    }

    /// A date.
    pub fn date(&self, column: &str) -> Result<Date, ContentError> {
        let text = self.filled(column)?;
        let date = Date::parse(text);
        date.ok_or_else(|| self.error(column, format!("{text} is not a date YYYY-MM-DD")))
    }
}

/// Writes `yes` or `no`.
pub fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_know_their_columns() {
        let row = RuleRow::default().with("code", "440000").with("note", "");
        assert_eq!(row.0.len(), 1, "an empty cell is absent");
        let check = |rows: &[RuleRow]| read(rows, &["code"]).map(|r| r.len());
        assert_eq!(check(&[row.clone(), row.clone()]), Ok(2));
        let field = |rows: &[RuleRow]| check(rows).unwrap_err().field;
        assert_eq!(field(&[]), "rows");
        assert_eq!(field(&vec![row.clone(); ROWS_MAX + 1]), "rows");
        assert_eq!(field(&[row.clone(), row.clone().with("colour", "red")]), "rows.1.colour");
        assert_eq!(field(&[row.with("code", "440100")]), "rows.0.code");
    }

    #[test]
    fn a_content_error_is_refusal_4006() {
        let reason = Reason::from(ContentError::new("rows.2.code", "P1 is not a purpose code"));
        assert_eq!(
            (reason.code(), reason.message()),
            (4006, "rows.2.code: P1 is not a purpose code".into())
        );
    }
}
