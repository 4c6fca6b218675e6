//! Which role an act needs, and which organisation may give it.
//!
//! Lives here: the contract's table of roles as functions of kind and organisation.
//! Lives elsewhere: who holds a role (`state::access`), when approval is needed (`rules::approval`).
//!
//! Source: domain contract, section 10.

use crate::ids::{Level, Unit};
use crate::kind::{Group, Kind};
use crate::kinds::{Ctx, Fault};
use crate::reject::{Reason, Text};
use crate::state::State;
use crate::words::{OrgKind, Role};

const INSPECTORS: &[Role] = &[Role::Inspector, Role::Auditor];
const KEEPER: &[Role] = &[Role::RuleKeeper];

/// Roles of which the preparer of a kind needs one (5011).
pub fn preparing(kind: Kind) -> &'static [Role] {
    match (kind.group(), kind) {
        (Group::Registry, _) => &[Role::Registrar],
        (Group::Rules | Group::Tranche | Group::Access, _) | (_, Kind::PersonErased) => KEEPER,
        // Whoever prepares for the organisation concerned explains for it.
        (_, Kind::FindingExplained) => {
            &[Role::Preparer, Role::Registrar, Role::RuleKeeper, Role::FinanceHead]
        }
        (Group::Finding | Group::Vault, _) => INSPECTORS,
        _ => &[Role::Preparer],
    }
}

/// Roles of which the approver of a kind needs one (5023); with an exception only who may approve those.
pub fn approving(kind: Kind, exception: bool) -> &'static [Role] {
    match (kind.group(), kind) {
        (Group::Registry, _) => &[Role::RegistrarApprover],
        (Group::Rules | Group::Tranche | Group::Access, _) | (_, Kind::PersonErased) => KEEPER,
        (Group::Finding | Group::Vault, _) => INSPECTORS,
        _ if exception => &[Role::FinanceHead],
        _ => &[Role::Approver, Role::FinanceHead],
    }
}

/// Whether an organisation of a kind may have officials of a role (5024). `helper` says whether its unit
/// helps a home city.
pub fn belongs(role: Role, kind: OrgKind, unit: Unit, helper: bool) -> bool {
    use OrgKind::{Au, Di, Fb, Hu, Op, Po, Tg, Vc};
    match role {
        Role::Preparer => matches!(kind, Fb | Tg | Vc | Hu),
        Role::Approver => matches!(kind, Fb | Tg | Hu),
        Role::FinanceHead => matches!(kind, Fb | Tg),
        Role::Registrar | Role::RegistrarApprover => kind == Po,
        Role::RuleKeeper => matches!(kind, Fb | Po) && unit == Unit::PROVINCE,
        Role::HelperFinance => kind == Fb && unit.level() == Level::City && helper,
        Role::Inspector => kind == Di,
        Role::Auditor => kind == Au,
        Role::Reporter => true,
        Role::Notice => matches!(kind, Po | Vc),
        Role::Operator => kind == Op,
    }
}

/// Whether two roles must not be held at once by one official (5024).
pub fn conflict(a: Role, b: Role) -> bool {
    let inspects = |role| INSPECTORS.contains(&role);
    (a == Role::Preparer && inspects(b)) || (b == Role::Preparer && inspects(a))
}

/// Checks that the approver, if there is one, may approve a kind for a line's unit of account on the
/// posting date.
///
/// # Errors
/// `ApproverScope` (5023) at `approved_by`.
pub fn approver_covers(state: &State, ctx: &Ctx<'_>, kind: Kind, unit: Unit) -> Result<(), Fault> {
    let official = ctx.approved_by;
    if ctx.poster.is_none() || official.is_empty() {
        return Ok(());
    }
    if ctx.covered.get() == Some((kind, unit)) {
        return Ok(());
    }
    let roles = approving(kind, ctx.exception);
    if state.access.holds_over(official, roles, unit, ctx.today) {
        // Only what the lines of the voucher cannot change.
        if kind.group().is_money() {
            ctx.covered.set(Some((kind, unit)));
        }
        return Ok(());
    }
    let unit = Text::from(unit.to_string());
    Err(Reason::ApproverScope { official, unit }.on_place("approved_by"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_belongs_somewhere_and_money_never_to_inspectors() {
        let helps = |kind: OrgKind, unit: &str, role| {
            belongs(role, kind, Unit::parse(unit).unwrap(), unit == "4401")
        };
        for role in Role::ALL {
            let somewhere = OrgKind::ALL
                .iter()
                .any(|kind| helps(*kind, "44", *role) || helps(*kind, "4401", *role));
            assert!(somewhere, "{role}");
        }
        for kind in [OrgKind::Di, OrgKind::Au, OrgKind::Op] {
            for role in [Role::Preparer, Role::Approver, Role::Registrar, Role::RuleKeeper] {
                assert!(!helps(kind, "44", role), "{kind} {role}");
            }
        }
        assert!(helps(OrgKind::Fb, "4401", Role::HelperFinance));
        assert!(!helps(OrgKind::Fb, "4414", Role::HelperFinance));
        assert!(!helps(OrgKind::Fb, "4401", Role::RuleKeeper));
        assert!(
            conflict(Role::Auditor, Role::Preparer) && conflict(Role::Preparer, Role::Inspector)
        );
        assert!(!conflict(Role::Preparer, Role::Approver));
    }
}
