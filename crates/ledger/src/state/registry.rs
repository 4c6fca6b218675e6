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
use crate::saved::{saved_as, saved_fields};
use crate::table::{Index, Table};
use crate::undo_fields;

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

undo_fields!(Registry {
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

saved_fields!(Registry {
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

/// A record names a row that is not there.
fn missing(what: &'static str) -> Drift {
    Drift::of(what)
}

/// A table holds 2^32 rows.
fn full() -> Drift {
    Drift::overflow("rows of the register")
}
