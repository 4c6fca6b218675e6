//! Lineages: households joined by split and merge. The review line counts their people together.
//! Source: domain contract, section 6.3.

use super::{Registry, missing};
use crate::event::Drift;
use crate::ids::Date;

impl Registry {
    /// The row that stands for the lineage of a household.
    pub fn lineage(&self, household: u32) -> Option<u32> {
        Some(self.households.get(household)?.lineage)
    }

    /// The households of a lineage, the one asked for first.
    pub fn kin(&self, household: u32) -> impl Iterator<Item = u32> {
        let next = move |no: u32| self.households.get(no).map(|row| row.kin);
        let first = self.households.get(household).map(|_| household);
        std::iter::successors(first, move |no| next(*no).filter(|next| *next != household))
    }

    /// Largest number of members active at the same time in the lineage of a household, on any date up to
    /// this one, by what is known now.
    pub fn peak(&self, household: u32, date: Date) -> u32 {
        // A handful of people: their comings and goings, sorted, are walked once.
        let mut steps: Vec<(u32, bool)> = Vec::new();
        for member in self.kin(household).flat_map(|no| self.members(no)) {
            // Who left on the day of joining was never there.
            if member.end().is_some_and(|end| end <= member.from()) {
                continue;
            }
            steps.push((member.from().0, true));
            if let Some(end) = member.end() {
                steps.push((end.0, false));
            }
        }
        // On one day those who go are counted out before those who come.
        steps.sort_unstable();
        let (mut now, mut peak) = (0_u32, 0_u32);
        for (_, comes) in steps.iter().filter(|(day, _)| *day <= date.0) {
            now = if *comes { now.saturating_add(1) } else { now.saturating_sub(1) };
            peak = peak.max(now);
        }
        peak
    }

    /// Makes one lineage of two.
    pub(crate) fn unite(&mut self, a: u32, b: u32) -> Result<(), Drift> {
        let (of_a, of_b) = (self.lineage(a), self.lineage(b));
        let lineage = of_a.ok_or(missing("household"))?;
        if of_a == of_b {
            return Ok(());
        }
        let others: Vec<u32> = self.kin(b).collect();
        for no in others {
            self.households.edit(no).ok_or(missing("household"))?.lineage = lineage;
        }
        // Two rings become one when two of their rows exchange what comes next.
        let after_a = self.households.get(a).ok_or(missing("household"))?.kin;
        let after_b = self.households.get(b).ok_or(missing("household"))?.kin;
        self.households.edit(a).ok_or(missing("household"))?.kin = after_b;
        self.households.edit(b).ok_or(missing("household"))?.kin = after_a;
        Ok(())
    }
}
