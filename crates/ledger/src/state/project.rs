//! Projects: what they are, who holds shares, what of their money is not attributed or distributed.
//!
//! Always: an id is used for ever; a share register holds from its date until the next one's.
//! Source: domain contract, sections 3.1 and 4.3.

use std::sync::Arc;

use record::Seq;

use super::money::add;
use crate::account::Account;
use crate::event::Drift;
use crate::ids::{Date, HouseholdCode, ProjectId, Purpose, Token, Unit};
use crate::saved::{saved_as, saved_fields, state_fields};
use crate::table::{Index, Table};

/// Who benefits: a household or a village collective.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Target {
    /// A household.
    Household(HouseholdCode),
    /// A village collective.
    Village(Unit),
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Household(code) => write!(f, "household {code}"),
            Self::Village(unit) => write!(f, "village {unit}"),
        }
    }
}

/// State of a project.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProjectState {
    /// Nothing was paid.
    Registered,
    /// Something was paid.
    Paying,
    /// Accepted.
    Accepted,
    /// Closed: nothing more is paid.
    Closed,
}

impl ProjectState {
    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Paying => "paying",
            Self::Accepted => "accepted",
            Self::Closed => "closed",
        }
    }
}

/// Shares by target, as given.
pub type Shares = Arc<[(Target, u32)]>;

/// A project.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Unit it lies in.
    pub unit: Unit,
    /// Purpose.
    pub purpose: Purpose,
    /// Planned cost in fen.
    pub planned: i64,
    /// Who runs it.
    pub operator: Token,
    /// Its state.
    pub state: ProjectState,
    /// Share registers in the order in which they were adopted, each with its first day and with the
    /// targets sorted.
    pub registers: Arc<[(Date, Shares)]>,
    /// `B.open`: not attributed.
    pub open: i64,
    /// `I.due`: not distributed.
    pub due: i64,
    /// Record that registered it.
    pub seq: Seq,
}

impl Project {
    /// The share register of a day: the one adopted last of those that had begun.
    pub fn shares(&self, date: Date) -> &[(Target, u32)] {
        let found = self.registers.iter().rev().find(|(from, _)| *from <= date);
        found.map(|(_, shares)| &**shares).unwrap_or_default()
    }

    /// Whether a target holds shares on a day.
    pub fn holds(&self, target: Target, date: Date) -> bool {
        self.shares(date).binary_search_by_key(&target, |(target, _)| *target).is_ok()
    }

    /// Adds a share register.
    pub(crate) fn add_register(&mut self, from: Date, shares: &[(Target, u32)]) {
        let mut sorted = shares.to_vec();
        sorted.sort_unstable();
        let mut registers = self.registers.to_vec();
        registers.push((from, sorted.into()));
        self.registers = registers.into();
    }
}

/// All projects.
#[derive(Clone, Debug, Default)]
pub struct Projects {
    rows: Table<Project>,
    numbers: Index<ProjectId>,
    /// Attributed less withdrawn, by project and target (3052).
    attributed: Index<(u32, Target), i64>,
}

saved_as! {
    Target: (u8, u64), |target| match target {
        Target::Household(code) => (0, code.get()),
        Target::Village(unit) => (1, unit.code()),
    }, |(kind, number)| match kind {
        0 => HouseholdCode::of_number(number).map(Target::Household),
        1 => Unit::of_code(number).map(Target::Village),
        _ => None,
    };
    ProjectState: u8, |state| match state {
        ProjectState::Registered => 0,
        ProjectState::Paying => 1,
        ProjectState::Accepted => 2,
        ProjectState::Closed => 3,
    }, |number| {
        [Self::Registered, Self::Paying, Self::Accepted, Self::Closed]
            .get(usize::from(number))
            .copied()
    };
}
saved_fields!(Project { id, unit, purpose, planned, operator, state, registers, open, due, seq });
state_fields!(Projects { rows, numbers, attributed });

impl Projects {
    /// A project that was ever registered.
    pub fn get(&self, id: ProjectId) -> Option<&Project> {
        self.rows.get(self.numbers.get(&id)?)
    }

    /// The unit of a project.
    pub fn unit(&self, id: ProjectId) -> Option<Unit> {
        self.get(id).map(|project| project.unit)
    }

    /// What a target has from a project.
    pub fn attributed(&self, id: ProjectId, target: Target) -> i64 {
        let number = self.numbers.get(&id);
        number.and_then(|number| self.attributed.get(&(number, target))).unwrap_or(0)
    }

    /// Adds a project.
    ///
    /// # Errors
    /// Its id was used before.
    pub(crate) fn add(&mut self, project: Project) -> Result<(), Drift> {
        let id = project.id;
        if self.numbers.get(&id).is_some() {
            return Err(Drift::of(format!("project {id} stands already")));
        }
        let number = self.rows.push(project).ok_or(Drift::overflow("projects"))?;
        self.numbers.insert(id, number);
        Ok(())
    }

    fn number(&self, id: ProjectId) -> Result<u32, Drift> {
        self.numbers.get(&id).ok_or_else(|| Drift::of(format!("project {id} is not known")))
    }

    /// A project to be changed.
    ///
    /// # Errors
    /// It is not known.
    pub(crate) fn edit(&mut self, id: ProjectId) -> Result<&mut Project, Drift> {
        let number = self.number(id)?;
        self.rows.edit(number).ok_or(Drift::overflow("projects"))
    }

    /// Moves what a target has from a project.
    ///
    /// # Errors
    /// Below zero, or an overflow.
    pub(crate) fn move_attributed(
        &mut self,
        id: ProjectId,
        target: Target,
        fen: i64,
    ) -> Result<(), Drift> {
        let number = self.number(id)?;
        let sum = self.attributed(id, target).checked_add(fen);
        let sum = sum.ok_or(Drift::overflow("attributed"))?;
        if sum < 0 {
            return Err(Drift::of(format!("{target} would have {sum} fen from {id}")));
        }
        self.attributed.insert((number, target), sum);
        Ok(())
    }

    /// Moves a project's balance as a leg says; legs of other accounts move nothing.
    pub(super) fn apply_leg(&mut self, account: &Account, fen: i64) -> Result<(), Drift> {
        match account {
            Account::Open(id) => {
                let row = self.edit(*id)?;
                row.open = add(row.open, fen, account)?;
            }
            Account::Due(id) => {
                let row = self.edit(*id)?;
                row.due = add(row.due, fen, account)?;
            }
            _ => {}
        }
        Ok(())
    }
}
