//! Closed months and bank balances as messages.

use proto::log::v1 as pb;
use record::{Fen, Record};

use super::money::set;
use super::project::period;
use super::{DecodeError, Payload, common, days, need, of_days, read_common};
use crate::event::Common;
use crate::event::period::{BalanceAsserted, PeriodClosed};
use crate::ids::{QuotaId, Unit};
use crate::kind::ALL_QUOTAS;
use crate::state::periods::MonthTotals;

fn unit(text: &str) -> Result<Unit, DecodeError> {
    need("unit", Unit::parse_exact(text))
}

impl Payload for PeriodClosed {
    type Message = pb::PeriodClosed;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set(&mut m.unit, self.unit.path().as_str());
        set(&mut m.period, &self.period.to_string());
        m.records = self.totals.records;
        m.amount_fen = self.totals.amount;
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let totals = MonthTotals { records: m.records, amount: m.amount_fen };
        let body = Self { unit: unit(&m.unit)?, period: period(&m.period)?, totals };
        Ok((body, read_common!(m)))
    }
}

impl Payload for BalanceAsserted {
    type Message = pb::BalanceAsserted;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set(&mut m.unit, self.unit.path().as_str());
        set(&mut m.quota, self.quota.as_ref().map_or(ALL_QUOTAS, QuotaId::as_str));
        m.date = days(self.date);
        m.amount_fen = self.amount.get();
        m.ledger_fen = self.ledger.get();
        m.difference_fen = self.difference.get();
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let quota = match m.quota.as_str() {
            ALL_QUOTAS => None,
            id => Some(need("quota", QuotaId::id(id))?),
        };
        let body = Self {
            unit: unit(&m.unit)?,
            quota,
            date: of_days("date", m.date)?,
            amount: Fen::new(m.amount_fen),
            ledger: Fen::new(m.ledger_fen),
            difference: Fen::new(m.difference_fen),
        };
        Ok((body, read_common!(m)))
    }
}
