//! What a caller may ask about.
//!
//! Lives here: scope and role of questions. Postings are checked by `ledger::decide`.
//!
//! Always: a question about something out of scope answers 5014, whether it exists or not. On loopback nobody
//! in particular sees everything, and `Admin.Status` says so.

use std::collections::BTreeSet;

use ledger::account::Account;
use ledger::codec::Codec;
use ledger::event::Event;
use ledger::ids::{Date, HouseholdCode, OfficialId, OrgId, QuotaId, Unit};
use ledger::kind::Type;
use ledger::reject::Reason;
use ledger::state::State;
use ledger::voucher::{Value, VoucherBuilder};
use ledger::words::{OrgKind, Role};
use record::{Record, china_date};
use tonic::Status;

use super::status::refuse;
use crate::auth::Identity;
use crate::node::{Handle, standing};

/// What a caller sees.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Units, each with all below it; `None`: everything.
    units: Option<Vec<Unit>>,
    /// Organisations at these units, where records are read: they see their vouchers whole.
    organisations: BTreeSet<OrgId>,
}

impl Scope {
    /// Sees everything.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Whether nothing lies outside.
    pub fn is_everything(&self) -> bool {
        self.units.is_none()
    }

    /// Whether a unit lies in it.
    pub fn holds(&self, unit: Unit) -> bool {
        self.units.as_ref().is_none_or(|units| units.iter().any(|scope| scope.contains(unit)))
    }

    /// Whether a record may be seen: its voucher's organisation, a unit or household among its legs, or, where
    /// it moves nothing, one that it names lies in scope. A household lies where it was registered first.
    pub fn sees(&self, record: &Record<'_>, poster: Option<OrgId>, codec: &mut Codec) -> bool {
        if self.units.is_none() || poster.is_some_and(|poster| self.organisations.contains(&poster))
        {
            return true;
        }
        let mut legs = record.legs().peekable();
        if legs.peek().is_some() {
            let unit = |path| Account::parse(path).and_then(place_of);
            return legs.any(|leg| unit(leg.path).is_some_and(|unit| self.holds(unit)));
        }
        let Ok(entry) = codec.decode(record) else { return false };
        let kind = entry.event.kind();
        let mut line = VoucherBuilder::new();
        line.begin_line(1, kind.name());
        entry.event.fields(&mut line);
        let voucher = line.finish();
        let Some(line) = voucher.line(0) else { return false };
        let mut specs = kind.row().fields.iter();
        specs.any(|spec| line.get(spec.field).is_some_and(|value| self.names(spec.ty, value)))
    }

    /// Whether a field names a unit or household in scope.
    fn names(&self, ty: Type, value: Value<'_>) -> bool {
        let unit = match (ty, value) {
            (Type::List { of, .. }, Value::List(list)) => {
                return list.iter().any(|entry| self.names(*of, entry));
            }
            (Type::Unit | Type::City | Type::CityOrAll, Value::Text(text)) => {
                Unit::parse_exact(text)
            }
            (Type::Area | Type::Village, Value::Text(text)) => Unit::parse_area(text),
            (Type::Household, Value::Text(text)) => {
                HouseholdCode::parse(text).ok().and_then(first_village)
            }
            _ => None,
        };
        unit.is_some_and(|unit| self.holds(unit))
    }
}

/// The unit at which an account stands; a project's id names none.
fn place_of(account: Account) -> Option<Unit> {
    match account {
        Account::Plan(_, unit)
        | Account::Owed(_, unit)
        | Account::Quota(unit, _)
        | Account::Used(unit, _)
        | Account::Src(_, unit, _)
        | Account::Way(unit, _)
        | Account::Hold(unit, _)
        | Account::Prior(unit, _)
        | Account::BenefitVillage(unit)
        | Account::IncomeVillage(unit) => Some(unit),
        Account::Household(code)
        | Account::BenefitHousehold(code)
        | Account::IncomeHousehold(code) => first_village(code),
        Account::Project(_)
        | Account::Base(_)
        | Account::Open(_)
        | Account::Operator(_)
        | Account::Due(_) => None,
    }
}

/// The village in which a household was registered first, with which its code begins.
fn first_village(code: HouseholdCode) -> Option<Unit> {
    // Four digits of serial and one check digit follow.
    Unit::of_code(code.get() / 100_000)
}

/// The organisation of the voucher whose header record this is.
pub(super) fn poster(header: &Record<'_>, codec: &mut Codec) -> Option<OrgId> {
    match codec.decode(header).ok()?.event {
        Event::VoucherPosted(posted) => Some(posted.organisation),
        _ => None,
    }
}

fn today(state: &State) -> Date {
    Date(china_date(state.position().time_ms))
}

/// The units of a caller: its own, and those that its officials' roles reach; `None`: all.
fn units(
    state: &State,
    organisation: OrgId,
    key_hash: Option<[u8; 32]>,
) -> Result<Option<Vec<Unit>>, Reason> {
    let today = today(state);
    standing(state, organisation, key_hash, today)?;
    let own = state.access.organisation(organisation).ok_or(Reason::OutOfScope {})?;
    let mut units = vec![own.unit];
    for official in state.access.officials_of(organisation) {
        let grants = state.access.grants(official).filter(|grant| grant.held_on(today));
        units.extend(grants.flat_map(|grant| grant.scope().iter().copied()));
    }
    units.sort();
    units.dedup();
    Ok(if units.contains(&Unit::PROVINCE) { None } else { Some(units) })
}

/// What a caller may ask about.
///
/// # Errors
/// 5014 for an organisation that may see nothing, 5016 for a key that ended; 6007, 9001.
pub async fn of(node: &Handle, identity: Identity) -> Result<Scope, Status> {
    ask(node, identity, |_, units| Scope { units, ..Scope::default() }).await
}

/// What a caller sees of the log.
///
/// # Errors
/// As [`of`].
pub async fn of_log(node: &Handle, identity: Identity) -> Result<Scope, Status> {
    ask(node, identity, |state, units| {
        let mut scope = Scope { units, ..Scope::default() };
        if scope.units.is_some() {
            let all = state.access.organisations().iter();
            let seen = all.filter(|organisation| scope.holds(organisation.unit)).map(|o| o.id);
            scope.organisations = seen.collect();
        }
        scope
    })
    .await
}

async fn ask(
    node: &Handle,
    identity: Identity,
    make: impl FnOnce(&State, Option<Vec<Unit>>) -> Scope + Send + 'static,
) -> Result<Scope, Status> {
    let Some(organisation) = identity.organisation() else { return Ok(Scope::everything()) };
    let key_hash = identity.key_hash();
    let look =
        move |state: &State| units(state, organisation, key_hash).map(|units| make(state, units));
    node.look(look).await.map_err(refuse)?.0.map_err(refuse)
}

fn within(holds: bool) -> Result<(), Status> {
    if holds { Ok(()) } else { Err(refuse(Reason::OutOfScope {})) }
}

/// Whether a caller may see everything, as whoever follows the log must.
///
/// # Errors
/// 5014.
pub async fn everything(node: &Handle, identity: Identity) -> Result<(), Status> {
    within(of(node, identity).await?.units.is_none())
}

/// Whether a caller may ask about a unit.
///
/// # Errors
/// 5014.
pub async fn unit(node: &Handle, identity: Identity, unit: Unit) -> Result<(), Status> {
    within(of(node, identity).await?.holds(unit))
}

/// Whether a caller may ask about a household: by the village where it is now, or, of a code that stands for
/// none, by that with which it begins.
///
/// # Errors
/// 5014.
pub async fn household(
    node: &Handle,
    identity: Identity,
    code: HouseholdCode,
) -> Result<(), Status> {
    let scope = of(node, identity).await?;
    if scope.units.is_none() {
        return Ok(());
    }
    let look = move |state: &State| {
        let registry = &state.registry;
        registry.household(code).and_then(|no| registry.village_on(no, Date(u32::MAX)))
    };
    let (now, _) = node.look(look).await.map_err(refuse)?;
    within(now.or_else(|| first_village(code)).is_some_and(|village| scope.holds(village)))
}

/// Whether a caller may ask about a quota: one issued by its own treasury or for its own home city, or all
/// when it may see the province.
///
/// # Errors
/// 5014.
pub async fn quota(node: &Handle, identity: Identity, id: QuotaId) -> Result<(), Status> {
    let scope = of(node, identity).await?;
    if scope.units.is_none() {
        return Ok(());
    }
    let look =
        move |state: &State| state.money.quota(id).map(|(_, quota)| (quota.treasury, quota.home));
    let (found, _) = node.look(look).await.map_err(refuse)?;
    within(found.is_some_and(|(treasury, home)| scope.holds(treasury) || scope.holds(home)))
}

/// Whether a caller may ask what became of an organisation's voucher.
///
/// # Errors
/// 5014.
pub async fn voucher(node: &Handle, identity: Identity, of: OrgId) -> Result<(), Status> {
    if identity.organisation() == Some(of) {
        return Ok(());
    }
    let scope = self::of(node, identity).await?;
    if scope.units.is_none() {
        return Ok(());
    }
    let look = move |state: &State| state.access.organisation(of).map(|found| found.unit);
    let (unit, _) = node.look(look).await.map_err(refuse)?;
    within(unit.is_some_and(|unit| scope.holds(unit)))
}

/// Whether a caller's officials may read what roles of `roles` may.
///
/// # Errors
/// 5011 where nobody of the organisation holds one of them, 5016 for a key that ended.
pub async fn reading(
    node: &Handle,
    identity: Identity,
    roles: &'static [Role],
    action: &'static str,
) -> Result<(), Status> {
    let Some(organisation) = identity.organisation() else { return Ok(()) };
    let key_hash = identity.key_hash();
    let look = move |state: &State| {
        let (access, today) = (&state.access, today(state));
        standing(state, organisation, key_hash, today)?;
        let mut officials = access.officials_of(organisation);
        if officials.any(|official| access.holds_any(official, roles, today)) {
            return Ok(());
        }
        let official = OfficialId::new(organisation.as_str()).unwrap_or_default();
        Err(Reason::RoleMissing { official, action: action.into() })
    };
    node.look(look).await.map_err(refuse)?.0.map_err(refuse)
}

/// Whether a caller may operate the server: its organisation is a registered operator, and one of its
/// officials holds that role.
///
/// # Errors
/// 5011 for anybody else, 5016 for a key that ended.
pub async fn operator(node: &Handle, identity: Identity) -> Result<(), Status> {
    let Some(organisation) = identity.organisation() else { return Ok(()) };
    let key_hash = identity.key_hash();
    let look = move |state: &State| {
        let (access, today) = (&state.access, today(state));
        standing(state, organisation, key_hash, today)?;
        let operates = access.organisation(organisation).is_some_and(|o| o.kind == OrgKind::Op)
            && access
                .officials_of(organisation)
                .any(|official| access.holds_any(official, &[Role::Operator], today));
        if operates {
            return Ok(());
        }
        let official = OfficialId::new(organisation.as_str()).unwrap_or_default();
        Err(Reason::RoleMissing { official, action: "operate the server".into() })
    };
    node.look(look).await.map_err(refuse)?.0.map_err(refuse)
}
