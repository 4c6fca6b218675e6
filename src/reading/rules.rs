//! The rules that an answer rests on: those that the log held at its position, on its day.
//!
//! Lives here: what rules say to a balance. Lives elsewhere: the rules and their versions (`ledger`), sums
//! (`views`).
//!
//! Always: a rule that was adopted behind the position of an answer changes nothing in it.

use journal::Reader;
use ledger::ids::{Date, Unit};
use ledger::reject::Reason;
use ledger::rules::{Rules, Versions};
use record::{Seq, china_date};

use super::{DurableLog, position};

/// Where an answer stands among the versions of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RulesAt {
    /// The last record it speaks for.
    pub position: Seq,
    /// The day it asks of; without one that on which this record was posted.
    pub day: Date,
}

impl RulesAt {
    /// Finds it for a position and a day that are asked for, at a head and the day of that.
    ///
    /// # Errors
    /// 8001 beyond the head; 9004 when the log cannot be read.
    pub fn find(
        log: &DurableLog,
        (head, today): (Seq, Date),
        (asked, date): (Option<Seq>, Option<Date>),
    ) -> Result<Self, Reason> {
        let position = position(log, head, asked, date)?.position;
        let day = match date {
            Some(day) => day,
            None if position == head => today,
            None => posted_on(&*log.0, position)?,
        };
        Ok(Self { position, day })
    }

    fn content<T>(self, versions: &Versions<T>) -> Option<&T> {
        versions.known(self.position, self.day).map(|version| &*version.content)
    }

    /// Fen a head by the cap rule.
    pub fn per_head(self, rules: &Rules) -> Option<i64> {
        self.content(&rules.cap).map(|cap| cap.per_head_fen)
    }

    /// What the pools of all home cities may be planned to; `None` when no baseline or cap rule stands.
    pub fn ceiling(self, rules: &Rules) -> Option<i64> {
        let mut heads = 0_i64;
        for city in rules.baselines.values() {
            let declared = self.content(city).map_or(0, |baseline| baseline.heads);
            heads = heads.checked_add(i64::try_from(declared).ok()?)?;
        }
        if heads == 0 { None } else { heads.checked_mul(self.per_head(rules)?) }
    }

    /// Whether the rules make a city a home, and whether they make it a helper, on some day up to this
    /// one. A city that organises its own help is both.
    pub fn sides(self, rules: &Rules, city: Unit) -> (bool, bool) {
        let home = rules.pairings.get(&city).is_some_and(|all| self.begun(all).next().is_some())
            || rules.baselines.get(&city).is_some_and(|all| self.begun(all).next().is_some());
        let mut pairings = rules.pairings.values().flat_map(|all| self.begun(all));
        (home, pairings.any(|pairing| pairing.helper == city))
    }

    /// What the versions say that have begun by now, whether or not they have ended.
    fn begun<T>(self, versions: &Versions<T>) -> impl Iterator<Item = &T> {
        let begun = versions.iter().filter(move |v| v.seq <= self.position && v.from <= self.day);
        begun.map(|version| &*version.content)
    }
}

/// The day on which a record was posted.
fn posted_on(reader: &dyn Reader, seq: Seq) -> Result<Date, Reason> {
    let unreadable = || crate::node::lookup::unreadable_here(seq);
    let block = reader.block_of(seq).map_err(|_| unreadable())?.ok_or_else(unreadable)?;
    let record = block.records().find(|record| record.seq() == seq).ok_or_else(unreadable)?;
    Ok(Date(china_date(record.time_ms())))
}
