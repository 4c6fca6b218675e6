//! Decisions about rule versions (201-210).

use std::sync::Arc;

use super::{Ctx, Fault, not_served};
use crate::event::Event;
use crate::event::rules::{
    self as read, Adoption, ApprovalRuleAdopted, AreasAdopted, BaselineSet, CapRuleAdopted,
    FlagParametersAdopted, FlowsAdopted, PairingAdopted, PeriodRuleAdopted, PurposesAdopted,
    ReadError, SchemeAdopted,
};
use crate::field::Field;
use crate::ids::Unit;
use crate::kind::{Kind, Poster};
use crate::reject::Reason;
use crate::roles;
use crate::rules::pairing::Mode;
use crate::rules::{FlagId, Versions};
use crate::state::State;
use crate::voucher::LineRef;

/// Decides a line of this group.
pub(super) fn decide(
    kind: Kind,
    state: &State,
    ctx: &mut Ctx<'_>,
    line: LineRef<'_>,
) -> Result<Event, Fault> {
    let decision = match kind {
        Kind::SchemeAdopted => scheme,
        Kind::PairingAdopted => pairing,
        Kind::PurposesAdopted => purposes,
        Kind::FlowsAdopted => flows,
        Kind::CapRuleAdopted => cap,
        Kind::ApprovalRuleAdopted => approval,
        Kind::FlagParametersAdopted => flag,
        Kind::AreasAdopted => areas,
        Kind::BaselineSet => baseline,
        Kind::PeriodRuleAdopted => period,
        other => return Err(not_served(other)),
    };
    province_only(state, ctx, kind)?;
    let adoption = Adoption::read(line).ok_or_else(|| fault(ReadError::Form, ""))?;
    decision(&Step { state, ctx, line, adoption })
}

/// 5012: rules, tranches, access and erasure are posted by the province. With it 5023.
pub(super) fn province_only(state: &State, ctx: &Ctx<'_>, kind: Kind) -> Result<(), Fault> {
    provinces_kind(ctx, kind)?;
    roles::approver_covers(state, ctx, kind, Unit::PROVINCE)
}

/// 5012: rules, tranches, access and erasure are posted by the province.
pub fn provinces_kind(ctx: &Ctx<'_>, kind: Kind) -> Result<(), Fault> {
    let Some(poster) = ctx.poster else { return Ok(()) };
    let who = kind.row().poster;
    let allowed = match who {
        Poster::Province => matches!(poster.id.as_str(), "PO44" | "FB44"),
        Poster::Fb44 => poster.id.as_str() == "FB44",
        _ => poster.id.as_str() == "PO44",
    };
    if allowed {
        return Ok(());
    }
    Err(Reason::ProvinceOnly { kind, allowed: who.text().into() }.on_place("kind"))
}

/// What a decision about a rule looks at.
struct Step<'a> {
    state: &'a State,
    ctx: &'a Ctx<'a>,
    line: LineRef<'a>,
    adoption: Adoption,
}

impl Step<'_> {
    /// 1024, 4001, 4002: the version follows the one before it under its key.
    fn follows<T>(&self, versions: Option<&Versions<T>>) -> Result<(), Fault> {
        let Adoption { version, effective_to, .. } = self.adoption;
        let from = self.adoption.from(self.ctx.date());
        if let Some(to) = effective_to.filter(|to| *to < from) {
            let field = Field::EffectiveFrom.name().into();
            let reason = Reason::DateOrder { field, found: from, other: to };
            return Err(reason.on(Field::EffectiveFrom));
        }
        let checked = match versions {
            Some(versions) => versions.check_next(version, from),
            None => Versions::<T>::default().check_next(version, from),
        };
        checked.map_err(|reason| {
            let early = matches!(reason, Reason::RuleDateOrder { .. });
            reason.on(if early { Field::EffectiveFrom } else { Field::Version })
        })
    }
}

/// What could not be read, as a refusal at a field.
fn fault(error: ReadError, field: &str) -> Fault {
    match error {
        ReadError::Content(error) => {
            let place = error.field.clone();
            Reason::from(error).on_place(place)
        }
        ReadError::Refused(reason) => reason.on_place(field),
        ReadError::Form => {
            let expected = "a line that passed the form checks".into();
            Reason::FieldFormat { field: "kind".into(), found: "this line".into(), expected }
                .on_place("")
        }
    }
}

/// The fault of a rule whose content names its own fields.
fn content(error: ReadError) -> Fault {
    fault(error, "")
}

fn scheme(step: &Step<'_>) -> Result<Event, Fault> {
    let key = read::scheme_key(step.line).map_err(content)?;
    step.follows(step.state.rules.schemes.get(&key))?;
    let scheme = read::scheme(step.line).map_err(|error| fault(error, Field::Weights.name()))?;
    Ok(SchemeAdopted { adoption: step.adoption, key, content: Arc::new(scheme) }.into())
}

fn pairing(step: &Step<'_>) -> Result<Event, Fault> {
    let pairing = read::pairing(step.line).map_err(content)?;
    let own = pairing.helper == pairing.home;
    if own != (pairing.mode == Mode::OwnHelp) {
        let expected = if own { "self: the city helps itself" } else { "paired: two cities" };
        let (field, found) = (Field::Mode.name().into(), pairing.mode.name().into());
        let reason = Reason::FieldFormat { field, found, expected: expected.into() };
        return Err(reason.on(Field::Mode));
    }
    let known = step.state.rules.pairings.get(&pairing.home);
    step.follows(known)?;
    if let Some(known) = known {
        let from = step.adoption.from(step.ctx.date());
        pairing.check(known, from).map_err(|reason| reason.on(Field::Home))?;
    }
    Ok(PairingAdopted { adoption: step.adoption, content: Arc::new(pairing) }.into())
}

/// Rules that have one key and whose content checks itself.
macro_rules! single {
    ($($name:ident: $event:ident;)*) => {
        $(fn $name(step: &Step<'_>) -> Result<Event, Fault> {
            step.follows(Some(&step.state.rules.$name))?;
            let found = read::$name(step.line).map_err(content)?;
            Ok($event { adoption: step.adoption, content: Arc::new(found) }.into())
        })*
    };
}
single! {
    purposes: PurposesAdopted;
    flows: FlowsAdopted;
    cap: CapRuleAdopted;
    approval: ApprovalRuleAdopted;
    areas: AreasAdopted;
    period: PeriodRuleAdopted;
}

fn flag(step: &Step<'_>) -> Result<Event, Fault> {
    // An unknown flag has no versions; its content refuses it.
    let id = FlagId::parse(step.line.text(Field::Flag));
    step.follows(id.and_then(|id| step.state.rules.flags.get(&id)))?;
    let flag = read::flag(step.line).map_err(content)?;
    Ok(FlagParametersAdopted { adoption: step.adoption, content: Arc::new(flag) }.into())
}

fn baseline(step: &Step<'_>) -> Result<Event, Fault> {
    let home_city = read::baseline_city(step.line).map_err(content)?;
    let baseline = read::baseline(step.line).map_err(content)?;
    baseline.check_counties(home_city).map_err(|error| {
        let (field, expected) = (error.field.clone().into(), error.what.into());
        let reason = Reason::FieldFormat { field, found: "this county".into(), expected };
        reason.on_place(error.field)
    })?;
    step.follows(step.state.rules.baselines.get(&home_city))?;
    baseline.check_sum().map_err(|reason| reason.on(Field::Counties))?;
    Ok(BaselineSet { adoption: step.adoption, home_city, content: Arc::new(baseline) }.into())
}
