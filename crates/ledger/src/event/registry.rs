//! Events of the registry: areas, households, members, accounts (101-131).
//!
//! Each is read from a line that passed the form checks (`lines`), and changes the register (`effect`).

mod effect;
mod lines;

use crate::ids::{Date, HouseholdCode, OrgId, Token, Unit};
use crate::words::{
    Ability, AccountKind, AddedReason, Cause, Class, DissolvedReason, LeftReason, Sex,
};

/// 101: a town or village (or a county that the list lacks) enters the area tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AreaRegistered {
    /// Which.
    pub code: Unit,
    /// Its Chinese name.
    pub name_zh: String,
    /// The area above.
    pub parent: Unit,
    /// Relatively poor village.
    pub poor: Option<bool>,
    /// Province-managed county.
    pub direct_county: Option<bool>,
}

/// 102: name or marks change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AreaAmended {
    /// Which.
    pub code: Unit,
    /// New name; empty: as before.
    pub name_zh: String,
    /// Relatively poor village.
    pub poor: Option<bool>,
    /// Province-managed county.
    pub direct_county: Option<bool>,
}

/// 103: the area ends; the effective date is the first day without it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AreaClosed {
    /// Which.
    pub code: Unit,
    /// What takes its place.
    pub successor: Option<Unit>,
}

/// 104: the village leaves the list of relatively poor villages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VillageExited {
    /// Which.
    pub code: Unit,
    /// Year of exit.
    pub year: u16,
}

/// Up to three causes of poverty, in the order given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Causes([Option<Cause>; 3]);

impl Causes {
    /// Reads words; `None` for a fourth or an unknown one.
    pub fn of<'a>(words: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut out = Self::default();
        for (i, word) in words.enumerate() {
            *out.0.get_mut(i)? = Some(Cause::parse(word)?);
        }
        Some(out)
    }

    /// The causes, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = Cause> + use<> {
        self.0.into_iter().flatten()
    }

    /// Whether none is given.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// One bit a cause: the order does not count.
    pub fn bits(&self) -> u16 {
        self.iter().fold(0, |bits, c| bits | 1_u16.checked_shl(u32::from(c.index())).unwrap_or(0))
    }
}

/// A person who becomes a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Person {
    /// Number in the household, 1-99.
    pub no: u8,
    /// The person's token.
    pub person: Token,
    /// Year of birth.
    pub birth_year: u16,
    /// Sex.
    pub sex: Sex,
    /// The marks that may change.
    pub marks: Marks,
}

/// What may change of a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Marks {
    /// Ability to work.
    pub ability: Ability,
    /// Receives subsistence allowance.
    pub dibao: bool,
    /// Is a student.
    pub student: bool,
    /// Has basic medical insurance.
    pub insured: bool,
}

/// 110: first entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HouseholdRegistered {
    /// Its code.
    pub household: HouseholdCode,
    /// Village where it lives.
    pub village: Unit,
    /// Class.
    pub class: Class,
    /// Causes of poverty.
    pub causes: Causes,
    /// Organisation that helps it.
    pub helping_unit: Option<OrgId>,
    /// Its members, 1-30.
    pub members: Vec<Person>,
}

/// 111: class, causes or helping unit change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HouseholdAmended {
    /// Which.
    pub household: HouseholdCode,
    /// New class.
    pub class: Option<Class>,
    /// New causes; empty: as before.
    pub causes: Causes,
    /// New helping unit.
    pub helping_unit: Option<OrgId>,
}

/// 112: the current village changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HouseholdMoved {
    /// Which.
    pub household: HouseholdCode,
    /// New village.
    pub village: Unit,
    /// Village before.
    pub from_village: Unit,
}

/// 113: members leave for a household of their own; they keep their numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HouseholdSplit {
    /// Household they leave.
    pub household: HouseholdCode,
    /// Household they form.
    pub new_household: HouseholdCode,
    /// Numbers of the members, in the order given.
    pub members: Vec<u8>,
}

/// 114: all members of one household join another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HouseholdsMerged {
    /// Household that goes on.
    pub into: HouseholdCode,
    /// Household that is dissolved.
    pub from: HouseholdCode,
    /// Old and new number of each member.
    pub members: Vec<(u8, u8)>,
}

/// 115: out of poverty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HouseholdExited {
    /// Which.
    pub household: HouseholdCode,
    /// Year of exit.
    pub year: u16,
}

/// 116: back into poverty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HouseholdReturned {
    /// Which.
    pub household: HouseholdCode,
    /// Why, in words.
    pub reason: String,
}

/// 117: was never entitled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HouseholdRemoved {
    /// Which.
    pub household: HouseholdCode,
    /// Why, in words.
    pub reason: String,
}

/// 118: the removal was wrong, or a dissolved household enters again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HouseholdReinstated {
    /// Which.
    pub household: HouseholdCode,
    /// Why, in words.
    pub reason: String,
}

/// 119: nobody left, or left the province.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HouseholdDissolved {
    /// Which.
    pub household: HouseholdCode,
    /// Why.
    pub reason: DissolvedReason,
}

/// 120: a person joins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberAdded {
    /// Household that is joined.
    pub household: HouseholdCode,
    /// Who.
    pub member: Person,
    /// Why.
    pub reason: AddedReason,
}

/// 121: marks of a member change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberAmended {
    /// Household.
    pub household: HouseholdCode,
    /// Number of the member.
    pub no: u8,
    /// New ability.
    pub ability: Option<Ability>,
    /// New mark.
    pub dibao: Option<bool>,
    /// New mark.
    pub student: Option<bool>,
    /// New mark.
    pub insured: Option<bool>,
}

/// 122: a member leaves; the effective date is the first day without.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberLeft {
    /// Household.
    pub household: HouseholdCode,
    /// Number of the member.
    pub no: u8,
    /// Why.
    pub reason: LeftReason,
}

/// 123: a member died; the day of death is the last one in the household.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberDied {
    /// Household.
    pub household: HouseholdCode,
    /// Number of the member.
    pub no: u8,
    /// Day of death.
    pub died: Date,
}

/// 124: a member passes to another household.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberMoved {
    /// Household that is left.
    pub from: HouseholdCode,
    /// Number there.
    pub no: u8,
    /// Household that is joined.
    pub to: HouseholdCode,
    /// Number there.
    pub new_no: u8,
}

/// 130: a payee account is bound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountBound {
    /// Household.
    pub household: HouseholdCode,
    /// Token of the account.
    pub account: Token,
    /// Kind of the account.
    pub account_kind: AccountKind,
    /// Token of its holder.
    pub holder: Token,
    /// Why the holder is no member; empty when no reason is given.
    pub guardian_reason: String,
    /// Whether it becomes the household's primary account.
    pub primary: bool,
}

/// 131: a binding ends; the effective date is the first day without.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountReleased {
    /// Household.
    pub household: HouseholdCode,
    /// Token of the account.
    pub account: Token,
}
