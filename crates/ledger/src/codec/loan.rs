//! Loan events as messages.

use proto::log::v1 as pb;
use record::{Fen, Record};

use super::money::{set, set_bytes, token};
use super::registry::household;
use super::{DecodeError, Payload, common, days, need, of_days, read_common};
use crate::event::Common;
use crate::event::loan::{LoanClosed, LoanRegistered};
use crate::ids::LoanId;

fn id(text: &str) -> Result<LoanId, DecodeError> {
    need("loan", LoanId::id(text))
}

impl Payload for LoanRegistered {
    type Message = pb::LoanRegistered;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set(&mut m.loan, self.loan.as_str());
        m.household = self.household.to_string();
        set_bytes(&mut m.bank, &self.bank.0);
        m.principal_fen = self.principal.get();
        (m.months, m.rate_bp) = (self.months, self.rate_bp);
        m.start = days(self.start);
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let body = Self {
            loan: id(&m.loan)?,
            household: household("household", &m.household)?,
            bank: token("bank", &m.bank)?,
            principal: Fen::new(m.principal_fen),
            months: m.months,
            rate_bp: m.rate_bp,
            start: of_days("start", m.start)?,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for LoanClosed {
    type Message = pb::LoanClosed;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set(&mut m.loan, self.loan.as_str());
        m.household = self.household.to_string();
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let household = household("household", &m.household)?;
        Ok((Self { loan: id(&m.loan)?, household }, read_common!(m)))
    }
}
