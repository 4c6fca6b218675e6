//! The register in memory: areas, households, members, payee accounts.
//!
//! Lives here: the rows and how they change. Each subject has a file: `areas`, `households`, `members`,
//! `kin` (lineages), `accounts`.
//! Lives elsewhere: what may change (`kinds::registry`), the area list from county level up (`rules`).
//!
//! Always: rows are flat and numbered densely, without a text or vector a household; ends are exclusive,
//! so a thing holds on a date when `from <= date < end`; what was true on a date is asked of the
//! effective dates, whatever the order of posting.
//! Source: domain contract, section 3.

mod accounts;
mod areas;
mod households;
mod kin;
mod members;
mod row_index;

pub use accounts::{Binding, BindingOn};
pub use areas::{AreaOn, AreaRow};
pub use households::{HouseholdOn, HouseholdRow};
pub use members::{MemberOn, MemberRow};

use row_index::RowIndex;

use crate::event::Drift;
use crate::ids::{HouseholdCode, OrgId, Token, Unit};
use crate::saved::{saved_as, state_fields};
use crate::table::{Index, Table};

/// No row.
const NONE: u32 = u32::MAX;
/// The end of what has not ended.
const OPEN: u32 = u32::MAX;

/// Most members of a household at one time (2022).
pub const MEMBERS_MAX: u32 = crate::kind::MEMBERS_MAX;
/// Greatest number of a member.
pub const MEMBER_NO_MAX: u8 = 99;

/// The register.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    areas: Table<AreaRow>,
    area_changes: Table<areas::AreaChange>,
    area_of: Index<Unit>,
    households: Table<HouseholdRow>,
    household_of: RowIndex<HouseholdCode>,
    changes: Table<households::Change>,
    members: Table<MemberRow>,
    /// From a person to the first membership; the others are linked from there.
    member_of: RowIndex<Token>,
    bindings: Table<Binding>,
    /// From an account to its first binding; the others are linked from there.
    binding_of: RowIndex<Token>,
    helpers: Table<OrgId>,
    helper_of: Index<OrgId>,
}

state_fields!(Registry {
    areas,
    area_changes,
    area_of,
    households,
    household_of,
    changes,
    members,
    member_of,
    bindings,
    binding_of,
    helpers,
    helper_of,
});

// The rows say what stands in these; `Registry::find_rows` enters it.
saved_as! {
    RowIndex<HouseholdCode>: (), |_| (), |()| Some(Self::default());
    RowIndex<Token>: (), |_| (), |()| Some(Self::default());
}

impl Registry {
    /// Enters the rows that were read from a snapshot in the indexes that are not kept there.
    pub(super) fn find_rows(&mut self) {
        let Self { households, household_of, members, member_of, bindings, binding_of, .. } = self;
        household_of.enter_all(households, |row| row.code);
        member_of.enter_all(members, |row| row.person);
        binding_of.enter_all(bindings, |row| row.account);
    }
}

/// Payees whose rows are read ahead in one go.
pub(crate) const AHEAD: usize = 64;

impl Registry {
    /// Reads the rows that payments to these households and accounts will read. They lie far apart in more
    /// memory than any cache holds: asked for one line at a time they come one after the other, asked for
    /// together they come together. Returns a number without meaning, so that nothing is left out.
    pub(crate) fn read_ahead(&self, payees: impl Iterator<Item = (HouseholdCode, Token)>) -> u32 {
        let mut rows = [(NONE, NONE); AHEAD];
        for (slot, (code, account)) in rows.iter_mut().zip(payees) {
            let household = self.household(code).unwrap_or(NONE);
            *slot = (household, self.first_binding(account).unwrap_or(NONE));
        }
        rows.iter().fold(0, |sum, (household, binding)| {
            let Some(row) = self.households.get(*household) else { return sum };
            let change = self.changes.get(row.changes).map_or(0, |change| change.date.0);
            let member = self.members.get(row.members).map_or(0, |member| u32::from(member.no));
            let binding = self.bindings.get(*binding).map_or(0, |binding| binding.household);
            sum ^ change ^ member ^ binding
        })
    }
}

/// A record names a row that is not there.
fn missing(what: &'static str) -> Drift {
    Drift::of(what)
}

/// A table holds 2^32 rows.
fn full() -> Drift {
    Drift::overflow("rows of the register")
}
