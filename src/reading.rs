//! Balances and histories at any position and of any day, for the services and for the command line.
//!
//! Lives here: choosing the views that a question needs, the durable log as `views` reads it.
//! Lives elsewhere: the sums (`views`), messages (`services`), text and JSON (`cli`).
//!
//! Always: the head is answered from the live views; any other position or day from a fold of the same
//! records by the same functions.

use journal::Reader;
use ledger::codec::Codec;
use ledger::ids::{Date, HouseholdCode, Level, QuotaId, Unit};
use ledger::reject::{Reason, Text};
use ledger::rules::Pairing;
use ledger::rules::pairing::Mode;
use ledger::state::State;
use record::{Record, Seq};
use views::balance::{self, Balance};
use views::cache::Cache;
use views::history::{
    AsOf, Asked, Histories, HistoryError, Log, LogError, as_of, each_record, household, mentions,
};
use views::{FoldError, Projection, fold};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// A household, with the fen a head of its review line.
    Household(HouseholdCode, Option<i64>),
    /// A village, town or county.
    Unit {
        /// Which one.
        unit: Unit,
        /// Without what lies below it.
        own_only: bool,
    },
    /// A city, as home and as helper.
    City {
        /// Which one.
        unit: Unit,
        /// The rules make it a home city: then it has a balance before any money was planned for it.
        home: bool,
        /// The rules make it a helping city.
        helper: bool,
    },
    /// The province, with the ceiling of its pools when it is known.
    Province(Option<i64>),
    /// A quota.
    Quota(QuotaId),
}

/// What is answered, and what it speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Position it speaks for.
    pub position: Seq,
    /// Day it speaks for; `None`: none was asked for.
    pub date: Option<Date>,
    /// The position asked for lay inside a voucher.
    pub group_shortened: bool,
    /// The balance; of a city that as home. `None`: there is none.
    pub balance: Option<Balance>,
    /// Of a city its balance as helper.
    pub as_helper: Option<Balance>,
}

/// The durable log as `views` reads it.
pub struct DurableLog(pub Box<dyn Reader>);

impl Log for DurableLog {
    fn next_seq(&self) -> Seq {
        self.0.head().next_seq
    }

    fn scan(
        &self,
        from: Seq,
        to: Seq,
        each: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), LogError> {
        let failed = |error: journal::Error| LogError(Box::new(error));
        // One record is most often asked for; streaming reads ahead.
        if from == to {
            let Some(block) = self.0.block_of(from).map_err(failed)? else { return Ok(()) };
            if let Some(record) = block.records().find(|record| record.seq() == from) {
                each(record.bytes());
            }
            return Ok(());
        }
        for block in self.0.blocks(from) {
            let block = block.map_err(failed)?;
            for record in block.records() {
                if to < record.seq() {
                    return Ok(());
                }
                if from <= record.seq() && !each(record.bytes()) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Histories found by reading the whole log: right at any time, and slow.
pub struct Scanned<'a>(pub &'a dyn Log);

fn spells(record: &Record<'_>, code: &[u8]) -> bool {
    record.bytes().windows(code.len()).any(|window| window == code)
}

impl Histories for Scanned<'_> {
    fn positions(&self, household: HouseholdCode, to: Seq) -> Result<Vec<Seq>, HistoryError> {
        let (mut codec, mut found) = (Codec::new(), Vec::new());
        let code = household.to_string();
        each_record(self.0, Seq(0), to, &mut |record| {
            // Only a record that spells the code is worth decoding.
            if spells(record, code.as_bytes())
                && mentions(record, &mut codec).into_iter().flatten().any(|c| c == household)
            {
                found.push(record.seq());
            }
            Ok(true)
        })?;
        Ok(found)
    }
}

/// Where histories and views of earlier positions come from.
pub trait Past {
    /// Which records name a household.
    fn histories(&self) -> &dyn Histories;

    /// Views of a position and a day.
    ///
    /// # Errors
    /// [`FoldError`].
    fn projection(&self, at: AsOf) -> Result<Projection, FoldError>;
}

impl Past for Cache {
    fn histories(&self) -> &dyn Histories {
        self
    }

    fn projection(&self, at: AsOf) -> Result<Projection, FoldError> {
        self.projection_at(at)
    }
}

impl Past for Scanned<'_> {
    fn histories(&self) -> &dyn Histories {
        self
    }

    fn projection(&self, at: AsOf) -> Result<Projection, FoldError> {
        fold(self.0, Projection::new(), at)
    }
}

/// Answers from the live views when these are at the position asked for, else from a fold.
///
/// # Errors
/// 8001 beyond the head; 9004 when the log cannot be read; 3012 where a sum leaves 64 bits.
pub fn answer(
    log: &dyn Log,
    past: &dyn Past,
    live: &Projection,
    asked: Option<Seq>,
    date: Option<Date>,
    question: Question,
) -> Result<Answer, Reason> {
    let head = Seq(live.next_seq().0.saturating_sub(1));
    let at = position(log, head, asked, date)?;
    let at_head = at.position == head && date.is_none();
    if let Question::Household(code, per_head_fen) = question {
        // Its own records say all; the views only tell what a quota is.
        let question = Asked { code, as_of: at, per_head_fen };
        let balance = household(log, past.histories(), live, &question).map_err(|e| reason(&e))?;
        return Ok(spoken(at, balance, None));
    }
    if at_head {
        return from(live, at, question);
    }
    let folded = past.projection(at).map_err(|error| unfolded(&error))?;
    from(&folded, at, question)
}

/// What a position means; the head is always the end of a voucher.
///
/// # Errors
/// As [`answer`].
pub fn position(
    log: &dyn Log,
    head: Seq,
    asked: Option<Seq>,
    date: Option<Date>,
) -> Result<AsOf, Reason> {
    let asked = asked.unwrap_or(head);
    if head < asked {
        return Err(Reason::PositionAhead { head, asked });
    }
    if asked == head {
        return Ok(AsOf { position: head, date, group_shortened: false });
    }
    as_of(log, asked, date).map_err(|error| reason(&error))
}

/// The refusal of a fold that did not reach its position.
pub fn unfolded(error: &FoldError) -> Reason {
    match error {
        FoldError::History(error) => reason(error),
        FoldError::Drift { drift, .. } => drifted(drift),
    }
}

fn from(views: &Projection, at: AsOf, question: Question) -> Result<Answer, Reason> {
    let failed = |drift: views::Drift| drifted(&drift);
    let (balance, as_helper) = match question {
        Question::Household(..) => (None, None),
        Question::Unit { unit, own_only } => {
            (Some(balance::unit(views, unit, own_only).map_err(failed)?), None)
        }
        Question::City { unit, home, helper } => {
            let nothing = |there: bool| there.then(|| nothing(unit)).transpose();
            let as_home = balance::as_home(views, unit).map_err(failed)?;
            let as_helper = balance::as_helper(views, unit).map_err(failed)?;
            let as_home = as_home.map_or_else(|| nothing(home), |found| Ok(Some(found)))?;
            (as_home, as_helper.map_or_else(|| nothing(helper), |found| Ok(Some(found)))?)
        }
        Question::Province(ceiling) => {
            (Some(balance::province(views, ceiling).map_err(failed)?), None)
        }
        Question::Quota(id) => (balance::quota(views, &id).map_err(failed)?, None),
    };
    Ok(spoken(at, balance, as_helper))
}

/// The balance of a city for which nothing was planned yet: the sums of every city's, all 0.
fn nothing(unit: Unit) -> Result<Balance, Reason> {
    let empty = balance::province(&Projection::new(), None).map_err(|drift| drifted(&drift))?;
    let fields = empty.fields.into_iter().filter(|(name, _)| *name != "planned").collect();
    Ok(Balance { kind: "city", code: unit.to_string(), fields, ..Balance::default() })
}

/// Whether the rules make a city a home, and whether they make it a helper, on some day up to now.
pub fn sides(state: &State, city: Unit) -> (bool, bool) {
    let rules = &state.rules;
    let home = rules.pairings.contains_key(&city) || rules.baselines.contains_key(&city);
    let helps = |pairing: &Pairing| pairing.mode == Mode::Paired && pairing.helper == city;
    let helper = rules.pairings.values().any(|v| v.iter().any(|version| helps(&version.content)));
    (home, helper)
}

fn spoken(at: AsOf, balance: Option<Balance>, as_helper: Option<Balance>) -> Answer {
    let AsOf { position, date, group_shortened } = at;
    Answer { position, date, group_shortened, balance, as_helper }
}

/// The refusal of a history that cannot be told.
pub fn reason(error: &HistoryError) -> Reason {
    match error {
        HistoryError::BeyondHead { asked, head } => {
            Reason::PositionAhead { head: *head, asked: *asked }
        }
        HistoryError::Overflow { household } => {
            Reason::SumOverflow { account: Text::Owned(format!("household {household}")) }
        }
        HistoryError::Record { seq, .. } | HistoryError::Decode { seq, .. } => {
            crate::node::lookup::unreadable_here(*seq)
        }
        HistoryError::Log(_) => crate::node::lookup::unreadable_here(Seq(0)),
    }
}

/// The refusal of a sum that cannot be told.
pub fn drifted(drift: &views::Drift) -> Reason {
    Reason::SumOverflow { account: Text::Owned(drift.to_string()) }
}

/// Reads the unit of a question: a unit code, or an area code of 12 digits; of the level asked for.
pub fn unit_at(code: &str, level: Level) -> Option<Unit> {
    let unit = Unit::parse(code).or_else(|| Unit::parse_area(code))?;
    (unit.level() == level).then_some(unit)
}
