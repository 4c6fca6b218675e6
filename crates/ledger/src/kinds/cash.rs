//! Cash sent, received, returned, given back up (320-322, 343).
//!
//! Source: domain contract, 4.2 and 4.3; flow rows W09-W17, W22, W24, W26, W28.

use record::Fen;

use super::checks::{
    Referred, acts_for, allowed, amount, bank_ref_free, cash_left, channel, find, flow, given,
    is_issuer, known_quota, no_flow, not_before, place, posts_for, quota_id, unit, what_is,
};
use super::{Ctx, Fault};
use crate::event::Event;
use crate::event::money::{
    FundsReturnedUp, Reference, TransferReceived, TransferReturned, TransferSent,
};
use crate::field::Field;
use crate::ids::{BankRef, QuotaId, Unit};
use crate::kind::Kind;
use crate::reject::Reason;
use crate::rules::{Movement, Place};
use crate::state::State;
use crate::state::money::{Quota, Sender};
use crate::voucher::LineRef;

fn bank_ref(line: LineRef<'_>) -> Result<BankRef, Fault> {
    given(line, Field::BankRef, BankRef::new(line.text(Field::BankRef)))
}

/// 320: 3017 5013 3020 3021 3022 3023.
pub(super) fn send(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let kind = Kind::TransferSent;
    let (to, amount, bank_ref) = (unit(line, Field::ToUnit)?, amount(line)?, bank_ref(line)?);
    let (number, quota) = known_quota(state, line)?;
    let at = place(state, ctx, to);
    let (from, movement) = if line.has(Field::From) {
        allowed(state, ctx, kind, quota.treasury, Field::From, is_issuer(ctx, quota))?;
        let from = Sender::Source(quota.source, quota.treasury);
        (from, at.map(|to| Movement::SendFromSource(channel(quota), to)))
    } else {
        let from = unit(line, Field::FromUnit)?;
        posts_for(state, ctx, kind, from, Field::FromUnit)?;
        (Sender::Unit(from), at.map(|to| Movement::Send(from, to)))
    };
    let flows_version =
        flow(state, ctx, movement).ok_or_else(|| no_flow(kind, from.unit(), &to, Field::ToUnit))?;
    match from {
        Sender::Source(..) => within_issued(quota, amount)?,
        Sender::Unit(unit) => cash_left(state.money.cell(unit, number), unit, quota.id, amount)?,
    }
    let event = TransferSent { quota: quota.id, from, to, bank_ref, amount, flows_version };
    bank_ref_free(state, ctx, &event.bank_use())?;
    Ok(event.into())
}

/// 3021: what was sent and this stay within what is issued.
fn within_issued(quota: &Quota, amount: Fen) -> Result<(), Fault> {
    let sent = quota.sent().saturating_add(amount.get());
    if sent <= quota.issued {
        return Ok(());
    }
    let (id, issued) = (quota.id, Fen::new(quota.issued));
    let reason = Reason::CashBeforeQuota { quota: id, issued, sent: Fen::new(sent) };
    Err(reason.on(Field::Amount))
}

/// 343: 3017 5013 3020 3022 3023.
pub(super) fn return_up(
    state: &State,
    ctx: &mut Ctx<'_>,
    line: LineRef<'_>,
) -> Result<Event, Fault> {
    let kind = Kind::FundsReturnedUp;
    let (from, to) = (unit(line, Field::FromUnit)?, unit(line, Field::ToUnit)?);
    let (amount, bank_ref, to_source) = (amount(line)?, bank_ref(line)?, line.has(Field::To));
    let (number, quota) = known_quota(state, line)?;
    posts_for(state, ctx, kind, from, Field::FromUnit)?;
    // What a closed unit still holds goes back all the same, as its quota does (314).
    let at = place(state, ctx, from).unwrap_or(Place::plain(from));
    let movement = if to_source {
        Movement::ReturnToSource(channel(quota), at, to)
    } else {
        Movement::ReturnUp { from: at, to }
    };
    let flows_version =
        flow(state, ctx, Some(movement)).ok_or_else(|| no_flow(kind, from, &to, Field::ToUnit))?;
    cash_left(state.money.cell(from, number), from, quota.id, amount)?;
    let quota = quota.id;
    let event = FundsReturnedUp { quota, from, to, to_source, bank_ref, amount, flows_version };
    bank_ref_free(state, ctx, &event.bank_use())?;
    Ok(event.into())
}

/// A transfer that a line refers to.
struct Sent<'a> {
    referred: Referred,
    quota: &'a Quota,
    /// Who sent.
    from: Sender,
    /// Unit that it is under way to.
    to: Unit,
    /// Where it lands.
    into: Sender,
    amount: Fen,
}

/// 3030: the reference names a live 320 or 343 of the line's quota.
fn sent<'a>(state: &'a State, ctx: &Ctx<'_>, line: LineRef<'_>) -> Result<Sent<'a>, Fault> {
    let text = line.text(Field::Ref);
    let id = quota_id(line)?;
    let found = find(state, ctx, text);
    let referred = found.ok_or_else(|| not_sent(state, text, None, id))?;
    match ends(state, &referred, id) {
        Some((quota, from, to, into, amount)) => {
            Ok(Sent { referred, quota, from, to, into, amount })
        }
        None => Err(not_sent(state, text, Some(&referred), id)),
    }
}

fn not_sent(state: &State, text: &str, found: Option<&Referred>, quota: QuotaId) -> Fault {
    let (seq, what) = what_is(state, text, found, Some(quota));
    Reason::NotASentRecord { seq, what }.on(Field::Ref)
}

/// Quota, sender, unit under way to, landing place and amount of a live transfer of a quota.
fn ends<'a>(
    state: &'a State,
    found: &Referred,
    id: QuotaId,
) -> Option<(&'a Quota, Sender, Unit, Sender, Fen)> {
    let (_, quota) = state.money.quota(id)?;
    if state.money.mark(found.at.seq).reversed_by.is_some() {
        return None;
    }
    match &found.entry.event {
        Event::TransferSent(e) if e.quota == id => {
            Some((quota, e.from, e.to, Sender::Unit(e.to), e.amount))
        }
        Event::FundsReturnedUp(e) if e.quota == id => {
            let source = Sender::Source(quota.source, quota.treasury);
            let into = if e.to_source { source } else { Sender::Unit(e.to) };
            Some((quota, Sender::Unit(e.from), e.to, into, e.amount))
        }
        _ => None,
    }
}

impl Sent<'_> {
    /// Whether the poster acts for one of its ends: at a source also the quota's issuer does.
    fn acts(&self, ctx: &Ctx<'_>, end: Sender) -> bool {
        match end {
            Sender::Unit(unit) => acts_for(ctx, unit),
            Sender::Source(_, treasury) => is_issuer(ctx, self.quota) || acts_for(ctx, treasury),
        }
    }

    /// 3032: no more than is under way.
    fn under_way(&self, state: &State, amount: Fen) -> Result<(), Fault> {
        let mark = state.money.mark(self.referred.at.seq);
        let open = self.amount.get().saturating_sub(mark.received).saturating_sub(mark.back);
        if amount.get() <= open {
            return Ok(());
        }
        Err(Reason::MoreThanInTransit { open: Fen::new(open), amount }.on(Field::Amount))
    }

    fn reference(&self, line: LineRef<'_>) -> Reference {
        Reference { text: line.text(Field::Ref).into(), seq: self.referred.at.seq }
    }
}

/// 321: 3030 5013 3031 3032.
pub(super) fn receive(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let amount = amount(line)?;
    let sent = sent(state, ctx, line)?;
    let receiver = sent.into.unit();
    let acts = sent.acts(ctx, sent.into);
    allowed(state, ctx, Kind::TransferReceived, receiver, Field::Ref, acts)?;
    not_before(ctx, sent.referred.at.date)?;
    sent.under_way(state, amount)?;
    let (quota, reference) = (sent.quota.id, sent.reference(line));
    Ok(TransferReceived { quota, sent: reference, at: sent.to, into: sent.into, amount }.into())
}

/// 322: 3030 5013 3031 3032.
pub(super) fn bounce(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let amount = amount(line)?;
    let sent = sent(state, ctx, line)?;
    let acts = sent.acts(ctx, sent.from);
    allowed(state, ctx, Kind::TransferReturned, sent.from.unit(), Field::Ref, acts)?;
    not_before(ctx, sent.referred.at.date)?;
    sent.under_way(state, amount)?;
    let (quota, reference) = (sent.quota.id, sent.reference(line));
    Ok(TransferReturned { quota, sent: reference, at: sent.to, back_to: sent.from, amount }.into())
}
