//! Reversals (350): the exact mirror of a record that should never have been made.
//!
//! Source: domain contract, section 4.5.

use record::{Fen, Seq};

use super::checks::{Referred, amount, find, given, header, not_yours, what_is};
use super::{Ctx, Fault};
use crate::account::{Account, Legs};
use crate::event::money::{Reference, VoucherPosted, Word, amount_of, unit_of_account};
use crate::event::reversal::Reversed;
use crate::event::{Event, money, project};
use crate::field::Field;
use crate::ids::{BankRef, LoanId, Purpose, Source, Token, TrancheId, Unit};
use crate::kind::{Group, Kind};
use crate::reject::{Month, Reason};
use crate::roles;
use crate::state::State;
use crate::voucher::LineRef;
use crate::words::OrgKind;

/// 350: 3080 5013 3081 3083 3082 3016 3018 3021 3022 3051 3052 3072.
pub(super) fn decide(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let (text, stated) = (line.text(Field::Ref), amount(line)?);
    let reason = given(line, Field::Reason, Word::new(line.text(Field::Reason)))?;
    let found = find(state, ctx, text);
    let Some((original, unit)) = found.as_ref().and_then(|found| reversible(state, found)) else {
        let (seq, what) = what_is(state, text, found.as_ref(), None);
        return Err(Reason::NotReversible { seq, what }.on(Field::Ref));
    };
    let (seq, kind) = (original.at.seq, original.entry.event.kind());
    may_reverse(state, ctx, original, kind, unit)?;
    if let Some(by) = state.money.mark(seq).reversed_by {
        return Err(Reason::AlreadyReversed { seq, by }.on(Field::Ref));
    }
    let legs = original.entry.event.legs();
    let mirror = legs.mirror();
    let (Some(amount), Some(mirror)) = (amount_of(kind, &legs), mirror) else {
        return Err(Reason::SumOverflow { account: "the reversal".into() }.on(Field::Amount));
    };
    if stated != amount {
        let reason = Reason::ReversalAmount { seq, original: amount, found: stated };
        return Err(reason.on(Field::Amount));
    }
    alone(state, original)?;
    Standing { state, event: &original.entry.event, legs: &mirror, amount }.check()?;
    let reference = Reference { text: text.into(), seq };
    Ok(reversed(original, &mirror, reference, reason).into())
}

/// 3080: a record of kinds 310 to 361 that is no reversal itself; returned with its unit of account.
fn reversible<'a>(state: &State, found: &'a Referred) -> Option<(&'a Referred, Unit)> {
    let kind = found.entry.event.kind();
    let moves = matches!(
        kind.group(),
        Group::Opening
            | Group::Tranche
            | Group::Quota
            | Group::Cash
            | Group::Payment
            | Group::Refund
            | Group::Income
    );
    let unit = unit_of_account(state, kind, &found.entry.event.legs())?;
    moves.then_some((found, unit))
}

/// 5013: the organisation of the original or a finance bureau above it, in the role that the original
/// needed (5011); with it 5023.
fn may_reverse(
    state: &State,
    ctx: &Ctx<'_>,
    original: &Referred,
    kind: Kind,
    unit: Unit,
) -> Result<(), Fault> {
    let Some(poster) = ctx.poster else { return Ok(()) };
    let header: Option<VoucherPosted> = header(ctx, &original.at);
    let by = header.and_then(|header| state.access.organisation(header.organisation));
    let own = by.is_some_and(|by| by.id == poster.id);
    let above = by.is_some_and(|by| {
        poster.kind == OrgKind::Fb
            && poster.unit.contains(by.unit)
            && (poster.unit != by.unit || by.kind != OrgKind::Fb)
    });
    if !own && !above {
        return Err(not_yours(ctx, format!("record {}", original.at.seq), Field::Ref));
    }
    let (official, today) = (ctx.prepared_by, ctx.today);
    let role = roles::preparing(kind)
        .iter()
        .any(|role| state.access.has_role(official, poster.id, *role, today));
    if !role {
        let action = format!("reverse a {kind}").into();
        return Err(Reason::RoleMissing { official, action }.on_place("prepared_by"));
    }
    roles::approver_covers(state, ctx, kind, unit)
}

/// 3082: nothing that lives depends on the record.
fn alone(state: &State, original: &Referred) -> Result<(), Fault> {
    let seq = original.at.seq;
    let refused = |by: String| Err(Reason::HasDependants { seq, by: by.into() }.on(Field::Ref));
    if let Some(by) = state.money.dependant(seq) {
        return refused(by.to_string());
    }
    if let Event::QuotaIssued(issued) = &original.entry.event {
        let sent = state.money.quota(issued.quota).map_or(0, |(_, quota)| quota.sent());
        if sent != 0 {
            return refused(format!("{} yuan that were sent and are not back", Fen::new(sent)));
        }
    }
    Ok(())
}

/// What the reversal would leave.
struct Standing<'a> {
    state: &'a State,
    /// The original.
    event: &'a Event,
    /// The mirror of its legs.
    legs: &'a Legs,
    amount: Fen,
}

impl Standing<'_> {
    /// 3016 3018 3021 3022 3051 3052 3072: every account stays on its side of zero, sent within issued.
    fn check(&self) -> Result<(), Fault> {
        let steps: [fn(&Self) -> Option<Reason>; 7] = [
            Self::obligation,
            Self::quota,
            Self::sent,
            Self::cash,
            Self::open,
            Self::attributed,
            Self::due,
        ];
        match steps.into_iter().find_map(|step| step(self)) {
            Some(reason) => Err(reason.on(Field::Ref)),
            None => Ok(()),
        }
    }

    /// The legs that take money out.
    fn out(&self) -> impl Iterator<Item = &Account> {
        self.legs.as_slice().iter().filter(|(_, fen)| *fen < Fen::ZERO).map(|(account, _)| account)
    }

    fn short(&self, balance: i64) -> bool {
        balance < self.amount.get()
    }

    /// 3016.
    fn obligation(&self) -> Option<Reason> {
        let short_of = |source: Source, city: Unit, left: i64, needed: Fen| {
            Reason::OverObligation { source, owed: Fen::new(left), city, needed }
        };
        // The parts of a tranche: each source must still owe its own.
        for (account, fen) in self.legs.as_slice() {
            if let Account::Owed(source, city) = account {
                let owed = self.state.money.obligation(*source, *city).owed;
                if owed.checked_add(fen.get()).is_none_or(|left| left < 0) {
                    let needed = Fen::new(fen.get().saturating_neg());
                    return Some(short_of(*source, *city, owed, needed));
                }
            }
        }
        // Quota taken back at the top returns: its tranche must not be issued beyond its parts.
        if let Event::QuotaWithdrawn(withdrawn) = self.event
            && let money::BackTo::Source(source, city) = withdrawn.back_to
        {
            let (_, quota) = self.state.money.quota(withdrawn.quota)?;
            let tranche = self.state.money.tranche(quota.tranche)?;
            let of = |sums: &[i64; 3]| sums.get(source.index()).copied().unwrap_or(0);
            let left = of(&tranche.parts).saturating_sub(of(&tranche.issued));
            return self.short(left).then(|| short_of(source, city, left, self.amount));
        }
        None
    }

    /// 3018.
    fn quota(&self) -> Option<Reason> {
        self.out().find_map(|account| {
            let Account::Quota(unit, id) = account else { return None };
            let (number, _) = self.state.money.quota(*id)?;
            let balance = self.state.money.cell(*unit, number).quota;
            let lost = self.lost(account);
            let (unit, quota, needed) = (*unit, *id, Fen::new(lost));
            let balance_fen = Fen::new(balance);
            (balance < lost).then_some(Reason::QuotaInsufficient {
                unit,
                balance: balance_fen,
                quota,
                needed,
            })
        })
    }

    /// 3021.
    fn sent(&self) -> Option<Reason> {
        let id = money::quota_of(self.legs)?;
        let (_, quota) = self.state.money.quota(id)?;
        let back = self.legs.as_slice().iter().find_map(|(account, fen)| match account {
            Account::Src(..) => Some(fen.get()),
            _ => None,
        });
        let sent = quota.sent().saturating_sub(back.unwrap_or(0));
        let issued = match self.event {
            Event::QuotaIssued(_) | Event::OpeningBalance(_) => {
                quota.issued.saturating_sub(self.amount.get())
            }
            _ => quota.issued,
        };
        let (issued_fen, sent_fen) = (Fen::new(issued), Fen::new(sent));
        let reason = Reason::CashBeforeQuota { quota: id, issued: issued_fen, sent: sent_fen };
        (issued < sent).then_some(reason)
    }

    /// 3022.
    fn cash(&self) -> Option<Reason> {
        self.out().find_map(|account| {
            let Account::Hold(unit, id) = account else { return None };
            let (number, _) = self.state.money.quota(*id)?;
            let balance = self.state.money.cell(*unit, number).hold;
            let lost = self.lost(account);
            let (unit, quota, needed) = (*unit, *id, Fen::new(lost));
            let balance_fen = Fen::new(balance);
            (balance < lost).then_some(Reason::CashInsufficient {
                unit,
                balance: balance_fen,
                quota,
                needed,
            })
        })
    }

    /// 3051.
    fn open(&self) -> Option<Reason> {
        let id = self.out().find_map(|account| match account {
            Account::Open(id) => Some(*id),
            _ => None,
        })?;
        let open = self.state.projects.get(id)?.open;
        let reason =
            Reason::NotAttributable { open: Fen::new(open), project: id, needed: self.amount };
        self.short(open).then_some(reason)
    }

    /// 3052.
    fn attributed(&self) -> Option<Reason> {
        let Event::BenefitAttributed(project::BenefitAttributed(benefit)) = self.event else {
            return None;
        };
        let balance = self.state.projects.attributed(benefit.project, benefit.target);
        let reason = Reason::AttributionInsufficient {
            target: benefit.target.to_string().into(),
            balance: Fen::new(balance),
            project: benefit.project,
        };
        self.short(balance).then_some(reason)
    }

    /// 3072.
    fn due(&self) -> Option<Reason> {
        let id = self.out().find_map(|account| match account {
            Account::Due(id) => Some(*id),
            _ => None,
        })?;
        let due = self.state.projects.get(id)?.due;
        self.short(due).then_some(Reason::IncomeInsufficient { due: Fen::new(due) })
    }

    /// What the reversal takes out of an account: of an opening not the whole amount.
    fn lost(&self, account: &Account) -> i64 {
        let leg = self.legs.as_slice().iter().find(|(other, _)| other == account);
        leg.map_or(0, |(_, fen)| fen.get().saturating_neg())
    }
}

/// What a reversal copies from its original, so that no reader looks back.
#[derive(Default)]
struct Copies {
    referred: Option<Seq>,
    purpose: Purpose,
    village: Option<Unit>,
    account: Option<Token>,
    bank_ref: BankRef,
    loan: LoanId,
    tranche: TrancheId,
    period: Option<Month>,
}

impl Copies {
    fn of(event: &Event) -> Self {
        let none = Self::default();
        let of_refund = |refund: &money::Refund| Self {
            referred: Some(refund.payment.seq),
            purpose: refund.purpose,
            village: Some(refund.village),
            account: Some(refund.account),
            loan: refund.loan,
            ..Self::default()
        };
        match event {
            Event::TrancheOpened(e) => Self { tranche: e.tranche, ..none },
            Event::QuotaIssued(e) => Self { tranche: e.tranche, ..none },
            Event::TransferSent(e) => Self { bank_ref: e.bank_ref, ..none },
            Event::FundsReturnedUp(e) => Self { bank_ref: e.bank_ref, ..none },
            Event::TransferReceived(e) => Self { referred: Some(e.sent.seq), ..none },
            Event::TransferReturned(e) => Self { referred: Some(e.sent.seq), ..none },
            Event::DisbursedToHousehold(e) => Self {
                purpose: e.purpose,
                village: Some(e.village),
                account: Some(e.account),
                bank_ref: e.bank_ref,
                loan: e.loan,
                ..none
            },
            Event::DisbursedToProject(e) => {
                Self { purpose: e.purpose, bank_ref: e.bank_ref, ..none }
            }
            Event::PaymentReturned(money::PaymentReturned(refund))
            | Event::OverpaymentRepaid(money::OverpaymentRepaid(refund)) => of_refund(refund),
            Event::ProjectSurplusReturned(e) => {
                Self { referred: Some(e.payment.seq), purpose: e.purpose, ..none }
            }
            Event::BenefitAttributed(project::BenefitAttributed(benefit))
            | Event::BenefitWithdrawn(project::BenefitWithdrawn(benefit)) => {
                Self { village: Some(benefit.village), ..none }
            }
            Event::IncomeDeclared(e) => Self { period: Some(e.period), ..none },
            Event::IncomeDistributed(e) => {
                Self { village: Some(e.village), account: e.account, ..none }
            }
            _ => none,
        }
    }
}

fn reversed(original: &Referred, legs: &Legs, reference: Reference, reason: Word) -> Reversed {
    let copies = Copies::of(&original.entry.event);
    let Copies { referred, purpose, village, account, bank_ref, loan, tranche, period } = copies;
    Reversed {
        original: reference,
        reason,
        date: original.at.date,
        kind: original.entry.event.kind(),
        legs: Box::new(*legs),
        referred,
        purpose,
        village,
        account,
        bank_ref,
        loan,
        tranche,
        period,
    }
}
