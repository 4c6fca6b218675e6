//! What a record does to the views, with every name resolved to its number.
//!
//! Lives here: the closed list of steps. Lives elsewhere: how an event becomes a step (`resolve`), what
//! a step does to a view (each view names every step, so the compiler asks it about each new one).

use ledger::ids::{Date, Purpose, Unit};
use ledger::words::{Class, HouseholdState};
use record::Seq;

use crate::names::{Place, Quota};
use crate::table::{NONE, No};

/// How a record counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It happened.
    Plus,
    /// It is reversed: every sum it entered is as if it had never been.
    Minus,
    /// It is dated after the day that is asked for: it defines names and enters no sum.
    Define,
}

impl Sign {
    /// Returns an amount as it counts.
    pub(crate) fn of(self, fen: i64) -> i64 {
        match self {
            Self::Plus => fen,
            Self::Minus => fen.saturating_neg(),
            Self::Define => 0,
        }
    }

    /// Returns an amount as it counts where it came from.
    pub(crate) fn out(self, fen: i64) -> i64 {
        match self {
            Self::Plus => fen.saturating_neg(),
            Self::Minus => fen,
            Self::Define => 0,
        }
    }

    /// Returns one record as it counts.
    pub(crate) fn one(self) -> i32 {
        match self {
            Self::Plus => 1,
            Self::Minus => -1,
            Self::Define => 0,
        }
    }
}

/// One record, ready for the views.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// Position of the record that counts: of a reversal that of the reversed record.
    pub(crate) seq: Seq,
    /// Effective date of the record that counts, so that a reversal undoes where it was done.
    pub(crate) date: Date,
    /// Year of that date.
    pub(crate) year: u16,
    pub(crate) sign: Sign,
    pub(crate) what: What,
}

/// Sent money on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    /// Position of the record that sent it.
    pub(crate) sent: Seq,
    pub(crate) quota: Quota,
    /// Sender; `None` is the quota's source.
    pub(crate) from: Option<Place>,
    /// Receiver.
    pub(crate) to: Place,
    /// A 343: sent back up.
    pub(crate) up: bool,
    /// Back to the quota's source.
    pub(crate) to_source: bool,
}

impl Way {
    /// Whether it runs between source and home city, in either direction.
    pub(crate) fn outer(&self) -> bool {
        self.from.is_none() || self.to_source
    }
}

/// A payment or what came back of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payment {
    pub(crate) quota: Quota,
    pub(crate) unit: Place,
    /// Household paid; `None`: a project.
    pub(crate) household: Option<No>,
    pub(crate) purpose: Purpose,
    pub(crate) fen: i64,
}

/// A household as the register has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// `None`: never registered.
    pub(crate) state: Option<HouseholdState>,
    pub(crate) class: Option<Class>,
    pub(crate) active: i16,
    /// Number of the current village. `NONE`: a fold by date met a change of state, but no entry.
    pub(crate) village: No,
}

impl Default for Standing {
    fn default() -> Self {
        Self { state: None, class: None, active: 0, village: NONE }
    }
}

/// A household before and after a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) household: No,
    pub(crate) before: Standing,
    pub(crate) after: Standing,
}

/// What happened. Amounts are those of the record, above zero; `Step::sign` says how they count.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    /// Nothing that a view shows.
    Nothing,
    /// 310.
    Opened { quota: Quota, unit: Place, issued: i64, cash_in: i64, paid_before: i64 },
    /// 311; parts of P, H, L.
    Planned { tranche: No, home: Unit, helper: Unit, year: u16, parts: [i64; 3] },
    /// 312.
    Issued { quota: Quota, to: Place, fen: i64 },
    /// 313.
    Released { quota: Quota, from: Place, to: Place, fen: i64 },
    /// 314; `to` is `None` at the top.
    Withdrawn { quota: Quota, from: Place, to: Option<Place>, fen: i64 },
    /// 320, 343.
    Sent { way: Way, fen: i64 },
    /// 321.
    Arrived { way: Way, fen: i64 },
    /// 322.
    Bounced { way: Way, fen: i64 },
    /// 330, 331.
    Paid(Payment),
    /// 340, 341, 342.
    Repaid(Payment),
    /// 332, and below zero 333. `None`: a village collective.
    Attributed { household: Option<No>, fen: i64 },
    /// 361. `None`: a village collective.
    Income { household: Option<No>, fen: i64 },
    /// 110-124: up to two households stand differently.
    Standing([Option<Change>; 2]),
}
