//! Money events: amounts and places as they stand in the event.

use ledger::event::money::{
    BackTo, DisbursedToHousehold, FundsReturnedUp, OpeningBalance, QuotaIssued, QuotaReleased,
    QuotaWithdrawn, Refund, TrancheOpened, TransferSent,
};
use ledger::event::project::{Benefit, DisbursedToProject, ProjectSurplusReturned};
use ledger::ids::TrancheId;
use ledger::state::money::Sender;
use ledger::state::project::Target;
use record::{Fen, Seq};

use crate::drift::Drift;
use crate::names::{Names, OPENING, Quota, Tranche};
use crate::projection::Projection;
use crate::step::{Payment, Way, What};
use crate::table::No;

fn year(year: u32) -> u16 {
    u16::try_from(year).unwrap_or(u16::MAX)
}

/// 310.
pub(super) fn opened(names: &mut Names, e: &OpeningBalance) -> Result<What, Drift> {
    let tranche = names.tranche(&TrancheId::new(OPENING).unwrap_or_default());
    let quota = Quota {
        no: 0,
        source: e.source,
        treasury: e.treasury,
        home: e.home,
        to: e.unit,
        tranche,
        year: year(e.year),
    };
    let quota = names.define(e.quota, quota)?;
    let (issued, cash_in, paid_before) = (e.issued.get(), e.cash_in.get(), e.paid_before.get());
    Ok(What::Opened { quota, unit: names.place(e.unit), issued, cash_in, paid_before })
}

/// 311.
pub(super) fn planned(names: &mut Names, e: &TrancheOpened) -> Result<What, Drift> {
    let (home, helper, year) = (e.home, e.helper, year(e.year));
    let tranche = names.define_tranche(&e.tranche, Tranche { home, year, helper })?;
    Ok(What::Planned { tranche, home, helper, year, parts: e.parts.map(Fen::get) })
}

/// 312.
pub(super) fn issued(names: &mut Names, e: &QuotaIssued) -> Result<What, Drift> {
    let tranche = names.tranche(&e.tranche);
    let quota = Quota {
        no: 0,
        source: e.source,
        treasury: e.treasury,
        home: e.home,
        to: e.to,
        tranche,
        year: year(e.year),
    };
    let quota = names.define(e.quota, quota)?;
    Ok(What::Issued { quota, to: names.place(e.to), fen: e.amount.get() })
}

/// 313.
pub(super) fn released(names: &mut Names, e: &QuotaReleased) -> Result<What, Drift> {
    let quota = names.quota(&e.quota)?;
    let (from, to) = (names.place(e.from), names.place(e.to));
    Ok(What::Released { quota, from, to, fen: e.amount.get() })
}

/// 314.
pub(super) fn withdrawn(names: &mut Names, e: &QuotaWithdrawn) -> Result<What, Drift> {
    let quota = names.quota(&e.quota)?;
    let to = match e.back_to {
        BackTo::Unit(unit) => Some(names.place(unit)),
        BackTo::Source(..) => None,
    };
    Ok(What::Withdrawn { quota, from: names.place(e.from), to, fen: e.amount.get() })
}

/// 320.
pub(super) fn sent(names: &mut Names, sent: Seq, e: &TransferSent) -> Result<What, Drift> {
    let from = match e.from {
        Sender::Source(..) => None,
        Sender::Unit(unit) => Some(names.place(unit)),
    };
    let (quota, to) = (names.quota(&e.quota)?, names.place(e.to));
    let way = Way { sent, quota, from, to, up: false, to_source: false };
    Ok(What::Sent { way, fen: e.amount.get() })
}

/// 343.
pub(super) fn sent_up(names: &mut Names, sent: Seq, e: &FundsReturnedUp) -> Result<What, Drift> {
    let (quota, to, to_source) = (names.quota(&e.quota)?, names.place(e.to), e.to_source);
    let way = Way { sent, quota, from: Some(names.place(e.from)), to, up: true, to_source };
    Ok(What::Sent { way, fen: e.amount.get() })
}

/// 321.
pub(super) fn arrived(views: &Projection, sent: Seq, fen: i64) -> Result<What, Drift> {
    Ok(What::Arrived { way: views.transits.way(sent, &views.names)?, fen })
}

/// 322.
pub(super) fn bounced(views: &Projection, sent: Seq, fen: i64) -> Result<What, Drift> {
    Ok(What::Bounced { way: views.transits.way(sent, &views.names)?, fen })
}

/// 330.
pub(super) fn paid(views: &mut Projection, e: &DisbursedToHousehold) -> Result<What, Drift> {
    Ok(What::Paid(Payment {
        quota: views.names.quota(&e.quota)?,
        unit: views.names.place(e.unit),
        household: Some(views.households.number(e.household)?),
        purpose: e.purpose,
        fen: e.amount.get(),
    }))
}

/// 340, 341.
pub(super) fn repaid(views: &mut Projection, e: &Refund) -> Result<What, Drift> {
    Ok(What::Repaid(Payment {
        quota: views.names.quota(&e.quota)?,
        unit: views.names.place(e.unit),
        household: Some(views.households.number(e.household)?),
        purpose: e.purpose,
        fen: e.amount.get(),
    }))
}

/// 331.
pub(super) fn project_paid(names: &mut Names, e: &DisbursedToProject) -> Result<What, Drift> {
    let (quota, unit) = (names.quota(&e.quota)?, names.place(e.unit));
    let (purpose, fen) = (e.purpose, e.amount.get());
    Ok(What::Paid(Payment { quota, unit, household: None, purpose, fen }))
}

/// 342.
pub(super) fn project_repaid(names: &mut Names, e: &ProjectSurplusReturned) -> Result<What, Drift> {
    let (quota, unit) = (names.quota(&e.quota)?, names.place(e.unit));
    let (purpose, fen) = (e.purpose, e.amount.get());
    Ok(What::Repaid(Payment { quota, unit, household: None, purpose, fen }))
}

/// 332; 333 with an amount below zero.
pub(super) fn attributed(views: &Projection, e: &Benefit, fen: i64) -> Result<What, Drift> {
    Ok(What::Attributed { household: target(views, e.target)?, fen })
}

/// Returns the number of a household; `None` for a village collective, which no view shows.
pub(super) fn target(views: &Projection, target: Target) -> Result<Option<No>, Drift> {
    match target {
        Target::Household(code) => views.households.number(code).map(Some),
        Target::Village(_) => Ok(None),
    }
}
