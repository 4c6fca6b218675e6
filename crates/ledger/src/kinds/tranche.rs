//! Tranches opened (311) and opening balances (310): what counts against a home city's ceiling.
//!
//! Source: 粤发〔2016〕13号 §13; domain contract, sections 4.3, 5 and 6.2.

use record::Fen;

use super::checks::{amount, fen, given, posts_for, programme, quota_id, unit};
use super::rules::province_only;
use super::{Ctx, Fault};
use crate::event::Event;
use crate::event::money::{OpeningBalance, TrancheOpened};
use crate::field::Field;
use crate::ids::{OrgId, Source, TrancheId, Unit};
use crate::kind::Kind;
use crate::reject::{Reason, WideFen};
use crate::rules::split;
use crate::rules::{Baseline, CapRule, Version};
use crate::state::State;
use crate::voucher::LineRef;
use crate::words::OrgKind;

/// 311: 5012 3010 3011 4010 4011 4012 3013 3012.
pub(super) fn open(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let id = given(line, Field::Tranche, TrancheId::id(line.text(Field::Tranche)))?;
    let city = unit(line, Field::HomeCity)?;
    let year = line.int(Field::Year).and_then(|year| u32::try_from(year).ok());
    let year = given(line, Field::Year, year)?;
    let (amount, date) = (amount(line)?, ctx.date());
    province_only(state, ctx, Kind::TrancheOpened)?;
    if let Some(known) = state.money.tranche(id) {
        return Err(Reason::TrancheExists { id, seq: known.seq }.on(Field::Tranche));
    }
    let cap = year_open(state, ctx, year)?;
    let pairing = state.rules.pairing(city, date);
    let pairing = pairing.ok_or_else(|| Reason::NoPairing { city, date }.on(Field::HomeCity))?;
    let scheme = state.rules.scheme(city, date);
    let (scheme_key, scheme) =
        scheme.ok_or_else(|| Reason::NoScheme { city, date }.on(Field::HomeCity))?;
    let baseline = state.rules.baseline(city, date);
    let baseline = baseline.ok_or_else(|| Reason::NoBaseline { city, date }.on(Field::HomeCity))?;
    under_ceiling(state, city, amount, cap, baseline)?;
    let weights = scheme.content.shared();
    let charged = state.money.charged(city, scheme_key, scheme.number);
    let parts = split::tranche(&charged, amount.get(), &weights)
        .and_then(|parts| <[i64; 3]>::try_from(parts).ok());
    let overflow = || {
        let account = format!("charged of {city}").into();
        Reason::SumOverflow { account }.on(Field::Amount)
    };
    Ok(TrancheOpened {
        tranche: id,
        home: city,
        year,
        parts: parts.ok_or_else(overflow)?.map(Fen::new),
        scheme: scheme.content.name.as_str().into(),
        scheme_key,
        scheme_version: scheme.number,
        weights,
        baseline_version: baseline.number,
        cap_version: cap.number,
        pairing_version: pairing.number,
        heads: baseline.content.heads,
        helper: pairing.content.helper,
    }
    .into())
}

/// 3011: the year is one of the cap rule's.
fn year_open<'a>(
    state: &'a State,
    ctx: &Ctx<'_>,
    year: u32,
) -> Result<&'a Version<CapRule>, Fault> {
    let cap = state.rules.cap.valid(ctx.date());
    cap.filter(|cap| cap.content.has_year(year)).ok_or_else(|| {
        let (from, to) = cap.map_or((0, 0), |cap| cap.content.span());
        Reason::TrancheYear { year, from, to }.on(Field::Year)
    })
}

/// 3013: what is planned and this stay within heads × `per_head_fen`.
fn under_ceiling(
    state: &State,
    city: Unit,
    amount: Fen,
    cap: &Version<CapRule>,
    baseline: &Version<Baseline>,
) -> Result<(), Fault> {
    let planned = state.money.planned(city);
    let heads = baseline.content.heads;
    let ceiling = cap.content.ceiling_fen(heads);
    let sum = i128::from(planned).saturating_add(i128::from(amount.get()));
    if sum <= ceiling {
        return Ok(());
    }
    let (planned, ceiling) = (Fen::new(planned), WideFen(ceiling));
    Err(Reason::PoolCapExceeded { planned, amount, ceiling, heads }.on(Field::Amount))
}

/// 310: 5013 3001 3002 3013.
pub(super) fn opening(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let source = given(line, Field::Source, Source::parse(line.text(Field::Source)))?;
    let (quota, holder) = (quota_id(line)?, unit(line, Field::Unit)?);
    let (treasury, home) = (unit(line, Field::Treasury)?, unit(line, Field::HomeCity)?);
    let programme = programme(line, source)?;
    let (issued, cash) = (fen(line, Field::Issued)?, fen(line, Field::CashIn)?);
    let (paid, amount) = (fen(line, Field::PaidBefore)?, amount(line)?);
    posts_for(state, ctx, Kind::OpeningBalance, holder, Field::Unit)?;
    if let Some((_, known)) = state.money.quota(quota) {
        return Err(Reason::OpeningNotFirst { quota, seq: known.seq }.on(Field::Quota));
    }
    if !(paid <= cash && cash <= issued && issued == amount) {
        return Err(Reason::OpeningOrder { paid, cash, issued }.on(Field::Issued));
    }
    let cap = state.rules.cap.valid(ctx.date());
    let baseline = state.rules.baseline(home, ctx.date());
    if let (Some(cap), Some(baseline), true) = (cap, baseline, source.is_shared()) {
        under_ceiling(state, home, issued, cap, baseline)?;
    }
    Ok(OpeningBalance {
        quota,
        source,
        treasury,
        home,
        programme,
        unit: holder,
        issued,
        cash_in: cash,
        paid_before: paid,
        issuer: issuer(state, source, treasury),
        year: u32::from(ctx.date().year()),
        baseline_version: baseline.map_or(0, |baseline| baseline.number),
        cap_version: cap.map_or(0, |cap| cap.number),
        heads: baseline.map_or(0, |baseline| baseline.content.heads),
    }
    .into())
}

/// The organisation that may withdraw an opening at the top: the bureau of its treasury, of a helping
/// unit's money the first helping unit of that seat.
fn issuer(state: &State, source: Source, treasury: Unit) -> OrgId {
    let kind = if source == Source::U { OrgKind::Hu } else { OrgKind::Fb };
    let by_name = || OrgId::id(&format!("{}{treasury}", kind.name())).unwrap_or_default();
    match kind {
        OrgKind::Hu => state.access.first_at(kind, treasury).unwrap_or_else(by_name),
        _ => by_name(),
    }
}
