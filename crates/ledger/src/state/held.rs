//! What units held by day: movements of `C.hold`, a row a day.
//!
//! Lives here: the days of each cell, newest first, and the cells of each unit.
//! Lives elsewhere: the balance itself (`money::Cell`), who asks (`kinds::period`, for 371).
//!
//! Always: the days of a cell add up to its balance. A day is that of the effective date, so what was posted
//! late stands where it belongs; a payment to a household adds to the newest day, which is found at once.

use crate::event::Drift;
use crate::ids::{Date, Unit};
use crate::saved::{saved_fields, state_fields};
use crate::table::{Index, Table};

/// No row.
const NONE: u32 = u32::MAX;

/// The days of a cell.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// The newest day.
    newest: u32,
    /// The cell of the unit that was made before.
    next: u32,
}

/// What moved on a day.
#[derive(Clone, Copy, Debug)]
struct Day {
    fen: i64,
    date: Date,
    /// The day before.
    next: u32,
}

/// Movements of all cells, by number of the cell.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    heads: Table<Head>,
    days: Table<Day>,
    newest_cell: Index<Unit>,
}

saved_fields!(Head { newest, next });
saved_fields!(Day { fen, date, next });
state_fields!(Held { heads, days, newest_cell });

impl Held {
    /// Adds a cell of a unit. Its number is the next.
    pub(super) fn add(&mut self, unit: Unit) -> Result<(), Drift> {
        let next = self.newest_cell.get(&unit).unwrap_or(NONE);
        let number = self.heads.push(Head { newest: NONE, next }).ok_or_else(full)?;
        self.newest_cell.insert(unit, number);
        Ok(())
    }

    /// The cells of a unit.
    pub(super) fn cells(&self, unit: Unit) -> impl Iterator<Item = u32> {
        let next = |no: &u32| self.heads.get(*no).map(|head| head.next);
        let known = |no: u32| self.heads.get(no).map(|_| no);
        let first = self.newest_cell.get(&unit).and_then(known);
        std::iter::successors(first, move |no| next(no).and_then(known))
    }

    /// Adds a movement to its day.
    ///
    /// # Errors
    /// The day's sum would leave 64 bits.
    pub(super) fn note(&mut self, cell: u32, date: Date, fen: i64) -> Result<(), Drift> {
        let mut newer = NONE;
        let mut at = self.heads.get(cell).map_or(NONE, |head| head.newest);
        while let Some(day) = self.days.get(at).filter(|day| date <= day.date) {
            if day.date == date {
                let sum = day.fen.checked_add(fen).ok_or(Drift::overflow("a day of C.hold"))?;
                self.days.edit(at).ok_or_else(full)?.fen = sum;
                return Ok(());
            }
            (newer, at) = (at, day.next);
        }
        let new = self.days.push(Day { fen, date, next: at }).ok_or_else(full)?;
        if newer == NONE {
            self.heads.edit(cell).ok_or_else(full)?.newest = new;
        } else {
            self.days.edit(newer).ok_or_else(full)?.next = new;
        }
        Ok(())
    }

    /// What a cell held on a day.
    pub(super) fn on(&self, cell: u32, date: Date) -> i128 {
        let first = self.heads.get(cell).and_then(|head| self.days.get(head.newest));
        let days = std::iter::successors(first, |day| self.days.get(day.next));
        days.filter(|day| day.date <= date).map(|day| i128::from(day.fen)).sum()
    }
}

fn full() -> Drift {
    Drift::overflow("days")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_stand_in_order_however_they_were_posted() {
        let unit = |text: &str| Unit::parse(text).unwrap();
        let mut held = Held::default();
        held.add(unit("4414")).unwrap();
        held.add(unit("441424")).unwrap();
        held.add(unit("4414")).unwrap();
        for (day, fen) in [(10, 100), (12, -30), (12, -20), (8, 5), (11, 7), (10, 1), (8, -6)] {
            held.note(0, Date(day), fen).unwrap();
        }
        held.note(2, Date(11), 1_000).unwrap();
        let on = |day| held.on(0, Date(day));
        let found: Vec<i128> = (7..=13).map(on).collect();
        assert_eq!(found, [0, -1, -1, 100, 107, 57, 57]);
        assert_eq!(held.days.len(), 5, "a row a day and cell");
        assert_eq!(held.cells(unit("4414")).collect::<Vec<_>>(), [2, 0]);
        assert_eq!(held.cells(unit("4401")).count(), 0);
        assert_eq!((held.on(1, Date(99)), held.on(2, Date(11))), (0, 1_000));
        assert!(held.note(2, Date(11), i64::MAX).is_err());
    }
}
