//! Closed months and bank balances. Neither has legs.
//!
//! Source: domain contract, 4.3 and 7.4.

use record::Fen;

use super::{At, Body, Booked, Drift};
use crate::field::Field;
use crate::ids::{Date, QuotaId, Unit};
use crate::kind::ALL_QUOTAS;
use crate::reject::Month;
use crate::state::State;
use crate::state::periods::MonthTotals;
use crate::voucher::VoucherBuilder;

/// Kind 370: a unit closes a month for ever, and with it the empty ones before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeriodClosed {
    /// Unit.
    pub unit: Unit,
    /// Month.
    pub period: Month,
    /// Control totals, which are the ledger's.
    pub totals: MonthTotals,
}

impl Body for PeriodClosed {
    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Unit, self.unit.path().as_str())
            .text(Field::Period, &self.period.to_string())
            // The form checks pass no number of records beyond.
            .int(Field::Records, i64::try_from(self.totals.records).unwrap_or(i64::MAX))
            .int(Field::Amount, self.totals.amount);
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.periods.close(self.unit, self.period.0, at.seq)
    }
}

/// Kind 371: what the bank says a unit holds. A difference is recorded, never refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BalanceAsserted {
    /// Unit.
    pub unit: Unit,
    /// Quota; `None`: all of them.
    pub quota: Option<QuotaId>,
    /// Day of the bank's balance.
    pub date: Date,
    /// The bank's balance.
    pub amount: Fen,
    /// What the unit held on that day, by what was known at the posting.
    pub ledger: Fen,
    /// Bank less ledger.
    pub difference: Fen,
}

impl Body for BalanceAsserted {
    fn booked(&self, _: &State) -> Option<Booked> {
        Some(Booked { unit: self.unit, counted: None })
    }

    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Unit, self.unit.path().as_str())
            .text(Field::Quota, self.quota.as_ref().map_or(ALL_QUOTAS, QuotaId::as_str))
            .text(Field::Date, &self.date.to_string())
            .int(Field::Amount, self.amount.get());
    }

    /// Nothing: no balance changes, and who looks for differences reads the records.
    fn evolve(&self, _: &mut State, _: &At) -> Result<(), Drift> {
        Ok(())
    }
}
