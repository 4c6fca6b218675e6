//! Quota issued, released, withdrawn (312-314).
//!
//! Source: domain contract, 4.2 and 4.3; flow rows W01-W08, W23, W25, W27, W29.

use record::Fen;

use super::checks::{
    acts_for, allowed, amount, flow, given, is_issuer, known_quota, no_flow, not_yours, place,
    posts_for, programme, quota_id, quota_left, unit,
};
use super::{Ctx, Fault};
use crate::event::Event;
use crate::event::money::{BackTo, QuotaIssued, QuotaReleased, QuotaWithdrawn};
use crate::field::Field;
use crate::ids::{Level, QuotaId, Source, TrancheId, Unit};
use crate::kind::Kind;
use crate::reject::Reason;
use crate::rules::flows::{Channel, treasury_allowed};
use crate::rules::{Mark, Movement, Place};
use crate::state::State;
use crate::state::money::Quota;
use crate::voucher::LineRef;
use crate::words::{OrgKind, Programme};

/// What a line of 312 says.
struct Issue {
    quota: QuotaId,
    source: Source,
    treasury: Unit,
    home: Unit,
    tranche: TrancheId,
    programme: Programme,
    to: Unit,
    amount: Fen,
}

impl Issue {
    fn read(line: LineRef<'_>) -> Result<Self, Fault> {
        let source = given(line, Field::Source, Source::parse(line.text(Field::Source)))?;
        Ok(Self {
            quota: quota_id(line)?,
            source,
            treasury: unit(line, Field::Treasury)?,
            home: unit(line, Field::HomeCity)?,
            tranche: tranche_given(line, source)?,
            programme: programme(line, source)?,
            to: unit(line, Field::ToUnit)?,
            amount: amount(line)?,
        })
    }
}

/// 1015, 1018: P, H and L name a tranche, U and S have none.
fn tranche_given(line: LineRef<'_>, source: Source) -> Result<TrancheId, Fault> {
    let text = line.text(Field::Tranche);
    let (field, kind) =
        (Field::Tranche.name().into(), format!("{} of source {source}", line.kind_name()));
    match (source.is_shared(), text) {
        (true, "") => Err(Reason::FieldMissing { field, kind: kind.into() }.on(Field::Tranche)),
        (true, _) => given(line, Field::Tranche, TrancheId::id(text)),
        (false, "") => Ok(TrancheId::EMPTY),
        (false, _) => Err(Reason::FieldNotForKind { field, kind: kind.into() }.on(Field::Tranche)),
    }
}

/// 312: 3014 5013 3020 3015 3016.
pub(super) fn issue(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let ask = Issue::read(line)?;
    if let Some((_, known)) = state.money.quota(ask.quota) {
        let (quota, seq) = (ask.quota, known.seq);
        return Err(Reason::QuotaExists { quota, seq }.on(Field::Quota));
    }
    // A helping unit gives its own money, a finance bureau that of its treasury.
    let kind = if ask.source == Source::U { OrgKind::Hu } else { OrgKind::Fb };
    let own = ctx.poster.is_none_or(|p| p.kind == kind && p.unit == ask.treasury);
    allowed(state, ctx, Kind::QuotaIssued, ask.treasury, Field::Treasury, own)?;
    let (flows_version, pairing_version) = issue_flow(state, ctx, &ask)?;
    let year = obligation_covers(state, ctx, &ask)?;
    let Issue { quota, source, treasury, home, tranche, programme, to, amount } = ask;
    let issuer = ctx.poster.map(|poster| poster.id).unwrap_or_default();
    Ok(QuotaIssued {
        quota,
        source,
        treasury,
        home,
        tranche,
        programme,
        to,
        amount,
        year,
        issuer,
        flows_version,
        pairing_version,
    }
    .into())
}

/// 3020: treasury and flow; returns the versions of flow table and pairing that were asked.
fn issue_flow(state: &State, ctx: &Ctx<'_>, ask: &Issue) -> Result<(u32, u32), Fault> {
    let pairing = state.rules.pairing(ask.home, ctx.date());
    let helper = pairing.map(|pairing| pairing.content.helper);
    if !treasury_allowed(ask.source, ask.treasury, ask.home, helper) {
        return Err(no_flow(Kind::QuotaIssued, ask.treasury, &ask.home, Field::Treasury));
    }
    let channel = Channel {
        source: ask.source,
        treasury: ask.treasury,
        home: ask.home,
        top: ask.to,
        opening: false,
    };
    let movement = place(state, ctx, ask.to).map(|to| Movement::Issue(channel, to));
    let version = flow(state, ctx, movement)
        .ok_or_else(|| no_flow(Kind::QuotaIssued, ask.treasury, &ask.to, Field::ToUnit))?;
    let asked = if ask.source == Source::H { pairing.map_or(0, |p| p.number) } else { 0 };
    Ok((version, asked))
}

/// 3015, 3016: the tranche is open and owes that much; returns the quota's year.
fn obligation_covers(state: &State, ctx: &Ctx<'_>, ask: &Issue) -> Result<u32, Fault> {
    if !ask.source.is_shared() {
        return Ok(u32::from(ctx.date().year()));
    }
    let (id, city) = (ask.tranche, ask.home);
    let open = state.money.tranche(id).filter(|row| row.home == city && !row.reversed);
    let tranche = open.ok_or_else(|| Reason::TrancheUnknown { id, city }.on(Field::Tranche))?;
    let of = |sums: &[i64; 3]| sums.get(ask.source.index()).copied().unwrap_or(0);
    let left = of(&tranche.parts).saturating_sub(of(&tranche.issued));
    let owed = left.min(state.money.obligation(ask.source, city).owed);
    if owed < ask.amount.get() {
        let (source, owed) = (ask.source, Fen::new(owed));
        let reason = Reason::OverObligation { source, owed, city, needed: ask.amount };
        return Err(reason.on(Field::Amount));
    }
    Ok(tranche.year)
}

/// 313: 3017 5013 3020 3018.
pub(super) fn release(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let kind = Kind::QuotaReleased;
    let (from, to) = (unit(line, Field::FromUnit)?, unit(line, Field::ToUnit)?);
    let amount = amount(line)?;
    let (number, quota) = known_quota(state, line)?;
    posts_for(state, ctx, kind, from, Field::FromUnit)?;
    let movement = place(state, ctx, to).map(|to| Movement::Release(from, to));
    let flows_version =
        flow(state, ctx, movement).ok_or_else(|| no_flow(kind, from, &to, Field::ToUnit))?;
    quota_left(state.money.cell(from, number), from, quota.id, amount)?;
    Ok(QuotaReleased { quota: quota.id, from, to, amount, flows_version }.into())
}

/// 314: 3017 5013 3020 3018 3021.
pub(super) fn withdraw(
    state: &State,
    ctx: &mut Ctx<'_>,
    line: LineRef<'_>,
) -> Result<Event, Fault> {
    let kind = Kind::QuotaWithdrawn;
    let from = unit(line, Field::FromUnit)?;
    let amount = amount(line)?;
    let (number, quota) = known_quota(state, line)?;
    let place = place(state, ctx, from).unwrap_or(Place::plain(from));
    let (back_to, movement) = if from == quota.top {
        allowed(state, ctx, kind, quota.treasury, Field::FromUnit, is_issuer(ctx, quota))?;
        let back_to = BackTo::Source(quota.source, quota.home);
        (back_to, Movement::WithdrawTop(quota.source))
    } else {
        let parent = parent_of(ctx, place)?;
        allowed(state, ctx, kind, parent, Field::FromUnit, true)?;
        (BackTo::Unit(parent), Movement::Withdraw { from: place, parent })
    };
    let to = match back_to {
        BackTo::Unit(parent) => parent,
        BackTo::Source(_, home) => home,
    };
    let flows_version = flow(state, ctx, Some(movement))
        .ok_or_else(|| no_flow(kind, from, &to, Field::FromUnit))?;
    quota_left(state.money.cell(from, number), from, quota.id, amount)?;
    if let BackTo::Source(..) = back_to {
        covers_sent(quota, amount)?;
    }
    Ok(QuotaWithdrawn { quota: quota.id, from, back_to, amount, flows_version }.into())
}

/// 5013: below the top only a parent takes quota back: the poster's own unit, one step above by W03-W06.
fn parent_of(ctx: &Ctx<'_>, from: Place) -> Result<Unit, Fault> {
    let refused = || not_yours(ctx, from.unit.to_string(), Field::FromUnit);
    let parent = ctx.poster.ok_or_else(refused)?.unit;
    let step = match (parent.level(), from.unit.level()) {
        (Level::City, Level::County)
        | (Level::County, Level::Town)
        | (Level::Town, Level::Village) => true,
        (Level::County, Level::Village) => from.poor != Mark::Never,
        _ => false,
    };
    if step && acts_for(ctx, parent) && parent.contains(from.unit) {
        Ok(parent)
    } else {
        Err(refused())
    }
}

/// 3021: what stays issued covers what was sent.
fn covers_sent(quota: &Quota, withdrawn: Fen) -> Result<(), Fault> {
    let issued = quota.issued.saturating_sub(withdrawn.get());
    if quota.sent() <= issued {
        return Ok(());
    }
    let (id, sent) = (quota.id, Fen::new(quota.sent()));
    let reason = Reason::CashBeforeQuota { quota: id, issued: Fen::new(issued), sent };
    Err(reason.on(Field::Amount))
}
