//! Sent money that has not wholly arrived, with its age.

use ledger::ids::{Date, QuotaId, Unit};
use record::Seq;

use crate::projection::Projection;

/// One sent record with something still on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transit {
    /// Position of the 320 or 343.
    pub sent: Seq,
    /// Its quota.
    pub quota: QuotaId,
    /// Sender; `None` is the quota's source.
    pub from: Option<Unit>,
    /// Receiver.
    pub to_unit: Unit,
    /// Whether it is money sent back up (343).
    pub up: bool,
    /// Effective date of sending.
    pub date: Date,
    /// Sent, in fen.
    pub amount: i64,
    /// Received of it.
    pub received: i64,
    /// Returned of it.
    pub returned: i64,
    /// Still on its way.
    pub open: i64,
}

impl Transit {
    /// Returns its age in days on a date, 0 before it was sent.
    pub fn age_days(&self, on: Date) -> u32 {
        on.0.saturating_sub(self.date.0)
    }
}

/// Returns what is on its way, oldest record first.
pub fn transits(views: &Projection) -> Vec<Transit> {
    let open = views.transits.open(&views.names);
    open.into_iter()
        .map(|(way, sent)| Transit {
            sent: way.sent,
            quota: views.names.quota_id(way.quota.no),
            from: way.from.map(|place| place.unit),
            to_unit: way.to.unit,
            up: way.up,
            date: Date(sent.day),
            amount: sent.amount,
            received: sent.received,
            returned: sent.returned,
            open: sent.open().unwrap_or(i64::MAX),
        })
        .collect()
}
