//! Projects registered, amended, closed (140-142), paid (331), attributed (332, 333), and the income of
//! their assets (360, 361).
//!
//! Source: domain contract, sections 3.1 and 4.3; 粤发〔2016〕13号 §13, §17.

use record::Fen;

use super::checks::{
    allowed, amount, bank_ref_free, cash_left, fen, flow, given, known_quota, no_flow, posts_for,
    quota_left, unit, valid_area,
};
use super::payment::{
    Home, account_fits, known_account, known_household, known_purpose, not_gone, purpose_fits,
};
use super::{Ctx, Fault};
use crate::event::Event;
use crate::event::project::{
    Benefit, BenefitAttributed, BenefitWithdrawn, DisbursedToProject, IncomeDeclared,
    IncomeDistributed, ProjectAmended, ProjectClosed, ProjectRegistered,
};
use crate::field::Field;
use crate::ids::{BankRef, Date, HouseholdCode, ProjectId, Purpose, Unit, project};
use crate::kind::Kind;
use crate::reject::{Month, Reason};
use crate::rules::{Movement, PurposeRow};
use crate::state::State;
use crate::state::project::{Project, ProjectState, Target};
use crate::voucher::LineRef;
use crate::words::OrgKind;

/// Most shares of one target (2041).
const SHARES_MAX: i64 = 1_000_000;
/// Purpose whose projects earn: money into assets.
const ASSET_INCOME: &str = "P04";

fn id(line: LineRef<'_>) -> Result<ProjectId, Fault> {
    given(line, Field::Project, project(line.text(Field::Project)))
}

/// 2040: the project is known.
fn known_project<'a>(state: &'a State, line: LineRef<'_>) -> Result<&'a Project, Fault> {
    let id = id(line)?;
    state.projects.get(id).ok_or_else(|| Reason::ProjectUnknown { id }.on(Field::Project))
}

/// 5013: the poster is a poverty office whose unit contains the project's; with it 5023.
fn office(state: &State, ctx: &Ctx<'_>, kind: Kind, unit: Unit, field: Field) -> Result<(), Fault> {
    let fits = ctx.poster.is_none_or(|p| p.kind == OrgKind::Po && p.unit.contains(unit));
    allowed(state, ctx, kind, unit, field, fits)
}

/// 3051: that much is not attributed.
pub(super) fn open_left(state: &State, project: ProjectId, needed: Fen) -> Result<(), Fault> {
    let open = Fen::new(state.projects.get(project).map_or(0, |row| row.open));
    if needed <= open {
        return Ok(());
    }
    Err(Reason::NotAttributable { open, project, needed }.on(Field::Amount))
}

/// 2041: the share register as given: each target once, with 1 to 1,000,000 shares.
fn shares(line: LineRef<'_>) -> Result<Box<[(Target, u32)]>, Fault> {
    let mut out: Vec<(Target, u32)> = Vec::new();
    for (i, share) in line.list(Field::Shares).structures().enumerate() {
        let household = HouseholdCode::parse(share.text("household")).ok().map(Target::Household);
        let village = || Unit::parse_area(share.text("village")).map(Target::Village);
        let target = given(line, Field::Shares, household.or_else(village))?;
        let count = share.int("shares").unwrap_or(0);
        let refused = |found: String| {
            let target = target.to_string().into();
            let place = format!("{}.{i}.shares", Field::Shares.name());
            Reason::ProjectShares { target, found: found.into() }.on_place(place)
        };
        let number = u32::try_from(count).ok().filter(|_| (1..=SHARES_MAX).contains(&count));
        out.push((target, number.ok_or_else(|| refused(count.to_string()))?));
    }
    let mut sorted: Vec<Target> = out.iter().map(|(target, _)| *target).collect();
    sorted.sort_unstable();
    let twice = sorted.iter().zip(sorted.iter().skip(1)).find(|(a, b)| a == b);
    if let Some((target, _)) = twice {
        let (target, found) = (target.to_string().into(), "given twice".into());
        return Err(Reason::ProjectShares { target, found }.on(Field::Shares));
    }
    Ok(out.into())
}

/// 140: 5013 2042 2010 4020 2041.
pub(super) fn register(
    state: &State,
    ctx: &mut Ctx<'_>,
    line: LineRef<'_>,
) -> Result<Event, Fault> {
    let (id, unit) = (id(line)?, unit(line, Field::Unit)?);
    let purpose = given(line, Field::Purpose, Purpose::new(line.text(Field::Purpose)))?;
    office(state, ctx, Kind::ProjectRegistered, unit, Field::Unit)?;
    if state.projects.get(id).is_some() {
        return Err(Reason::ProjectExists { id }.on(Field::Project));
    }
    valid_area(state, ctx, unit, Field::Unit)?;
    let (_, purposes_version) = known_purpose(state, ctx, purpose)?;
    Ok(ProjectRegistered {
        project: id,
        unit,
        purpose,
        planned: fen(line, Field::Planned)?,
        operator: given(line, Field::Operator, line.token(Field::Operator))?,
        procurement_ref: line.text(Field::ProcurementRef).into(),
        shares: shares(line)?,
        purposes_version,
    }
    .into())
}

/// 141: 2040 5013 2041 2004.
pub(super) fn amend(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let row = known_project(state, line)?;
    office(state, ctx, Kind::ProjectAmended, row.unit, Field::Project)?;
    let shares = shares(line)?;
    let planned = line.int(Field::Planned).map(Fen::new);
    let accepted = line.has(Field::State);
    let mut sorted = shares.to_vec();
    sorted.sort_unstable();
    let new_plan = planned.is_some_and(|planned| planned.get() != row.planned);
    let new_shares = !shares.is_empty() && sorted != row.shares(ctx.date());
    let open = matches!(row.state, ProjectState::Registered | ProjectState::Paying);
    // A closed project stays closed, whatever else the line changes.
    let settled = accepted && !open;
    if settled || !(new_plan || new_shares || accepted) {
        let unchanged = |field: Field, value: String| {
            Reason::NothingChanges { field: field.name().into(), value: value.into() }.on(field)
        };
        return Err(match planned {
            _ if accepted => unchanged(Field::State, row.state.name().to_owned()),
            Some(planned) => unchanged(Field::Planned, planned.to_string()),
            None => unchanged(Field::Shares, "as given".to_owned()),
        });
    }
    Ok(ProjectAmended { project: row.id, planned, shares, accepted }.into())
}

/// 142: 2040 5013 2043.
pub(super) fn close(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let row = known_project(state, line)?;
    office(state, ctx, Kind::ProjectClosed, row.unit, Field::Project)?;
    let left = row.open.saturating_add(row.due);
    if 0 < left {
        return Err(Reason::ProjectNotSettled { amount: Fen::new(left) }.on(Field::Project));
    }
    Ok(ProjectClosed { project: row.id }.into())
}

/// 331: 5013 2040 4020 3017 3050 3040 3041 3042 3020 3018 3022 3023.
pub(super) fn pay(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let kind = Kind::DisbursedToProject;
    let (unit, amount) = (unit(line, Field::Unit)?, amount(line)?);
    let code = given(line, Field::Purpose, Purpose::new(line.text(Field::Purpose)))?;
    let bank_ref = given(line, Field::BankRef, BankRef::new(line.text(Field::BankRef)))?;
    posts_for(state, ctx, kind, unit, Field::Unit)?;
    let row = known_project(state, line)?;
    let (purpose, purposes_version) = known_purpose(state, ctx, code)?;
    let (number, quota) = known_quota(state, line)?;
    if row.state == ProjectState::Closed {
        let (id, state) = (row.id, row.state.name().into());
        return Err(Reason::ProjectNotPayable { id, state }.on(Field::Project));
    }
    purpose_fits(ctx, purpose, quota)?;
    to_a_project(ctx, purpose)?;
    let flows_version = flow(state, ctx, Some(Movement::PayProject(unit, row.unit)))
        .ok_or_else(|| no_flow(kind, unit, &row.id, Field::Project))?;
    let cell = state.money.cell(unit, number);
    quota_left(cell, unit, quota.id, amount)?;
    cash_left(cell, unit, quota.id, amount)?;
    let event = DisbursedToProject {
        quota: quota.id,
        unit,
        project: row.id,
        purpose: code,
        bank_ref,
        amount,
        purposes_version,
        flows_version,
    };
    bank_ref_free(state, ctx, &event.bank_use())?;
    Ok(event.into())
}

/// 3042: the purpose is paid to projects.
fn to_a_project(ctx: &mut Ctx<'_>, purpose: &PurposeRow) -> Result<(), Fault> {
    match purpose.permit {
        Some(permit) if !permit.payee.project() => {
            let allowed = permit.payee.name().into();
            let reason = Reason::PurposePayee { purpose: purpose.code, allowed };
            ctx.refuse(reason.on(Field::Purpose))
        }
        _ => Ok(()),
    }
}

/// Who a line says benefits. Exactly one of the two fields is filled.
fn target(line: LineRef<'_>) -> Result<Target, Fault> {
    if line.has(Field::Village) {
        let village = Unit::parse_area(line.text(Field::Village));
        return given(line, Field::Village, village).map(Target::Village);
    }
    let code = HouseholdCode::parse(line.text(Field::Household)).ok();
    given(line, Field::Household, code).map(Target::Household)
}

/// 332: 2040 5013 2002 2010 3043 3051.
pub(super) fn attribute(
    state: &State,
    ctx: &mut Ctx<'_>,
    line: LineRef<'_>,
) -> Result<Event, Fault> {
    let (target, amount) = (target(line)?, amount(line)?);
    let row = known_project(state, line)?;
    posts_for(state, ctx, Kind::BenefitAttributed, row.unit, Field::Project)?;
    let village = match target {
        Target::Household(code) => {
            let home = known_household(state, ctx, code)?;
            not_gone(ctx, home)?;
            home.on.village
        }
        Target::Village(unit) => {
            valid_area(state, ctx, unit, Field::Village)?;
            unit
        }
    };
    open_left(state, row.id, amount)?;
    Ok(BenefitAttributed(Benefit { project: row.id, target, amount, village }).into())
}

/// 333: 2040 5013 3052.
pub(super) fn withdraw(
    state: &State,
    ctx: &mut Ctx<'_>,
    line: LineRef<'_>,
) -> Result<Event, Fault> {
    let (target, amount) = (target(line)?, amount(line)?);
    let row = known_project(state, line)?;
    posts_for(state, ctx, Kind::BenefitWithdrawn, row.unit, Field::Project)?;
    let balance = Fen::new(state.projects.attributed(row.id, target));
    if balance < amount {
        let (target, project) = (target.to_string().into(), row.id);
        let reason = Reason::AttributionInsufficient { target, balance, project };
        return Err(reason.on(Field::Amount));
    }
    let village = match target {
        Target::Household(code) => known_household(state, ctx, code)?.on.village,
        Target::Village(unit) => unit,
    };
    Ok(BenefitWithdrawn(Benefit { project: row.id, target, amount, village }).into())
}

/// 360: 2040 5013 3070.
pub(super) fn declare(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let amount = amount(line)?;
    let first = Date::parse(&format!("{}-01", line.text(Field::Period)));
    let period = Month(given(line, Field::Period, first)?.month());
    let row = known_project(state, line)?;
    posts_for(state, ctx, Kind::IncomeDeclared, row.unit, Field::Project)?;
    if row.purpose.as_str() != ASSET_INCOME && row.registers.is_empty() {
        return Err(Reason::NoShares { id: row.id }.on(Field::Project));
    }
    Ok(IncomeDeclared { project: row.id, period, amount }.into())
}

/// 361: 2040 5013 2002 2030 2010 3071 3047 3048 3072.
pub(super) fn distribute(
    state: &State,
    ctx: &mut Ctx<'_>,
    line: LineRef<'_>,
) -> Result<Event, Fault> {
    let (target, amount) = (target(line)?, amount(line)?);
    let account = line.token(Field::Account);
    let row = known_project(state, line)?;
    posts_for(state, ctx, Kind::IncomeDistributed, row.unit, Field::Project)?;
    let home: Option<Home> = match target {
        Target::Household(code) => Some(known_household(state, ctx, code)?),
        Target::Village(_) => None,
    };
    let binding = match (home, account) {
        (Some(home), Some(account)) => Some((known_account(state, ctx, account, home)?, home)),
        _ => None,
    };
    let village = match (target, home) {
        (Target::Village(unit), _) => {
            valid_area(state, ctx, unit, Field::Village)?;
            unit
        }
        (_, Some(home)) => home.on.village,
        (Target::Household(code), None) => {
            return Err(Reason::HouseholdUnknown { code }.on(Field::Household));
        }
    };
    if !row.holds(target, ctx.date()) {
        let (target, id) = (target.to_string().into(), row.id);
        let field = if home.is_some() { Field::Household } else { Field::Village };
        return Err(Reason::NotAShareholder { target, id }.on(field));
    }
    if let Some((binding, home)) = &binding {
        account_fits(ctx, binding, *home)?;
    }
    let due = Fen::new(row.due);
    if due < amount {
        return Err(Reason::IncomeInsufficient { due }.on(Field::Amount));
    }
    Ok(IncomeDistributed { project: row.id, target, account, amount, village }.into())
}
