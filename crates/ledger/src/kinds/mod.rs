//! What may be posted: a file a kind or a small family, the codes of its row in their order.
//!
//! Lives here: the decisions, line by line, and the context they are made in.
//! Lives elsewhere: what they change (`event`), checks of the voucher as a whole (`decide`).
//!
//! Always: a decision reads and changes nothing; of two refusals the earlier in the row answers.

pub mod access;
mod cash;
mod checks;
pub mod finding;
mod loan;
mod payment;
pub(crate) mod period;
mod project;
mod quota;
mod refund;
pub mod registry;
mod reversal;
pub mod rules;
mod tranche;

pub use rules::provinces_kind;

use std::cell::Cell;

use record::Seq;

use crate::event::{At, Event};
use crate::field::Field;
use crate::ids::{Date, OfficialId, OrgId, Unit};
use crate::kind::{Group, Kind};
use crate::reject::{Reason, Refusal};
use crate::state::State;
use crate::voucher::{LineRef, Voucher};
use crate::words::OrgKind;

/// A refusal of the line at hand: why, and at which field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault(Box<(Reason, String)>);

impl Fault {
    /// Why.
    pub fn reason(&self) -> &Reason {
        &self.0.0
    }

    /// The refusal at a line.
    pub fn at(self, line_no: u32) -> Refusal {
        let (reason, field) = *self.0;
        reason.at(line_no, field)
    }
}

impl Reason {
    /// The fault of this reason at a field of the line at hand.
    pub fn on(self, field: Field) -> Fault {
        Fault(Box::new((self, field.name().to_owned())))
    }

    /// The fault of this reason at a place within a field, or at no field (`""`).
    pub fn on_place(self, place: impl Into<String>) -> Fault {
        Fault(Box::new((self, place.into())))
    }
}

/// The organisation that posts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Poster {
    /// Its id.
    pub id: OrgId,
    /// Its kind.
    pub kind: OrgKind,
    /// Its unit.
    pub unit: Unit,
}

/// What a decision knows beside the state and its line.
pub struct Ctx<'a> {
    /// The document.
    pub voucher: &'a Voucher,
    /// The posting organisation; `None` only while no organisation exists.
    pub poster: Option<Poster>,
    /// Who prepared it.
    pub prepared_by: OfficialId,
    /// Who approves it; empty when nobody does.
    pub approved_by: OfficialId,
    /// Where the line's record would stand.
    pub at: At,
    /// China date of the server's time: the posting date.
    pub today: Date,
    /// Records that a line refers to.
    pub past: &'a dyn Past,
    /// Whether `exception_reason` is given and its approver may approve exceptions.
    pub exception: bool,
    /// Soft codes passed over in this line.
    pub skipped: Vec<u16>,
    /// What the approver was found to cover last: most lines of a voucher ask for the same.
    pub covered: Cell<Option<(Kind, Unit)>>,
    /// The unit whose month was found open last.
    pub open: Cell<Option<Unit>>,
}

impl Ctx<'_> {
    /// Effective date.
    pub fn date(&self) -> Date {
        self.at.date
    }

    /// Answers with a fault, or passes it over: when it is soft and an exception was made for the voucher,
    /// its code is recorded once and the decision goes on.
    ///
    /// # Errors
    /// The fault, when it stands.
    pub fn refuse(&mut self, fault: Fault) -> Result<(), Fault> {
        if !(self.exception && fault.reason().is_soft()) {
            return Err(fault);
        }
        let code = fault.reason().code();
        if !self.skipped.contains(&code) {
            self.skipped.push(code);
        }
        Ok(())
    }
}

/// A record of the log, as its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PastRecord(pub Vec<u8>);

/// The log so far, durable or still in flight: what a line refers to.
pub trait Past {
    /// The record at a position; `None` at or beyond the head, and when it cannot be read.
    fn record(&self, seq: Seq) -> Option<PastRecord>;

    /// Why a record could not be read since this was asked last: a decision that missed one is none.
    fn failure(&self) -> Option<Reason>;
}

/// Decides a line on the state that earlier lines left.
///
/// # Errors
/// The first code of the kind's row that applies.
pub fn decide_line(
    kind: Kind,
    state: &State,
    ctx: &mut Ctx<'_>,
    line: LineRef<'_>,
) -> Result<Event, Fault> {
    let decision = match kind {
        Kind::ProjectRegistered => project::register,
        Kind::ProjectAmended => project::amend,
        Kind::ProjectClosed => project::close,
        Kind::OpeningBalance => tranche::opening,
        Kind::TrancheOpened => tranche::open,
        Kind::QuotaIssued => quota::issue,
        Kind::QuotaReleased => quota::release,
        Kind::QuotaWithdrawn => quota::withdraw,
        Kind::TransferSent => cash::send,
        Kind::TransferReceived => cash::receive,
        Kind::TransferReturned => cash::bounce,
        Kind::FundsReturnedUp => cash::return_up,
        Kind::DisbursedToHousehold => payment::to_household,
        Kind::DisbursedToProject => project::pay,
        Kind::BenefitAttributed => project::attribute,
        Kind::BenefitWithdrawn => project::withdraw,
        Kind::PaymentReturned => refund::returned,
        Kind::OverpaymentRepaid => refund::repaid,
        Kind::ProjectSurplusReturned => refund::surplus,
        Kind::Reversed => reversal::decide,
        Kind::IncomeDeclared => project::declare,
        Kind::IncomeDistributed => project::distribute,
        Kind::PeriodClosed => period::close,
        Kind::BalanceAsserted => period::assert,
        _ => {
            return match kind.group() {
                Group::Registry => registry::decide(kind, state, ctx, line),
                Group::Rules => rules::decide(kind, state, ctx, line),
                Group::Access => access::decide(kind, state, ctx, line),
                Group::Finding => finding::decide(kind, state, ctx, line),
                _ => Err(not_served(kind)),
            };
        }
    };
    decision(state, ctx, line)
}

/// The answer to a kind that this version does not serve.
pub fn not_served(kind: Kind) -> Fault {
    let expected = "a kind that this version serves".into();
    Reason::FieldFormat { field: "kind".into(), found: kind.name().into(), expected }
        .on_place("kind")
}
