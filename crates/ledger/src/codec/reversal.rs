//! Reversals as messages.

use proto::log::v1 as pb;
use record::{Record, Seq};

use super::money::{
    area, bank_ref, optional_id, purpose, reference, set, set_area, set_bytes, token, word,
};
use super::project::period;
use super::{DecodeError, Payload, common, need, read_common};
use crate::account::Legs;
use crate::event::Common;
use crate::event::reversal::Reversed;
use crate::ids::{BankRef, Date, LoanId, Purpose, TrancheId};
use crate::kind::Kind;

/// What stands for the tranche of an opening balance.
const OPENING: &str = "opening";

impl Payload for Reversed {
    type Message = pb::Reversed;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set(&mut m.r#ref, &self.original.text);
        m.ref_seq = self.original.seq.0;
        set(&mut m.reason, self.reason.as_str());
        m.original_date = i32::try_from(self.date.0).unwrap_or(i32::MAX);
        m.original_kind = u32::from(self.kind.number());
        m.original_ref_seq = self.referred.map_or(0, |seq| seq.0);
        set(&mut m.purpose, self.purpose.as_str());
        m.village.clear();
        if let Some(village) = self.village {
            set_area(&mut m.village, village);
        }
        let account = self.account.map(|token| token.0);
        set_bytes(&mut m.account, account.as_ref().map_or(&[], |bytes| bytes.as_slice()));
        set(&mut m.bank_ref, self.bank_ref.as_str());
        set(&mut m.loan, self.loan.as_str());
        let opening = self.kind == Kind::OpeningBalance;
        set(&mut m.tranche, if opening { OPENING } else { self.tranche.as_str() });
        set(&mut m.period, &self.period.map(|month| month.to_string()).unwrap_or_default());
    }

    fn read(m: &Self::Message, record: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let number = u16::try_from(m.original_kind).ok();
        let kind = need("original_kind", number.and_then(Kind::of_number))?;
        let legs = Legs::of_record(record).ok_or(DecodeError::Legs(Kind::Reversed))?;
        let tranche = match m.tranche.as_str() {
            OPENING if kind == Kind::OpeningBalance => TrancheId::EMPTY,
            _ => optional_id!(TrancheId, "tranche", m.tranche),
        };
        let body = Self {
            original: reference(&m.r#ref, m.ref_seq, record)?,
            reason: word("reason", &m.reason)?,
            date: Date(need("original_date", u32::try_from(m.original_date).ok())?),
            kind,
            legs: Box::new(legs),
            referred: (m.original_ref_seq != 0).then_some(Seq(m.original_ref_seq)),
            purpose: match m.purpose.as_str() {
                "" => Purpose::EMPTY,
                text => purpose(text)?,
            },
            village: match m.village.as_str() {
                "" => None,
                text => Some(area("village", text)?),
            },
            account: match m.account.as_slice() {
                [] => None,
                bytes => Some(token("account", bytes)?),
            },
            bank_ref: match m.bank_ref.as_str() {
                "" => BankRef::EMPTY,
                text => bank_ref(text)?,
            },
            loan: optional_id!(LoanId, "loan", m.loan),
            tranche,
            period: match m.period.as_str() {
                "" => None,
                text => Some(period(text)?),
            },
        };
        Ok((body, read_common!(m)))
    }
}
