//! The area list 区划目录: province, cities and counties. Towns and villages are registered.

use std::collections::BTreeMap;

use super::rows::{self, ContentError, Reading, RuleRow};
use crate::ids::{Date, Level, Unit};
use crate::kind::AREA_COLUMNS;

/// An area of the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedArea {
    /// Which.
    pub unit: Unit,
    /// First day on which it is there.
    pub from: Date,
    /// Whether it is a province-managed county 省直管县; `None`: the list does not say.
    pub direct_county: Option<bool>,
    /// The row as adopted, in the order of the columns.
    pub cells: RuleRow,
}

impl ListedArea {
    /// A cell of the row; empty when there is none.
    pub fn cell(&self, column: &str) -> &str {
        self.cells.0.iter().find(|(c, _)| c == column).map_or("", |(_, value)| value)
    }

    /// Its Chinese name.
    pub fn name_zh(&self) -> &str {
        self.cell("name_zh")
    }

    /// Its English name.
    pub fn name_en(&self) -> &str {
        self.cell("name_en")
    }
}

/// The area list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AreaList {
    rows: Vec<ListedArea>,
    index: BTreeMap<Unit, usize>,
}

impl AreaList {
    /// Reads the rows of a version.
    ///
    /// # Errors
    /// The first cell that is not as the table must be.
    pub fn parse(rows: &[RuleRow]) -> Result<Self, ContentError> {
        let readings = rows::read(rows, AREA_COLUMNS)?;
        let mut out = Self::default();
        for reading in &readings {
            let row = parse_row(reading)?;
            let at = out.rows.len();
            if out.index.insert(row.unit, at).is_some() {
                return Err(reading.error("code", format!("{} stands twice", row.unit)));
            }
            out.rows.push(row);
        }
        for (reading, row) in readings.iter().zip(&out.rows) {
            if row.unit.parent().is_some_and(|parent| !out.index.contains_key(&parent)) {
                return Err(reading.error("parent", "is not in the list"));
            }
        }
        Ok(out)
    }

    /// The row of an area.
    pub fn get(&self, unit: Unit) -> Option<&ListedArea> {
        self.rows.get(*self.index.get(&unit)?)
    }

    /// The rows, in the order adopted.
    pub fn rows(&self) -> &[ListedArea] {
        &self.rows
    }

    /// The rows as they were read.
    pub fn to_rows(&self) -> Vec<RuleRow> {
        self.rows.iter().map(|row| row.cells.clone()).collect()
    }
}

fn parse_row(row: &Reading<'_>) -> Result<ListedArea, ContentError> {
    let unit = row.area("code")?;
    row.filled("name_zh")?;
    row.filled("name_en")?;
    let level = row.word("level", &["province", "city", "county"])?;
    if unit.level().name() != level {
        let what = format!("{level} is not the level of {unit}, {}", unit.level().name());
        return Err(row.error("level", what));
    }
    match unit.parent() {
        None if !row.text("parent").is_empty() => {
            return Err(row.error("parent", "a province has none"));
        }
        Some(parent) if row.area("parent")? != parent => {
            return Err(row.error("parent", format!("{parent} is the parent of {unit}")));
        }
        _ => (),
    }
    let from = row.date("valid_from")?;
    let direct_county = if row.text("direct_county").is_empty() {
        None
    } else if unit.level() == Level::County {
        Some(row.yes_no("direct_county")?)
    } else {
        return Err(row.error("direct_county", "only a county can be province-managed"));
    };
    let mut cells = RuleRow::default();
    for column in AREA_COLUMNS {
        cells.push(column, row.text(column));
    }
    Ok(ListedArea { unit, from, direct_county, cells })
}
