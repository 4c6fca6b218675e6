//! Purposes 用途: what may be paid, from which programme, to whom.

use std::collections::BTreeMap;

use super::rows::{self, ContentError, Reading, RuleRow, yes_no};
use crate::ids::Purpose;
use crate::kind::PURPOSE_COLUMNS;
use crate::words::Programme;

/// To whom a purpose may be paid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Payee {
    /// A household, to any of its accounts.
    Household,
    /// A household, to its one-card account only (3049).
    HouseholdYikatong,
    /// A project.
    Project,
    /// A household or a project.
    HouseholdOrProject,
}

impl Payee {
    const ALL: [Self; 4] =
        [Self::Household, Self::HouseholdYikatong, Self::Project, Self::HouseholdOrProject];

    /// Its spelling in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Household => "household",
            Self::HouseholdYikatong => "household_yikatong",
            Self::Project => "project",
            Self::HouseholdOrProject => "household|project",
        }
    }

    /// Whether a household may be paid.
    pub const fn household(self) -> bool {
        !matches!(self, Self::Project)
    }

    /// Whether a project may be paid.
    pub const fn project(self) -> bool {
        matches!(self, Self::Project | Self::HouseholdOrProject)
    }

    /// Whether only a one-card account may be paid.
    pub const fn one_card(self) -> bool {
        matches!(self, Self::HouseholdYikatong)
    }
}

/// What a permitted purpose allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Permit {
    /// Programme whose quotas it is paid from (3041).
    pub programme: Programme,
    /// To whom (3042, 3049).
    pub payee: Payee,
    /// Whether it goes on after the household left poverty (3044).
    pub after_exit: bool,
    /// Whether it counts to the review line.
    pub counts_to_cap: bool,
}

/// A purpose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PurposeRow {
    /// Its code.
    pub code: Purpose,
    /// What it allows; `None`: it is named so that a refusal can say what it was (3040).
    pub permit: Option<Permit>,
    /// The row as adopted, in the order of the columns.
    pub cells: RuleRow,
}

impl PurposeRow {
    /// A cell of the row; empty when there is none.
    pub fn cell(&self, column: &str) -> &str {
        self.cells.0.iter().find(|(c, _)| c == column).map_or("", |(_, value)| value)
    }

    /// Its Chinese name.
    pub fn name_zh(&self) -> &str {
        self.cell("name_zh")
    }

    /// Its English name in snake case.
    pub fn name_en(&self) -> &str {
        self.cell("name_en")
    }

    /// Whether it is loan interest: paid on an open loan, up to its interest. Source: 粤发〔2016〕13号 §14.
    pub fn is_interest(&self) -> bool {
        self.code.as_str() == "P05"
    }

    /// Whether the household must be dibao or wubao (3053). Source: 粤发〔2016〕13号 §7, §13.
    pub fn needs_class(&self) -> bool {
        matches!(self.code.as_str(), "S02" | "S03" | "S04")
    }
}

/// The list of purposes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Purposes {
    rows: Vec<PurposeRow>,
    index: BTreeMap<Purpose, usize>,
}

impl Purposes {
    /// Reads the rows of a version.
    ///
    /// # Errors
    /// The first cell that is not as the table must be.
    pub fn parse(rows: &[RuleRow]) -> Result<Self, ContentError> {
        let mut out = Self::default();
        for reading in rows::read(rows, PURPOSE_COLUMNS)? {
            let row = parse_row(&reading)?;
            let at = out.rows.len();
            if out.index.insert(row.code, at).is_some() {
                return Err(reading.error("code", format!("{} stands twice", row.code)));
            }
            out.rows.push(row);
        }
        Ok(out)
    }

    /// The row of a code.
    pub fn get(&self, code: Purpose) -> Option<&PurposeRow> {
        self.rows.get(*self.index.get(&code)?)
    }

    /// The rows, in the order adopted.
    pub fn rows(&self) -> &[PurposeRow] {
        &self.rows
    }

    /// The rows as they were read.
    pub fn to_rows(&self) -> Vec<RuleRow> {
        self.rows.iter().map(|row| row.cells.clone()).collect()
    }
}

/// A purpose code: a letter and two digits.
pub fn code(text: &str) -> Option<Purpose> {
    match text.as_bytes() {
        [a, b, c] if a.is_ascii_uppercase() && b.is_ascii_digit() && c.is_ascii_digit() => {
            Purpose::new(text)
        }
        _ => None,
    }
}

fn parse_row(row: &Reading<'_>) -> Result<PurposeRow, ContentError> {
    let text = row.filled("code")?;
    let code = code(text)
        .ok_or_else(|| row.error("code", format!("{text} is not a letter and two digits")))?;
    row.filled("name_zh")?;
    row.filled("name_en")?;
    let allowed = row.yes_no("allowed")?;
    let counts_to_cap = row.yes_no("counts_to_cap")?;
    let permit = if allowed {
        let word = row.word("programme", Programme::WORDS)?;
        let programme = Programme::parse(word).unwrap_or(Programme::Dev);
        if counts_to_cap && programme != Programme::Dev {
            return Err(
                row.error("counts_to_cap", format!("programme {word} is not under the cap"))
            );
        }
        let payees = Payee::ALL.map(Payee::name);
        let word = row.word("payee", &payees)?;
        let payee = Payee::ALL.into_iter().find(|p| p.name() == word).unwrap_or(Payee::Household);
        Some(Permit { programme, payee, after_exit: row.yes_no("after_exit")?, counts_to_cap })
    } else {
        if counts_to_cap {
            return Err(row.error("counts_to_cap", "a purpose that is not allowed counts nowhere"));
        }
        for column in ["programme", "payee", "after_exit"] {
            row.word(column, &["-"])?;
        }
        None
    };
    let mut cells = RuleRow::default();
    for column in PURPOSE_COLUMNS {
        cells.push(column, row.text(column));
    }
    debug_assert_eq!(yes_no(allowed), row.text("allowed"), "one spelling a value");
    Ok(PurposeRow { code, permit, cells })
}
