//! Reversals: the step of the reversed record, made again from its legs, to be counted the other way.

use ledger::account::{Account, Legs};
use ledger::event::money::quota_of;
use ledger::event::reversal::Reversed;
use ledger::ids::{HouseholdCode, Source, Unit};
use ledger::kind::Kind;
use record::Fen;

use crate::drift::Drift;
use crate::names::{Place, Quota};
use crate::projection::Projection;
use crate::resolve::money;
use crate::step::{Payment, What};

/// Returns what the reversed record did.
pub(super) fn original(views: &mut Projection, e: &Reversed) -> Result<What, Drift> {
    let legs = &e.original_legs();
    let wrong = || Drift::Legs { kind: e.kind.name() };
    let fen = e.amount().get();
    Ok(match e.kind {
        Kind::OpeningBalance => opened(views, legs)?,
        Kind::TrancheOpened => planned(views, e, legs)?,
        Kind::QuotaIssued => {
            let to = place(views, legs, quota_in).ok_or_else(wrong)?;
            What::Issued { quota: quota(views, legs)?, to, fen }
        }
        Kind::QuotaReleased => {
            let from = place(views, legs, quota_out).ok_or_else(wrong)?;
            let to = place(views, legs, quota_in).ok_or_else(wrong)?;
            What::Released { quota: quota(views, legs)?, from, to, fen }
        }
        Kind::QuotaWithdrawn => {
            let from = place(views, legs, quota_out).ok_or_else(wrong)?;
            let to = place(views, legs, quota_in);
            What::Withdrawn { quota: quota(views, legs)?, from, to, fen }
        }
        Kind::TransferSent | Kind::FundsReturnedUp => {
            What::Sent { way: views.transits.way(e.original.seq, &views.names)?, fen }
        }
        Kind::TransferReceived => money::arrived(views, e.referred.ok_or_else(wrong)?, fen)?,
        Kind::TransferReturned => money::bounced(views, e.referred.ok_or_else(wrong)?, fen)?,
        Kind::DisbursedToHousehold | Kind::DisbursedToProject => {
            What::Paid(payment(views, e, legs, fen)?)
        }
        Kind::PaymentReturned | Kind::OverpaymentRepaid | Kind::ProjectSurplusReturned => {
            What::Repaid(payment(views, e, legs, fen)?)
        }
        Kind::BenefitAttributed => What::Attributed { household: household(views, legs)?, fen },
        Kind::BenefitWithdrawn => {
            let fen = fen.saturating_neg();
            What::Attributed { household: household(views, legs)?, fen }
        }
        Kind::IncomeDistributed => What::Income { household: household(views, legs)?, fen },
        // Nothing else has legs but a declared income, which no view shows.
        _ => What::Nothing,
    })
}

fn opened(views: &mut Projection, legs: &Legs) -> Result<What, Drift> {
    let quota = quota(views, legs)?;
    let size = |wanted: fn(&Account) -> bool| {
        let leg = legs.as_slice().iter().find(|(account, _)| wanted(account));
        leg.map_or(0, |(_, fen)| fen.get().saturating_abs())
    };
    Ok(What::Opened {
        quota,
        unit: views.names.place(quota.to),
        issued: size(|account| matches!(account, Account::Plan(..))),
        cash_in: size(|account| matches!(account, Account::Src(..))),
        paid_before: size(|account| matches!(account, Account::Prior(..))),
    })
}

fn planned(views: &Projection, e: &Reversed, legs: &Legs) -> Result<What, Drift> {
    let (tranche, found) = views.names.tranche_of(&e.tranche)?;
    let part = |wanted: Source| {
        let owed = legs.as_slice().iter();
        let leg = owed.filter(|(a, _)| matches!(a, Account::Owed(source, _) if *source == wanted));
        leg.map(|(_, fen)| fen.get()).next().unwrap_or(0)
    };
    Ok(What::Planned {
        tranche,
        home: found.home,
        helper: found.helper,
        year: found.year,
        parts: Source::SHARED.map(part),
    })
}

fn payment(views: &mut Projection, e: &Reversed, legs: &Legs, fen: i64) -> Result<Payment, Drift> {
    let holder = |(account, _): &(Account, Fen)| match account {
        Account::Hold(unit, _) => Some(*unit),
        _ => None,
    };
    let unit = place(views, legs, holder).ok_or(Drift::Legs { kind: e.kind.name() })?;
    let household = household(views, legs)?;
    Ok(Payment { quota: quota(views, legs)?, unit, household, purpose: e.purpose, fen })
}

fn quota(views: &Projection, legs: &Legs) -> Result<Quota, Drift> {
    let id = quota_of(legs).ok_or(Drift::Legs { kind: "record of a quota" })?;
    views.names.quota(&id)
}

/// Returns the number of the household in the legs; `None` when there is none.
fn household(views: &Projection, legs: &Legs) -> Result<Option<u32>, Drift> {
    let code = legs.as_slice().iter().find_map(|(account, _)| payee(account));
    code.map(|code| views.households.number(code)).transpose()
}

fn payee(account: &Account) -> Option<HouseholdCode> {
    match account {
        Account::Household(code)
        | Account::BenefitHousehold(code)
        | Account::IncomeHousehold(code) => Some(*code),
        _ => None,
    }
}

fn place(
    views: &mut Projection,
    legs: &Legs,
    wanted: impl Fn(&(Account, Fen)) -> Option<Unit>,
) -> Option<Place> {
    legs.as_slice().iter().find_map(wanted).map(|unit| views.names.place(unit))
}

fn quota_in((account, fen): &(Account, Fen)) -> Option<Unit> {
    match account {
        Account::Quota(unit, _) if Fen::ZERO < *fen => Some(*unit),
        _ => None,
    }
}

fn quota_out((account, fen): &(Account, Fen)) -> Option<Unit> {
    match account {
        Account::Quota(unit, _) if *fen < Fen::ZERO => Some(*unit),
        _ => None,
    }
}
