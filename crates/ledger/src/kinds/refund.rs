//! Money that really came back from households and projects (340-342).
//!
//! Source: domain contract, 4.3 and 4.5; flow rows W20, W21.

use record::Fen;

use super::checks::{Referred, amount, find, given, not_before, posts_for, quota_id, what_is};
use super::{Ctx, Fault};
use crate::event::Event;
use crate::event::money::{
    DisbursedToHousehold, OverpaymentRepaid, PaymentReturned, Reference, Refund, Word,
};
use crate::event::project::{DisbursedToProject, ProjectSurplusReturned};
use crate::field::Field;
use crate::ids::Unit;
use crate::kind::Kind;
use crate::reject::Reason;
use crate::state::State;
use crate::voucher::LineRef;

/// What every refund says, and the payment it names, if that is live and of the line's quota.
struct Ask<'a> {
    line: LineRef<'a>,
    amount: Fen,
    reason: Word,
    payment: Option<Referred>,
}

impl<'a> Ask<'a> {
    fn read(state: &State, ctx: &Ctx<'_>, line: LineRef<'a>) -> Result<Self, Fault> {
        Ok(Self {
            line,
            amount: amount(line)?,
            reason: given(line, Field::Reason, Word::new(line.text(Field::Reason)))?,
            payment: find(state, ctx, line.text(Field::Ref)),
        })
    }

    /// 3060 as an answer.
    fn not_a_payment(&self, state: &State) -> Fault {
        let quota = quota_id(self.line).ok();
        let text = self.line.text(Field::Ref);
        let (seq, what) = what_is(state, text, self.payment.as_ref(), quota);
        Reason::NotADisbursement { seq, what }.on(Field::Ref)
    }

    /// The payment, when it was not reversed.
    fn live(&self, state: &State) -> Option<&Referred> {
        let live = |found: &&Referred| state.money.mark(found.at.seq).reversed_by.is_none();
        self.payment.as_ref().filter(live)
    }

    /// 5013 3061 3031: who may post, how much is left, when.
    fn check(
        &self,
        state: &State,
        ctx: &Ctx<'_>,
        kind: Kind,
        unit: Unit,
        paid: Fen,
    ) -> Result<Reference, Fault> {
        posts_for(state, ctx, kind, unit, Field::Ref)?;
        let payment = self.live(state).ok_or_else(|| self.not_a_payment(state))?;
        let seq = payment.at.seq;
        let left = paid.get().saturating_sub(state.money.mark(seq).back);
        if left < self.amount.get() {
            let (left, amount) = (Fen::new(left), self.amount);
            return Err(Reason::MoreThanPaid { left, seq, amount }.on(Field::Amount));
        }
        not_before(ctx, payment.at.date)?;
        Ok(Reference { text: self.line.text(Field::Ref).into(), seq })
    }
}

/// 340: 3060 5013 3061 3031.
pub(super) fn returned(
    state: &State,
    ctx: &mut Ctx<'_>,
    line: LineRef<'_>,
) -> Result<Event, Fault> {
    Ok(PaymentReturned(from_household(state, ctx, Kind::PaymentReturned, line)?).into())
}

/// 341: 3060 5013 3061 3031.
pub(super) fn repaid(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    Ok(OverpaymentRepaid(from_household(state, ctx, Kind::OverpaymentRepaid, line)?).into())
}

fn from_household(
    state: &State,
    ctx: &Ctx<'_>,
    kind: Kind,
    line: LineRef<'_>,
) -> Result<Refund, Fault> {
    let ask = Ask::read(state, ctx, line)?;
    let quota = quota_id(line)?;
    let paid: Option<&DisbursedToHousehold> = match ask.live(state).map(|p| &p.entry.event) {
        Some(Event::DisbursedToHousehold(paid)) if paid.quota == quota => Some(paid),
        _ => None,
    };
    let paid = paid.ok_or_else(|| ask.not_a_payment(state))?;
    let payment = ask.check(state, ctx, kind, paid.unit, paid.amount)?;
    Ok(Refund {
        quota,
        payment,
        unit: paid.unit,
        household: paid.household,
        reason: ask.reason,
        amount: ask.amount,
        purpose: paid.purpose,
        village: paid.village,
        account: paid.account,
        loan: paid.loan,
    })
}

/// 342: 3060 5013 3061 3031 3051.
pub(super) fn surplus(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let ask = Ask::read(state, ctx, line)?;
    let quota = quota_id(line)?;
    let paid: Option<&DisbursedToProject> = match ask.live(state).map(|p| &p.entry.event) {
        Some(Event::DisbursedToProject(paid)) if paid.quota == quota => Some(paid),
        _ => None,
    };
    let paid = paid.ok_or_else(|| ask.not_a_payment(state))?;
    let kind = Kind::ProjectSurplusReturned;
    let payment = ask.check(state, ctx, kind, paid.unit, paid.amount)?;
    super::project::open_left(state, paid.project, ask.amount)?;
    Ok(ProjectSurplusReturned {
        quota,
        payment,
        unit: paid.unit,
        project: paid.project,
        reason: ask.reason,
        amount: ask.amount,
        purpose: paid.purpose,
    }
    .into())
}
