//! From an event to a step: every name becomes a number, every reference what it refers to.
//!
//! Lives here: the one place that names every event. Lives elsewhere: what a step does (each view).
//!
//! Always: a record that is dated too late for a fold by date still gives names their meaning; a
//! reversal is the step of the reversed record, at its position and date, counted the other way.

mod money;
mod registry;
mod reversal;

use ledger::event::{At, Event};

use crate::drift::Drift;
use crate::projection::Projection;
use crate::step::{Sign, Step, What};

/// Returns what an event does to the views.
pub(crate) fn resolve(
    views: &mut Projection,
    at: &At,
    event: &Event,
    counts: bool,
) -> Result<Step, Drift> {
    let (seq, date, plus) = match event {
        Event::Reversed(e) => (e.original.seq, e.date, Sign::Minus),
        _ => (at.seq, at.date, Sign::Plus),
    };
    let sign = if counts { plus } else { Sign::Define };
    let what = match what(views, at, event)? {
        // A household that is entered too late for a fold by date has its number, and stands nowhere.
        What::Standing(_) if sign == Sign::Define => What::Nothing,
        what => what,
    };
    Ok(Step { seq, date, year: views.year(date), sign, what })
}

/// Every event by name: a new kind does not compile until it is said here what views show of it.
#[expect(clippy::too_many_lines, reason = "a table: a line an event")]
fn what(views: &mut Projection, at: &At, event: &Event) -> Result<What, Drift> {
    match event {
        Event::DisbursedToHousehold(e) => money::paid(views, e),
        Event::PaymentReturned(e) => money::repaid(views, &e.0),
        Event::OverpaymentRepaid(e) => money::repaid(views, &e.0),
        Event::DisbursedToProject(e) => money::project_paid(&mut views.names, e),
        Event::ProjectSurplusReturned(e) => money::project_repaid(&mut views.names, e),
        Event::BenefitAttributed(e) => money::attributed(views, &e.0, e.0.amount.get()),
        Event::BenefitWithdrawn(e) => {
            money::attributed(views, &e.0, e.0.amount.get().saturating_neg())
        }
        Event::IncomeDistributed(e) => {
            let household = money::target(views, e.target)?;
            Ok(What::Income { household, fen: e.amount.get() })
        }
        Event::OpeningBalance(e) => money::opened(&mut views.names, e),
        Event::TrancheOpened(e) => money::planned(&mut views.names, e),
        Event::QuotaIssued(e) => money::issued(&mut views.names, e),
        Event::QuotaReleased(e) => money::released(&mut views.names, e),
        Event::QuotaWithdrawn(e) => money::withdrawn(&mut views.names, e),
        Event::TransferSent(e) => money::sent(&mut views.names, at.seq, e),
        Event::FundsReturnedUp(e) => money::sent_up(&mut views.names, at.seq, e),
        Event::TransferReceived(e) => money::arrived(views, e.sent.seq, e.amount.get()),
        Event::TransferReturned(e) => money::bounced(views, e.sent.seq, e.amount.get()),
        Event::Reversed(e) => reversal::original(views, e),
        Event::HouseholdRegistered(e) => Ok(registry::registered(views, e)),
        Event::HouseholdAmended(e) => registry::amended(views, e),
        Event::HouseholdMoved(e) => registry::moved(views, e),
        Event::HouseholdSplit(e) => registry::split(views, e),
        Event::HouseholdsMerged(e) => registry::merged(views, e),
        Event::HouseholdExited(e) => registry::state(views, e.household, registry::EXITED),
        Event::HouseholdReturned(e) => registry::state(views, e.household, registry::REGISTERED),
        Event::HouseholdRemoved(e) => registry::state(views, e.household, registry::REMOVED),
        Event::HouseholdReinstated(e) => registry::state(views, e.household, registry::REGISTERED),
        Event::HouseholdDissolved(e) => registry::state(views, e.household, registry::DISSOLVED),
        Event::MemberAdded(e) => registry::members(views, e.household, 1),
        Event::MemberLeft(e) => registry::members(views, e.household, -1),
        Event::MemberDied(e) => registry::members(views, e.household, -1),
        Event::MemberMoved(e) => registry::member_moved(views, e),
        Event::VoucherPosted(_)
        | Event::IncomeDeclared(_)
        | Event::MemberAmended(_)
        | Event::AccountBound(_)
        | Event::AccountReleased(_)
        | Event::AreaRegistered(_)
        | Event::AreaAmended(_)
        | Event::AreaClosed(_)
        | Event::VillageExited(_)
        | Event::ProjectRegistered(_)
        | Event::ProjectAmended(_)
        | Event::ProjectClosed(_)
        | Event::LoanRegistered(_)
        | Event::LoanClosed(_)
        | Event::PeriodClosed(_)
        | Event::BalanceAsserted(_)
        | Event::FindingOpened(_)
        | Event::FindingExplained(_)
        | Event::FindingReferred(_)
        | Event::FindingClosed(_)
        | Event::FindingReopened(_)
        | Event::SchemeAdopted(_)
        | Event::PairingAdopted(_)
        | Event::PurposesAdopted(_)
        | Event::FlowsAdopted(_)
        | Event::CapRuleAdopted(_)
        | Event::ApprovalRuleAdopted(_)
        | Event::FlagParametersAdopted(_)
        | Event::AreasAdopted(_)
        | Event::BaselineSet(_)
        | Event::PeriodRuleAdopted(_)
        | Event::OrganisationRegistered(_)
        | Event::RoleGranted(_)
        | Event::RoleRevoked(_)
        | Event::OfficialKeyRegistered(_)
        | Event::CertificateBound(_)
        | Event::CertificateRevoked(_) => Ok(What::Nothing),
    }
}
