//! How the register and the officials' roles enter the facts.

use ledger::event::registry::Person;
use ledger::event::{At, Event};
use ledger::ids::{HouseholdCode, Unit};
use ledger::words::HouseholdState;

use super::rows::{Binding, Grant, Membership, NEVER, Standing};
use super::{Facts, short};
use crate::table::{No, at as index};

impl Facts {
    /// Takes in an event of register or access; `false`: it is of another group.
    pub(super) fn register(&mut self, at: &At, event: &Event) -> bool {
        let seq = short(at.seq);
        let state = |facts: &mut Self, code: &HouseholdCode, state| {
            facts.stand(at, *code, Some(state), None);
        };
        match event {
            Event::HouseholdRegistered(e) => {
                self.stand(at, e.household, Some(HouseholdState::Registered), Some(e.village));
                for person in &e.members {
                    self.join(at, e.household, person);
                }
            }
            Event::HouseholdMoved(e) => self.stand(at, e.household, None, Some(e.village)),
            Event::HouseholdExited(e) => state(self, &e.household, HouseholdState::Exited),
            Event::HouseholdReturned(e) => state(self, &e.household, HouseholdState::Registered),
            Event::HouseholdRemoved(e) => state(self, &e.household, HouseholdState::Removed),
            Event::HouseholdReinstated(e) => state(self, &e.household, HouseholdState::Registered),
            Event::HouseholdDissolved(e) => state(self, &e.household, HouseholdState::Dissolved),
            Event::HouseholdSplit(e) => self.split(at, e.household, e.new_household, &e.members),
            Event::HouseholdsMerged(e) => self.merge(at, e.into, e.from, &e.members),
            Event::MemberAdded(e) => self.join(at, e.household, &e.member),
            Event::MemberAmended(e) => {
                if let (Some(ability), house) = (e.ability, self.households.number(&e.household)) {
                    self.abilities.push((house, e.no, at.date, ability));
                }
            }
            Event::MemberLeft(e) => {
                if let Some(row) = self.member(e.household, e.no) {
                    (row.until, row.ended_by) = (at.date, seq);
                }
            }
            Event::MemberDied(e) => {
                if let Some(row) = self.member(e.household, e.no) {
                    // The day of death is a day of a living member.
                    row.until = ledger::ids::Date(e.died.0.saturating_add(1));
                    (row.died, row.ended_by) = (e.died, seq);
                }
            }
            Event::MemberMoved(e) => self.change_house(at, (e.from, e.no), (e.to, e.new_no)),
            _ => return self.bind(at, event),
        }
        true
    }

    /// Takes in an event of accounts or roles.
    fn bind(&mut self, at: &At, event: &Event) -> bool {
        let seq = short(at.seq);
        match event {
            Event::AccountBound(e) => {
                let household = self.households.number(&e.household);
                let row = Binding {
                    household,
                    account: self.accounts.number(&e.account),
                    holder: self.persons.number(&e.holder),
                    seq,
                    from: at.date,
                    until: NEVER,
                    guardian: !e.guardian_reason.is_empty(),
                };
                if self.bindings_of.push(household).is_some() {
                    self.bindings.push(row);
                }
            }
            Event::AccountReleased(e) => {
                let household = self.households.number(&e.household);
                let account = self.accounts.number(&e.account);
                for no in self.bindings_of.of(household) {
                    if let Some(row) = self.bindings.get_mut(index(no))
                        && row.account == account
                        && row.until == NEVER
                    {
                        row.until = at.date;
                    }
                }
            }
            Event::RoleGranted(e) => {
                if let Some(person) = e.person {
                    self.grants.push(Grant {
                        seq,
                        official: e.official,
                        role: e.role,
                        person,
                        scope: e.scope.clone(),
                        from: at.date,
                        until: NEVER,
                    });
                }
            }
            Event::RoleRevoked(e) => {
                for row in &mut self.grants {
                    if (row.official, row.role, row.until) == (e.official, e.role, NEVER) {
                        row.until = at.date;
                    }
                }
            }
            _ => return false,
        }
        true
    }

    fn stand(
        &mut self,
        at: &At,
        code: HouseholdCode,
        state: Option<HouseholdState>,
        village: Option<Unit>,
    ) {
        let household = self.households.number(&code);
        if self.standings_of.push(household).is_some() {
            let (seq, date) = (short(at.seq), at.date);
            self.standings.push(Standing { seq, date, state, village });
        }
    }

    fn join(&mut self, at: &At, code: HouseholdCode, person: &Person) {
        let household = self.households.number(&code);
        let row = Membership {
            household,
            person: self.persons.number(&person.person),
            seq: short(at.seq),
            from: at.date,
            until: NEVER,
            died: NEVER,
            ended_by: 0,
            no: person.no,
            ability: person.marks.ability,
        };
        self.add_member(row);
    }

    fn add_member(&mut self, row: Membership) {
        if self.members_of.push(row.household).is_some() {
            self.memberships.push(row);
        }
    }

    fn member(&mut self, code: HouseholdCode, no: u8) -> Option<&mut Membership> {
        let household = self.households.find(&code)?;
        let mut all = self.members_of.of(household);
        let found =
            all.find(|row| self.memberships.get(index(*row)).is_some_and(|m| m.no == no))?;
        self.memberships.get_mut(index(found))
    }

    fn change_house(&mut self, at: &At, from: (HouseholdCode, u8), to: (HouseholdCode, u8)) {
        let ability = self.ability_now(from);
        let Some(row) = self.member(from.0, from.1) else { return };
        (row.until, row.ended_by) = (at.date, short(at.seq));
        let old = *row;
        let household: No = self.households.number(&to.0);
        let (seq, no) = (short(at.seq), to.1);
        let ability = ability.unwrap_or(old.ability);
        let (from, until) = (at.date, NEVER);
        self.add_member(Membership {
            household,
            no,
            seq,
            from,
            until,
            ended_by: 0,
            ability,
            ..old
        });
    }

    fn ability_now(&self, (code, no): (HouseholdCode, u8)) -> Option<ledger::words::Ability> {
        let household = self.households.find(&code)?;
        let of = self.abilities.iter().rev().find(|row| (row.0, row.1) == (household, no));
        of.map(|row| row.3)
    }

    fn split(&mut self, at: &At, old: HouseholdCode, new: HouseholdCode, members: &[u8]) {
        let (state, village) = self.last_standing(old);
        self.stand(at, new, state, village);
        for no in members {
            self.change_house(at, (old, *no), (new, *no));
        }
        self.join_kin(old, new);
    }

    fn merge(&mut self, at: &At, into: HouseholdCode, from: HouseholdCode, members: &[(u8, u8)]) {
        let states = [self.last_standing(into).0, self.last_standing(from).0];
        if states.contains(&Some(HouseholdState::Registered)) {
            self.stand(at, into, Some(HouseholdState::Registered), None);
        }
        self.stand(at, from, Some(HouseholdState::Dissolved), None);
        for (old, new) in members {
            self.change_house(at, (from, *old), (into, *new));
        }
        self.join_kin(into, from);
    }

    fn join_kin(&mut self, one: HouseholdCode, other: HouseholdCode) {
        let pair = (self.households.number(&one), self.households.number(&other));
        self.kin.push(pair);
    }

    /// State and village as the last records have them.
    fn last_standing(&self, code: HouseholdCode) -> (Option<HouseholdState>, Option<Unit>) {
        let Some(household) = self.households.find(&code) else { return (None, None) };
        let rows =
            || self.standings_of.of(household).filter_map(|no| self.standings.get(index(no)));
        (rows().find_map(|row| row.state), rows().find_map(|row| row.village))
    }
}
