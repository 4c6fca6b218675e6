//! Members: who belonged to which household, from when to when.

use super::{MEMBER_NO_MAX, NONE, OPEN, Registry, full, missing};
use crate::event::Drift;
use crate::event::registry::{Marks, Person};
use crate::ids::{Date, Token};
use crate::saved::saved_fields;
use crate::words::{Ability, Sex};

/// A membership: one person in one household from a date on.
#[derive(Clone, Copy, Debug)]
pub struct MemberRow {
    /// The person.
    pub person: Token,
    /// Row of the household.
    pub household: u32,
    /// Member of the household entered before.
    next: u32,
    /// Later membership of the person.
    next_person: u32,
    /// First day.
    from: u32,
    /// First day without: after the day of death, or the day of leaving.
    end: u32,
    birth_year: u16,
    /// Number in the household, 1-99, never used again.
    pub no: u8,
    /// Sex, marks and whether the end is a death, packed.
    bits: u8,
}

const _: () = assert!(size_of::<MemberRow>() == 40);

saved_fields!(MemberRow { person, household, next, next_person, from, end, birth_year, no, bits });

const DEAD: u8 = 1 << 7;

impl MemberRow {
    /// Whether the person belongs to the household on a date. The day of death counts, the day of leaving
    /// does not.
    pub fn active_on(&self, date: Date) -> bool {
        self.from <= date.0 && date.0 < self.end
    }

    /// Whether the membership has not ended.
    pub fn is_open(&self) -> bool {
        self.end == OPEN
    }

    /// Day of death, if it ended by death.
    pub fn died(&self) -> Option<Date> {
        (self.bits & DEAD != 0).then(|| Date(self.end.saturating_sub(1)))
    }

    /// First day.
    pub fn from(&self) -> Date {
        Date(self.from)
    }

    /// First day without, if it has ended.
    pub fn end(&self) -> Option<Date> {
        (!self.is_open()).then_some(Date(self.end))
    }

    /// Year of birth.
    pub fn birth_year(&self) -> u16 {
        self.birth_year
    }

    /// Sex.
    pub fn sex(&self) -> Sex {
        if self.bits & 1 == 0 { Sex::Male } else { Sex::Female }
    }

    /// What may change.
    pub fn marks(&self) -> Marks {
        Marks {
            ability: Ability::at((self.bits >> 1) & 7).unwrap_or(Ability::Full),
            dibao: self.bits & (1 << 4) != 0,
            student: self.bits & (1 << 5) != 0,
            insured: self.bits & (1 << 6) != 0,
        }
    }
}

/// Sex and marks, packed.
fn pack(sex: Sex, marks: Marks) -> u8 {
    let flag = |set: bool, bit: u8| if set { 1_u8 << bit } else { 0 };
    sex.index()
        | (marks.ability.index() << 1)
        | flag(marks.dibao, 4)
        | flag(marks.student, 5)
        | flag(marks.insured, 6)
}

/// A member's number as a payment names it on a date.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemberOn {
    /// The household never had the number, or the person joined later or left (2020).
    Unknown,
    /// Active.
    Active,
    /// Died on this day, before the date (3046).
    Dead(Date),
}

impl Registry {
    /// The memberships of a household, newest first.
    pub fn members(&self, household: u32) -> impl Iterator<Item = &MemberRow> {
        self.member_rows(household).map(|(_, row)| row)
    }

    fn member_rows(&self, household: u32) -> impl Iterator<Item = (u32, &MemberRow)> {
        let row = move |no: u32| Some((no, self.members.get(no)?));
        let head = self.households.get(household).map_or(NONE, |row| row.members);
        std::iter::successors(row(head), move |(_, member)| row(member.next))
    }

    /// The membership of a number.
    pub fn member(&self, household: u32, no: u8) -> Option<&MemberRow> {
        self.members(household).find(|member| member.no == no)
    }

    /// What a payment of a date finds under a member's number.
    pub fn member_on(&self, household: u32, no: u8, date: Date) -> MemberOn {
        match self.member(household, no) {
            Some(member) if member.active_on(date) => MemberOn::Active,
            Some(member) => match member.died() {
                Some(died) if died < date => MemberOn::Dead(died),
                _ => MemberOn::Unknown,
            },
            None => MemberOn::Unknown,
        }
    }

    /// The membership of a number that is active on a date and has not ended since.
    pub fn active(&self, household: u32, no: u8, date: Date) -> Option<&MemberRow> {
        self.member(household, no).filter(|member| member.active_on(date) && member.is_open())
    }

    /// Number of members on a date.
    pub fn active_on(&self, household: u32, date: Date) -> u32 {
        let active = self.members(household).filter(|member| member.active_on(date)).count();
        u32::try_from(active).unwrap_or(u32::MAX)
    }

    /// Number of members that have not left or died, whatever the date.
    pub fn open_members(&self, household: u32) -> u32 {
        self.households.get(household).map_or(0, |row| u32::from(row.open))
    }

    /// Last day with a member before a date, plus one: since when nobody lives in the household (3045).
    pub fn empty_since(&self, household: u32, date: Date) -> Option<Date> {
        let ends = self.members(household).map(|member| member.end).filter(|end| *end <= date.0);
        ends.max().map(Date)
    }

    /// Whether a person is a member on a date.
    pub fn is_member(&self, household: u32, person: Token, date: Date) -> bool {
        self.members(household).any(|member| member.person == person && member.active_on(date))
    }

    /// The membership of a person that holds on a date.
    pub fn membership_on(&self, person: Token, date: Date) -> Option<&MemberRow> {
        self.memberships(person).find(|member| member.active_on(date))
    }

    /// All memberships of a person, oldest first; none for a person that stands in no household.
    pub fn memberships(&self, person: Token) -> impl Iterator<Item = &MemberRow> {
        let first = self.first_membership(person).and_then(|no| self.members.get(no));
        std::iter::successors(first, |member| self.members.get(member.next_person))
    }

    fn first_membership(&self, person: Token) -> Option<u32> {
        self.member_of.get(&person, |no| self.members.get(no).map(|row| row.person))
    }

    /// Whether a number was ever used in a household.
    pub fn number_used(&self, household: u32, no: u8) -> bool {
        self.member(household, no).is_some()
    }

    /// The next numbers that a household never used: after its greatest, then from the smallest.
    pub fn free_numbers(&self, household: u32) -> impl Iterator<Item = u8> {
        let mut used = 0_u128;
        for member in self.members(household) {
            used |= 1_u128.checked_shl(u32::from(member.no)).unwrap_or(0);
        }
        let greatest = (1..=MEMBER_NO_MAX).rev().find(|no| used >> no & 1 == 1).unwrap_or(0);
        (greatest.saturating_add(1)..=MEMBER_NO_MAX)
            .chain(1..greatest)
            .filter(move |no| used >> no & 1 == 0)
    }

    /// Enters a membership.
    pub(crate) fn join(
        &mut self,
        household: u32,
        person: &Person,
        date: Date,
    ) -> Result<(), Drift> {
        let bits = pack(person.sex, person.marks);
        self.enter(household, person.person, person.no, (person.birth_year, bits), date)
    }

    /// Ends a membership and enters the person elsewhere under another number.
    pub(crate) fn pass(
        &mut self,
        (from, no): (u32, u8),
        (to, new_no): (u32, u8),
        date: Date,
    ) -> Result<(), Drift> {
        let at = self.member_row_of(from, no)?;
        let row = *self.members.get(at).ok_or(missing("member"))?;
        self.leave(from, no, date)?;
        self.enter(to, row.person, new_no, (row.birth_year, row.bits), date)
    }

    fn enter(
        &mut self,
        household: u32,
        person: Token,
        no: u8,
        (birth_year, bits): (u16, u8),
        date: Date,
    ) -> Result<(), Drift> {
        let next = self.households.get(household).ok_or(missing("household"))?.members;
        let (from, end, next_person) = (date.0, OPEN, NONE);
        let row =
            MemberRow { person, household, next, next_person, from, end, birth_year, no, bits };
        let new = self.members.push(row).ok_or_else(full)?;
        let household = self.households.edit(household).ok_or(missing("household"))?;
        household.members = new;
        household.open = household.open.saturating_add(1);
        match self.first_membership(person) {
            None => {
                let members = &self.members;
                self.member_of.insert(new, &person, |no| members.get(no).map(|row| row.person));
            }
            Some(first) => {
                let mut last = first;
                while let Some(row) = self.members.get(last).filter(|r| r.next_person != NONE) {
                    last = row.next_person;
                }
                self.members.edit(last).ok_or(missing("member"))?.next_person = new;
            }
        }
        Ok(())
    }

    /// Changes marks, whatever the date.
    pub(crate) fn set_marks(&mut self, household: u32, no: u8, marks: Marks) -> Result<(), Drift> {
        let at = self.member_row_of(household, no)?;
        let row = self.members.edit(at).ok_or(missing("member"))?;
        row.bits = (row.bits & DEAD) | pack(row.sex(), marks);
        Ok(())
    }

    /// Ends a membership: the date is the first day without.
    pub(crate) fn leave(&mut self, household: u32, no: u8, date: Date) -> Result<(), Drift> {
        self.end_member(household, no, date.0, 0)
    }

    /// Ends a membership by death: the day of death is the last one.
    pub(crate) fn die(&mut self, household: u32, no: u8, died: Date) -> Result<(), Drift> {
        self.end_member(household, no, died.0.saturating_add(1), DEAD)
    }

    fn end_member(&mut self, household: u32, no: u8, end: u32, dead: u8) -> Result<(), Drift> {
        let at = self.member_row_of(household, no)?;
        let row = self.members.edit(at).ok_or(missing("member"))?;
        if !row.is_open() {
            return Err(missing("an active member"));
        }
        row.end = end;
        row.bits |= dead;
        let household = self.households.edit(household).ok_or(missing("household"))?;
        household.open = household.open.saturating_sub(1);
        Ok(())
    }

    fn member_row_of(&self, household: u32, no: u8) -> Result<u32, Drift> {
        let mut rows = self.member_rows(household);
        rows.find(|(_, member)| member.no == no).map(|(at, _)| at).ok_or(missing("member"))
    }
}
