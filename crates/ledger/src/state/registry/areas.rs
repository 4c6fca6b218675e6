//! Areas: registered towns and villages, and what was said of an area of the list.

use super::{NONE, OPEN, Registry, full, missing};
use crate::event::Drift;
use crate::ids::{Date, Unit};
use crate::rules::areas::ListedArea;
use crate::rules::{AreaList, Mark, Place, Rules};
use crate::saved::saved_fields;
use crate::table::Table;

/// An area that a registry event names.
#[derive(Clone, Debug)]
pub struct AreaRow {
    /// Which.
    pub unit: Unit,
    /// Its Chinese name; empty when only the list names it.
    pub name_zh: Box<str>,
    /// First day, when it was registered; [`OPEN`] when only the list knows it.
    from: u32,
    /// First day without it.
    end: u32,
    poor: bool,
    direct: bool,
    /// Newest change by date.
    changes: u32,
}

impl AreaRow {
    /// First day; `None` when only the list knows the area.
    pub fn from(&self) -> Option<Date> {
        (self.from != OPEN).then_some(Date(self.from))
    }

    /// First day without it; `None` while it is there.
    pub fn end(&self) -> Option<Date> {
        (self.end != OPEN).then_some(Date(self.end))
    }
}

/// A change of an area's marks.
#[derive(Clone, Copy, Debug)]
pub(super) struct AreaChange {
    date: Date,
    poor: Option<bool>,
    direct: Option<bool>,
    /// The one before it by date.
    next: u32,
}

saved_fields!(AreaRow { unit, name_zh, from, end, poor, direct, changes });
saved_fields!(AreaChange { date, poor, direct, next });

/// An area on a date.
#[derive(Clone, Copy, Debug)]
pub struct AreaOn<'a> {
    /// Unit and marks.
    pub place: Place,
    row: Option<&'a AreaRow>,
    list: Option<&'a AreaList>,
}

impl<'a> AreaOn<'a> {
    /// Its Chinese name.
    pub fn name_zh(&self) -> &'a str {
        let listed = || self.list?.get(self.place.unit).map(ListedArea::name_zh);
        let own = self.row.map(|row| &*row.name_zh).filter(|name| !name.is_empty());
        own.or_else(listed).unwrap_or_default()
    }
}

impl Registry {
    /// Whether the code of an area was ever used (2011).
    pub fn area_known(&self, rules: &Rules, unit: Unit) -> bool {
        let registered = self.area_row(unit).is_some_and(|row| row.from != OPEN);
        registered || rules.areas.iter().any(|version| version.content.get(unit).is_some())
    }

    /// The area on a date; `None` when it is not known or not valid then (2010).
    pub fn area<'a>(&'a self, rules: &'a Rules, unit: Unit, date: Date) -> Option<AreaOn<'a>> {
        let row = self.area_row(unit);
        let list = rules.areas.content(date);
        let listed = list.and_then(|list| list.get(unit)).filter(|listed| listed.from <= date);
        let there = listed.is_some() || row.is_some_and(|row| row.from <= date.0);
        if !there || row.is_some_and(|row| row.end <= date.0) {
            return None;
        }
        let direct = listed.and_then(|listed| listed.direct_county);
        let place = Place {
            unit,
            poor: self.mark(row, date, row.is_some_and(|r| r.poor), |change| change.poor),
            direct: self.mark(
                row,
                date,
                direct.unwrap_or(false) || row.is_some_and(|r| r.direct),
                |change| change.direct,
            ),
        };
        Some(AreaOn { place, row, list })
    }

    /// Areas that registry events name, in the order of their first event.
    pub fn area_rows(&self) -> &Table<AreaRow> {
        &self.areas
    }

    /// Whether an area is valid on a date.
    pub fn area_valid(&self, rules: &Rules, unit: Unit, date: Date) -> bool {
        self.area(rules, unit, date).is_some()
    }

    fn area_row(&self, unit: Unit) -> Option<&AreaRow> {
        self.areas.get(self.area_of.get(&unit)?)
    }

    /// A mark on a date: the newest change by then counts, then what it began with.
    fn mark(
        &self,
        row: Option<&AreaRow>,
        date: Date,
        first: bool,
        of: impl Fn(&AreaChange) -> Option<bool>,
    ) -> Mark {
        let head = row.map_or(NONE, |row| row.changes);
        let mut values = self.area_changes_from(head).filter(|c| c.date <= date).filter_map(&of);
        match values.next().unwrap_or(first) {
            true => Mark::Now,
            false if first || values.any(|value| value) => Mark::Once,
            false => Mark::Never,
        }
    }

    fn area_changes_from(&self, head: u32) -> impl Iterator<Item = &AreaChange> {
        std::iter::successors(self.area_changes.get(head), |change| {
            self.area_changes.get(change.next)
        })
    }

    /// 101. The area is there from the date.
    pub(crate) fn register_area(
        &mut self,
        unit: Unit,
        name_zh: &str,
        date: Date,
        (poor, direct): (bool, bool),
    ) -> Result<(), Drift> {
        let no = self.area_row_of(unit)?;
        let row = self.areas.edit(no).ok_or(missing("area"))?;
        if row.from != OPEN {
            return Err(missing("a free area code"));
        }
        (row.from, row.name_zh, row.poor, row.direct) = (date.0, name_zh.into(), poor, direct);
        Ok(())
    }

    /// 102, 104. Name and marks from the date on.
    pub(crate) fn amend_area(
        &mut self,
        unit: Unit,
        name_zh: &str,
        date: Date,
        (poor, direct): (Option<bool>, Option<bool>),
    ) -> Result<(), Drift> {
        let no = self.area_row_of(unit)?;
        let row = self.areas.edit(no).ok_or(missing("area"))?;
        if !name_zh.is_empty() {
            row.name_zh = name_zh.into();
        }
        if poor.is_none() && direct.is_none() {
            return Ok(());
        }
        // Newest date first; of one date the one posted last.
        let head = row.changes;
        let (mut before, mut next) = (NONE, head);
        while let Some(change) = self.area_changes.get(next).filter(|c| date < c.date) {
            (before, next) = (next, change.next);
        }
        let change = AreaChange { date, poor, direct, next };
        let new = self.area_changes.push(change).ok_or_else(full)?;
        if before == NONE {
            self.areas.edit(no).ok_or(missing("area"))?.changes = new;
        } else {
            self.area_changes.edit(before).ok_or(missing("area change"))?.next = new;
        }
        Ok(())
    }

    /// 103. The date is the first day without the area.
    pub(crate) fn close_area(&mut self, unit: Unit, date: Date) -> Result<(), Drift> {
        let no = self.area_row_of(unit)?;
        self.areas.edit(no).ok_or(missing("area"))?.end = date.0;
        Ok(())
    }

    /// The row of an area; a new one when no event named it before.
    fn area_row_of(&mut self, unit: Unit) -> Result<u32, Drift> {
        if let Some(no) = self.area_of.get(&unit) {
            return Ok(no);
        }
        let row = AreaRow {
            unit,
            name_zh: "".into(),
            from: OPEN,
            end: OPEN,
            poor: false,
            direct: false,
            changes: NONE,
        };
        let no = self.areas.push(row).ok_or_else(full)?;
        self.area_of.insert(unit, no);
        Ok(no)
    }
}
