//! Households: code, and the history of village, class and state.

use record::Seq;

use super::{NONE, Registry, full, missing};
use crate::event::Drift;
use crate::ids::{Date, HouseholdCode, OrgId, Unit};
use crate::saved::{saved_as, saved_fields};
use crate::words::{Class, HouseholdState};

/// A household. All that is not the same for ever hangs on it by row numbers.
#[derive(Clone, Copy, Debug)]
pub struct HouseholdRow {
    /// Its code.
    pub code: HouseholdCode,
    /// Position of the record that registered it (2001).
    pub seq: Seq,
    /// First village, area code.
    village: u64,
    /// Date of first registration.
    pub registered: Date,
    /// Newest change by date.
    pub(super) changes: u32,
    /// Member entered last.
    pub(super) members: u32,
    /// Binding entered last.
    pub(super) bindings: u32,
    /// Row that stands for the lineage.
    pub(super) lineage: u32,
    /// Next household of the lineage, in a ring.
    pub(super) kin: u32,
    helper: u32,
    /// One bit a cause of poverty.
    pub causes: u16,
    class: Class,
    /// Members that have not left or died.
    pub(super) open: u8,
}

/// What changes of a household from a date on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum What {
    State(HouseholdState),
    Class(Class),
    Village(u64),
}

/// A change of a household.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    what: What,
    pub(super) date: Date,
    /// The one before it by date; of one date the one posted before.
    next: u32,
}

saved_fields!(HouseholdRow {
    code,
    seq,
    village,
    registered,
    changes,
    members,
    bindings,
    lineage,
    kin,
    helper,
    causes,
    class,
    open
});
saved_fields!(Change { what, date, next });
saved_as! {
    What: (u8, u64), |what| match what {
        What::State(state) => (0, u64::from(state.index())),
        What::Class(class) => (1, u64::from(class.index())),
        What::Village(code) => (2, *code),
    }, |(kind, number)| match kind {
        0 => HouseholdState::at(u8::try_from(number).ok()?).map(What::State),
        1 => Class::at(u8::try_from(number).ok()?).map(What::Class),
        2 => Some(What::Village(number)),
        _ => None,
    };
}

/// A household on a date.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HouseholdOn {
    /// State: that of the last change by then, before the first `registered`.
    pub state: HouseholdState,
    /// Date of that change; before the first that of registration.
    pub state_since: Date,
    /// Class.
    pub class: Class,
    /// Village where it lives.
    pub village: Unit,
}

impl Registry {
    /// The number of a household's row; `None` when the code was never registered (2002).
    pub fn household(&self, code: HouseholdCode) -> Option<u32> {
        self.household_of.get(&code, |no| self.households.get(no).map(|row| row.code))
    }

    /// The row of a number.
    pub fn household_row(&self, no: u32) -> Option<&HouseholdRow> {
        self.households.get(no)
    }

    /// Number of households ever registered; their rows are numbered from 0.
    pub fn households(&self) -> u32 {
        u32::try_from(self.households.len()).unwrap_or(u32::MAX)
    }

    /// State, class and village on a date.
    pub fn household_on(&self, no: u32, date: Date) -> Option<HouseholdOn> {
        let row = self.households.get(no)?;
        let (mut state, mut class, mut village) = (None, None, None);
        for change in self.changes_of(row).filter(|change| change.date <= date) {
            match change.what {
                What::State(found) => state = state.or(Some((found, change.date))),
                What::Class(found) => class = class.or(Some(found)),
                What::Village(found) => village = village.or(Some(found)),
            }
        }
        let (state, state_since) = state.unwrap_or((HouseholdState::Registered, row.registered));
        Some(HouseholdOn {
            state,
            state_since,
            class: class.unwrap_or(row.class),
            village: Unit::of_code(village.unwrap_or(row.village))?,
        })
    }

    /// State on a date.
    pub fn state_on(&self, no: u32, date: Date) -> Option<HouseholdState> {
        Some(self.household_on(no, date)?.state)
    }

    /// Village on a date.
    pub fn village_on(&self, no: u32, date: Date) -> Option<Unit> {
        Some(self.household_on(no, date)?.village)
    }

    /// Organisation that helps a household.
    pub fn helping_unit(&self, no: u32) -> Option<OrgId> {
        self.helpers.get(self.households.get(no)?.helper).copied()
    }

    fn changes_of(&self, row: &HouseholdRow) -> impl Iterator<Item = &Change> {
        std::iter::successors(self.changes.get(row.changes), |change| self.changes.get(change.next))
    }

    /// 110, 113. Enters a household without members; returns its row.
    pub(crate) fn register_household(
        &mut self,
        (code, seq, date): (HouseholdCode, Seq, Date),
        village: Unit,
        class: Class,
        causes: u16,
        helping_unit: Option<OrgId>,
    ) -> Result<u32, Drift> {
        if self.household(code).is_some() {
            return Err(missing("a free household code"));
        }
        let helper = match helping_unit {
            Some(org) => self.helper_row(org)?,
            None => NONE,
        };
        // A household is a lineage of its own until it splits or merges.
        let no = self.households();
        let row = HouseholdRow {
            code,
            seq,
            village: village.code(),
            registered: date,
            changes: NONE,
            members: NONE,
            bindings: NONE,
            lineage: no,
            kin: no,
            helper,
            causes,
            class,
            open: 0,
        };
        self.households.push(row).ok_or_else(full)?;
        let households = &self.households;
        self.household_of.insert(no, &code, |no| households.get(no).map(|row| row.code));
        Ok(no)
    }

    /// State from a date on.
    pub(crate) fn set_state(
        &mut self,
        no: u32,
        date: Date,
        to: HouseholdState,
    ) -> Result<(), Drift> {
        self.change(no, date, What::State(to))
    }

    /// Class from a date on.
    pub(crate) fn set_class(&mut self, no: u32, date: Date, to: Class) -> Result<(), Drift> {
        self.change(no, date, What::Class(to))
    }

    /// Village from a date on.
    pub(crate) fn set_village(&mut self, no: u32, date: Date, to: Unit) -> Result<(), Drift> {
        self.change(no, date, What::Village(to.code()))
    }

    /// Causes of poverty, whatever the date.
    pub(crate) fn set_causes(&mut self, no: u32, causes: u16) -> Result<(), Drift> {
        self.households.edit(no).ok_or(missing("household"))?.causes = causes;
        Ok(())
    }

    /// Helping unit, whatever the date.
    pub(crate) fn set_helping_unit(&mut self, no: u32, org: OrgId) -> Result<(), Drift> {
        let helper = self.helper_row(org)?;
        self.households.edit(no).ok_or(missing("household"))?.helper = helper;
        Ok(())
    }

    fn helper_row(&mut self, org: OrgId) -> Result<u32, Drift> {
        if let Some(no) = self.helper_of.get(&org) {
            return Ok(no);
        }
        let no = self.helpers.push(org).ok_or_else(full)?;
        self.helper_of.insert(org, no);
        Ok(no)
    }

    fn change(&mut self, no: u32, date: Date, what: What) -> Result<(), Drift> {
        // Newest date first; of one date the one posted last.
        let head = self.households.get(no).ok_or(missing("household"))?.changes;
        let (mut before, mut next) = (NONE, head);
        while let Some(change) = self.changes.get(next).filter(|c| date < c.date) {
            (before, next) = (next, change.next);
        }
        let new = self.changes.push(Change { what, date, next }).ok_or_else(full)?;
        if before == NONE {
            self.households.edit(no).ok_or(missing("household"))?.changes = new;
        } else {
            self.changes.edit(before).ok_or(missing("change"))?.next = new;
        }
        Ok(())
    }
}
