//! Findings 线索: cases that inspectors follow up, and how far each has come.
//!
//! Lives elsewhere: alerts (`views`), texts and outcomes, which stand in the records of a finding.
//!
//! Always: a finding takes the steps of [`Stage::may_become`] and no others; it changes no balance.
//! Source: domain contract, section 9.

use std::sync::Arc;

use record::Seq;

use crate::event::Drift;
use crate::ids::{AlertId, FindingId};
use crate::saved::{saved_as, saved_fields, state_fields};
use crate::table::{Index, Table};

/// How far a finding has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    /// Opened.
    Open,
    /// The organisation concerned explained.
    Explained,
    /// Handed over 移送.
    Referred,
    /// Done 办结.
    Closed,
    /// Taken up again.
    Reopened,
}

impl Stage {
    /// All stages, in the order in which a finding takes them.
    pub const ALL: [Self; 5] =
        [Self::Open, Self::Explained, Self::Referred, Self::Closed, Self::Reopened];

    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Explained => "explained",
            Self::Referred => "referred",
            Self::Closed => "closed",
            Self::Reopened => "reopened",
        }
    }

    /// Returns the stage of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == word)
    }

    /// Whether a finding may take a step (7003): open → explained* → referred? → closed → reopened → …
    pub const fn may_become(self, next: Self) -> bool {
        match next {
            Self::Open => false,
            Self::Explained | Self::Referred => {
                matches!(self, Self::Open | Self::Explained | Self::Reopened)
            }
            Self::Closed => !matches!(self, Self::Closed),
            Self::Reopened => matches!(self, Self::Closed),
        }
    }
}

/// A finding.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Its id.
    pub id: FindingId,
    /// Alert that was adopted; `None`: it was opened by hand.
    pub alert: Option<AlertId>,
    /// Severity, 1-3.
    pub severity: u8,
    /// Records that bear it out, as its opening named them.
    pub evidence: Arc<[Seq]>,
    /// Its records, from the opening on, each with what the finding was from then on.
    pub steps: Arc<[(Seq, Stage)]>,
}

impl Finding {
    /// How far it has come.
    pub fn stage(&self) -> Stage {
        self.steps.last().map_or(Stage::Open, |(_, stage)| *stage)
    }
}

/// All findings, in the order of opening.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    rows: Table<Finding>,
    numbers: Index<FindingId>,
}

saved_as! {
    Stage: u8, |stage| match stage {
        Stage::Open => 0,
        Stage::Explained => 1,
        Stage::Referred => 2,
        Stage::Closed => 3,
        Stage::Reopened => 4,
    }, |number| Stage::ALL.get(usize::from(number)).copied();
}
saved_fields!(Finding { id, alert, severity, evidence, steps });
state_fields!(Findings { rows, numbers });

impl Findings {
    /// A finding that was ever opened.
    pub fn get(&self, id: FindingId) -> Option<&Finding> {
        self.rows.get(self.numbers.get(&id)?)
    }

    /// All findings, in the order of opening.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.rows.iter()
    }

    /// Adds a finding.
    ///
    /// # Errors
    /// Its id stands already.
    pub(crate) fn add(&mut self, finding: Finding) -> Result<(), Drift> {
        let id = finding.id;
        if self.numbers.get(&id).is_some() {
            return Err(Drift::of(format!("finding {id} stands already")));
        }
        let number = self.rows.push(finding).ok_or(Drift::overflow("findings"))?;
        self.numbers.insert(id, number);
        Ok(())
    }

    /// Takes a step.
    ///
    /// # Errors
    /// The finding is not known, or may not take it.
    pub(crate) fn step(&mut self, id: FindingId, next: Stage, seq: Seq) -> Result<(), Drift> {
        let number = self.numbers.get(&id);
        let number = number.ok_or_else(|| Drift::of(format!("finding {id} is not known")))?;
        let row = self.rows.edit(number).ok_or(Drift::overflow("findings"))?;
        if !row.stage().may_become(next) {
            let (stage, next) = (row.stage().name(), next.name());
            return Err(Drift::of(format!("finding {id} is {stage}, and would be {next}")));
        }
        row.steps = row.steps.iter().copied().chain([(seq, next)]).collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_takes_the_steps_of_its_life_and_no_others() {
        use Stage::{Closed, Explained, Open, Referred, Reopened};
        let allowed = [
            (Open, &[Explained, Referred, Closed][..]),
            (Explained, &[Explained, Referred, Closed]),
            (Referred, &[Closed]),
            (Closed, &[Reopened]),
            (Reopened, &[Explained, Referred, Closed]),
        ];
        for (from, to) in allowed {
            for next in Stage::ALL {
                assert_eq!(from.may_become(next), to.contains(&next), "{from:?} {next:?}");
                assert_eq!(Stage::parse(next.name()), Some(next));
            }
        }
    }
}
