//! What a caller may ask about.
//!
//! Lives here: scope and role of questions. Postings are checked by `ledger::decide`.
//!
//! Always: a question about something out of scope answers 5014, with no hint whether it exists. On
//! loopback nobody in particular sees everything, and `Admin.Status` says so.

use ledger::ids::{Date, OfficialId, OrgId, QuotaId};
use ledger::reject::Reason;
use ledger::state::State;
use record::{Record, china_date};
use tonic::Status;

use super::log::Filter;
use super::payload::payload;
use super::status::refuse;
use crate::auth::Identity;
use crate::node::{Handle, standing};

/// Which records and rows a caller sees.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Unit codes; what they are a prefix of is in scope. `None`: everything.
    units: Option<Vec<String>>,
}

impl Scope {
    /// Sees everything.
    pub fn everything() -> Self {
        Self { units: None }
    }

    /// Whether a unit, village or household code lies in it.
    pub fn holds(&self, code: &str) -> bool {
        let Some(units) = &self.units else { return true };
        units.iter().any(|unit| code.starts_with(unit.as_str()))
    }

    /// Whether a record may be seen: a unit or household among its legs lies in scope.
    pub fn sees(&self, record: &Record<'_>) -> bool {
        self.units.is_none()
            || record.legs().any(|leg| leg.path.split('.').any(|part| self.holds(part)))
    }
}

/// What a caller's organisation may see: its own unit and below, and what its officials' roles reach.
///
/// # Errors
/// 5014 for an organisation that may see nothing, 5016 for a key that ended; 6007, 9001.
pub async fn of(node: &Handle, identity: Identity) -> Result<Scope, Status> {
    let Some(organisation) = identity.organisation() else { return Ok(Scope::everything()) };
    let key_hash = identity.key_hash();
    let look = move |state: &State| -> Result<Vec<String>, Reason> {
        let today = Date(china_date(state.position().time_ms));
        standing(state, organisation, key_hash, today)?;
        let own = state.access.organisation(organisation).ok_or(Reason::OutOfScope {})?;
        let mut units = vec![own.unit.to_string()];
        for official in state.access.officials_of(organisation) {
            let grants = state.access.grants(official).filter(|grant| grant.held_on(today));
            units.extend(grants.flat_map(|g| g.scope().iter().map(ToString::to_string)));
        }
        units.sort();
        units.dedup();
        Ok(units)
    };
    let (units, _) = node.look(look).await.map_err(refuse)?;
    Ok(Scope { units: Some(units.map_err(refuse)?) })
}

/// Whether a caller may see everything, as whoever follows the log must.
///
/// # Errors
/// 5014.
pub async fn everything(node: &Handle, identity: Identity) -> Result<(), Status> {
    let scope = of(node, identity).await?;
    if scope.holds("44") { Ok(()) } else { Err(refuse(Reason::OutOfScope {})) }
}

/// Whether a caller may ask about a code.
///
/// # Errors
/// 5014.
pub async fn code(node: &Handle, identity: Identity, code: &str) -> Result<(), Status> {
    if of(node, identity).await?.holds(code) { Ok(()) } else { Err(refuse(Reason::OutOfScope {})) }
}

/// Whether a caller may ask about a quota: one issued by its own treasury, or all when it may see the
/// province.
///
/// # Errors
/// 5014.
pub async fn quota(node: &Handle, identity: Identity, id: QuotaId) -> Result<(), Status> {
    let scope = of(node, identity).await?;
    if scope.holds("44") {
        return Ok(());
    }
    let look =
        move |state: &State| state.money.quota(id).map(|(_, quota)| (quota.treasury, quota.home));
    let (found, _) = node.look(look).await.map_err(refuse)?;
    match found {
        Some((treasury, home))
            if scope.holds(&treasury.to_string()) || scope.holds(&home.to_string()) =>
        {
            Ok(())
        }
        _ => Err(refuse(Reason::OutOfScope {})),
    }
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
    let look = move |state: &State| state.access.organisation(of).map(|found| found.unit);
    let (unit, _) = node.look(look).await.map_err(refuse)?;
    match unit {
        Some(unit) if scope.holds(&unit.to_string()) => Ok(()),
        // Who sees everything is told that there is no such voucher.
        None if scope.holds("44") => Ok(()),
        _ => Err(refuse(Reason::OutOfScope {})),
    }
}

/// Whether what a filter names lies in scope.
///
/// # Errors
/// 5014.
pub(super) async fn filter(
    node: &Handle,
    identity: Identity,
    filter: &Filter,
) -> Result<(), Status> {
    if filter.household.is_empty() {
        return Ok(());
    }
    code(node, identity, &filter.household).await
}

/// Whether a record touches a household: by a leg, or by its payload.
pub fn touches(record: &Record<'_>, household: &str) -> bool {
    let by_leg = |path: &str| path.rsplit('.').next() == Some(household);
    if record.legs().any(|leg| by_leg(leg.path)) {
        return true;
    }
    // Registry events name households in their payload alone.
    let needle = household.as_bytes();
    let bytes = record.payload();
    bytes.windows(needle.len()).any(|window| window == needle)
        && payload(record).to_string().contains(household)
}

/// Whether a caller may operate the server.
///
/// # Errors
/// 5011 for anybody but an operator's organisation.
pub fn operator(identity: Identity) -> Result<(), Status> {
    match identity.organisation() {
        None => Ok(()),
        Some(organisation) if organisation.as_str().starts_with("OP") => Ok(()),
        Some(organisation) => {
            let official = OfficialId::new(organisation.as_str()).unwrap_or_default();
            Err(refuse(Reason::RoleMissing { official, action: "operate the server".into() }))
        }
    }
}
