//! Money events and the header record as messages. Units, quotas, payees and amounts are read off the legs.

use proto::log::v1 as pb;
use record::{Fen, Record, Seq};

use super::{DecodeError, Payload, common, need, read_common};
use crate::account::{Account, Legs};
use crate::event::Common;
use crate::event::money::{
    BackTo, DisbursedToHousehold, FundsReturnedUp, OpeningBalance, OverpaymentRepaid,
    PaymentReturned, QuotaIssued, QuotaReleased, QuotaWithdrawn, Reference, Refund, Signed,
    TrancheOpened, TransferReceived, TransferReturned, TransferSent, VoucherPosted, Word,
};
use crate::ids::{
    BankRef, HouseholdCode, LoanId, OfficialId, OrgId, Purpose, QuotaId, Source, Token, TrancheId,
    Unit, VoucherNo, official,
};
use crate::kind::{Kind, SRC};
use crate::rules::SchemeKey;
use crate::state::money::Sender;
use crate::words::{Class, Programme};

/// Messages of the hot kinds, reused.
#[derive(Default)]
pub(crate) struct Scratch {
    disbursed: [pb::DisbursedToHousehold; 2],
}

// Reading legs.

/// The legs of a record of a kind, by sign.
pub(super) struct Movement {
    legs: Legs,
    kind: Kind,
}

impl Movement {
    pub(super) fn of(record: &Record<'_>, kind: Kind) -> Result<Self, DecodeError> {
        let legs = Legs::of_record(record).ok_or(DecodeError::Legs(kind))?;
        Ok(Self { legs, kind })
    }

    /// Says that the legs are not those of the kind.
    pub(super) fn wrong(&self) -> DecodeError {
        DecodeError::Legs(self.kind)
    }

    /// What a leg that moves money out says, and the amount.
    pub(super) fn out<T>(
        &self,
        wanted: impl Fn(&Account) -> Option<T>,
    ) -> Result<(T, Fen), DecodeError> {
        self.find(|fen| fen < Fen::ZERO, wanted).ok_or(self.wrong())
    }

    /// What a leg that moves money in says, and the amount.
    pub(super) fn got<T>(
        &self,
        wanted: impl Fn(&Account) -> Option<T>,
    ) -> Result<(T, Fen), DecodeError> {
        self.find(|fen| Fen::ZERO < fen, wanted).ok_or(self.wrong())
    }

    fn find<T>(
        &self,
        side: impl Fn(Fen) -> bool,
        wanted: impl Fn(&Account) -> Option<T>,
    ) -> Option<(T, Fen)> {
        self.legs.as_slice().iter().filter(|(_, fen)| side(*fen)).find_map(|(account, fen)| {
            let amount = if *fen < Fen::ZERO { fen.checked_neg()? } else { *fen };
            Some((wanted(account)?, amount))
        })
    }

    /// The body, when its own legs are the record's: then everything read off them was right.
    pub(super) fn agree<T: crate::event::Body>(&self, body: T) -> Result<T, DecodeError> {
        if body.legs() == self.legs { Ok(body) } else { Err(self.wrong()) }
    }
}

pub(super) fn hold(account: &Account) -> Option<(Unit, QuotaId)> {
    if let Account::Hold(unit, quota) = account { Some((*unit, *quota)) } else { None }
}

fn way(account: &Account) -> Option<(Unit, QuotaId)> {
    if let Account::Way(unit, quota) = account { Some((*unit, *quota)) } else { None }
}

fn quota(account: &Account) -> Option<(Unit, QuotaId)> {
    if let Account::Quota(unit, quota) = account { Some((*unit, *quota)) } else { None }
}

fn sender(account: &Account) -> Option<Sender> {
    match account {
        Account::Src(source, treasury, _) => Some(Sender::Source(*source, *treasury)),
        Account::Hold(unit, _) => Some(Sender::Unit(*unit)),
        _ => None,
    }
}

fn household(account: &Account) -> Option<HouseholdCode> {
    if let Account::Household(code) = account { Some(*code) } else { None }
}

// Texts and ids.

/// Sets a text without giving up its buffer.
pub(super) fn set(slot: &mut String, text: &str) {
    slot.clear();
    slot.push_str(text);
}

pub(super) fn set_bytes(slot: &mut Vec<u8>, bytes: &[u8]) {
    slot.clear();
    slot.extend_from_slice(bytes);
}

/// Sets an area code of twelve digits.
pub(super) fn set_area(slot: &mut String, unit: Unit) {
    set(slot, unit.area_text().as_str());
}

pub(super) fn area(field: &'static str, text: &str) -> Result<Unit, DecodeError> {
    need(field, Unit::parse_area(text))
}

fn unit(field: &'static str, text: &str) -> Result<Unit, DecodeError> {
    need(field, Unit::parse_exact(text))
}

/// An id that may be absent.
macro_rules! optional_id {
    ($ty:ty, $field:literal, $text:expr) => {
        match $text.as_str() {
            "" => <$ty>::EMPTY,
            text => need($field, <$ty>::id(text))?,
        }
    };
}
pub(super) use optional_id;

pub(super) fn purpose(text: &str) -> Result<Purpose, DecodeError> {
    need("purpose", crate::rules::purposes::code(text))
}

pub(super) fn bank_ref(text: &str) -> Result<BankRef, DecodeError> {
    need("bank_ref", BankRef::new(text).filter(|text| !text.is_empty()))
}

fn programme(text: &str) -> Result<Programme, DecodeError> {
    need("programme", Programme::parse(text))
}

fn source(text: &str) -> Result<Source, DecodeError> {
    need("source", Source::parse(text))
}

pub(super) fn word(field: &'static str, text: &str) -> Result<Word, DecodeError> {
    need(field, Word::new(text))
}

pub(super) fn token(field: &'static str, bytes: &[u8]) -> Result<Token, DecodeError> {
    need(field, Token::of(bytes))
}

pub(super) fn reference(
    text: &str,
    seq: u64,
    record: &Record<'_>,
) -> Result<Reference, DecodeError> {
    let seq = need("ref_seq", Some(Seq(seq)).filter(|seq| *seq < record.seq()))?;
    Ok(Reference { text: text.into(), seq })
}

impl Payload for VoucherPosted {
    type Message = pb::VoucherPosted;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set(&mut m.organisation, self.organisation.as_str());
        set(&mut m.voucher_no, self.voucher_no.as_str());
        set(&mut m.doc_no, &self.doc_no);
        set(&mut m.prepared_by, self.prepared_by.as_str());
        set(&mut m.approved_by, self.approved_by.as_str());
        set(&mut m.exception_reason, &self.exception_reason);
        set(&mut m.notice_ref, &self.notice_ref);
        m.line_count = self.line_count;
        m.total_fen = self.total.get();
        m.total_given = self.total_given;
        m.content_digest = self.content_digest.to_vec();
        let (signature, key) = match &self.approval {
            Some(signed) => (signed.signature.to_vec(), signed.key.to_vec()),
            None => (Vec::new(), Vec::new()),
        };
        m.approval_signature = signature;
        m.approver_key = key;
        m.approval_version = self.approval_version;
        m.period_version = self.period_version;
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let approval = match (m.approval_signature.as_slice(), m.approver_key.as_slice()) {
            ([], []) => None,
            (signature, key) => Some(Signed {
                signature: need("approval_signature", signature.try_into().ok())?,
                key: need("approver_key", key.try_into().ok())?,
            }),
        };
        let approved_by = match m.approved_by.as_str() {
            "" => OfficialId::EMPTY,
            text => need("approved_by", official(text))?,
        };
        let body = Self {
            organisation: need("organisation", OrgId::id(&m.organisation))?,
            voucher_no: need("voucher_no", VoucherNo::id(&m.voucher_no))?,
            doc_no: m.doc_no.as_str().into(),
            prepared_by: need("prepared_by", official(&m.prepared_by))?,
            approved_by,
            exception_reason: m.exception_reason.as_str().into(),
            notice_ref: m.notice_ref.as_str().into(),
            line_count: m.line_count,
            total: Fen::new(m.total_fen),
            total_given: m.total_given,
            content_digest: need("content_digest", m.content_digest.as_slice().try_into().ok())?,
            approval,
            approval_version: m.approval_version,
            period_version: m.period_version,
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for OpeningBalance {
    type Message = pb::OpeningBalance;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set(&mut m.source, self.source.letter());
        set(&mut m.treasury, self.treasury.path().as_str());
        set(&mut m.home_city, self.home.path().as_str());
        set(&mut m.programme, self.programme.name());
        set(&mut m.issuer, self.issuer.as_str());
        m.year = self.year;
        m.baseline_version = self.baseline_version;
        m.cap_version = self.cap_version;
        m.heads = self.heads;
    }

    fn read(m: &Self::Message, record: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let legs = Movement::of(record, Kind::OpeningBalance)?;
        let zero = |found: Result<((), Fen), DecodeError>| found.map_or(Fen::ZERO, |((), fen)| fen);
        let is = |wanted: fn(&Account) -> bool| move |a: &Account| wanted(a).then_some(());
        let ((), issued) = legs.out(is(|a| matches!(a, Account::Plan(..))))?;
        let cash_in = zero(legs.out(is(|a| matches!(a, Account::Src(..)))));
        let paid_before = zero(legs.got(is(|a| matches!(a, Account::Prior(..)))));
        let ((unit_of, id), _) = legs.got(|a| match a {
            Account::Quota(unit, quota) | Account::Used(unit, quota) => Some((*unit, *quota)),
            _ => None,
        })?;
        let body = Self {
            quota: id,
            source: source(&m.source)?,
            treasury: unit("treasury", &m.treasury)?,
            home: unit("home_city", &m.home_city)?,
            programme: programme(&m.programme)?,
            unit: unit_of,
            issued,
            cash_in,
            paid_before,
            issuer: need("issuer", OrgId::id(&m.issuer))?,
            year: m.year,
            baseline_version: m.baseline_version,
            cap_version: m.cap_version,
            heads: m.heads,
        };
        Ok((legs.agree(body)?, read_common!(m)))
    }
}

impl Payload for TrancheOpened {
    type Message = pb::TrancheOpened;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set(&mut m.tranche, self.tranche.as_str());
        m.year = self.year;
        set(&mut m.scheme, &self.scheme);
        set(&mut m.scheme_key, &self.scheme_key.to_string());
        m.scheme_version = self.scheme_version;
        m.weights = self.weights.to_vec();
        m.baseline_version = self.baseline_version;
        m.cap_version = self.cap_version;
        m.pairing_version = self.pairing_version;
        m.heads = self.heads;
        set(&mut m.helper, self.helper.path().as_str());
    }

    fn read(m: &Self::Message, record: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let legs = Movement::of(record, Kind::TrancheOpened)?;
        let owed = |a: &Account| if let Account::Owed(_, city) = a { Some(*city) } else { None };
        let (home, _) = legs.got(owed)?;
        let part = |source: Source| {
            let found = legs.got(|a| (*a == Account::Owed(source, home)).then_some(()));
            found.map_or(Fen::ZERO, |((), fen)| fen)
        };
        let body = Self {
            tranche: need("tranche", TrancheId::id(&m.tranche))?,
            home,
            year: m.year,
            parts: Source::SHARED.map(part),
            scheme: m.scheme.as_str().into(),
            scheme_key: need("scheme_key", SchemeKey::parse(&m.scheme_key))?,
            scheme_version: m.scheme_version,
            weights: need("weights", m.weights.as_slice().try_into().ok())?,
            baseline_version: m.baseline_version,
            cap_version: m.cap_version,
            pairing_version: m.pairing_version,
            heads: m.heads,
            helper: unit("helper", &m.helper)?,
        };
        Ok((legs.agree(body)?, read_common!(m)))
    }
}

impl Payload for QuotaIssued {
    type Message = pb::QuotaIssued;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set(&mut m.source, self.source.letter());
        set(&mut m.treasury, self.treasury.path().as_str());
        set(&mut m.home_city, self.home.path().as_str());
        set(&mut m.tranche, self.tranche.as_str());
        set(&mut m.programme, self.programme.name());
        m.year = self.year;
        set(&mut m.issuer, self.issuer.as_str());
        m.flows_version = self.flows_version;
        m.pairing_version = self.pairing_version;
    }

    fn read(m: &Self::Message, record: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let legs = Movement::of(record, Kind::QuotaIssued)?;
        let ((to, id), amount) = legs.got(quota)?;
        let body = Self {
            quota: id,
            source: source(&m.source)?,
            treasury: unit("treasury", &m.treasury)?,
            home: unit("home_city", &m.home_city)?,
            tranche: optional_id!(TrancheId, "tranche", m.tranche),
            programme: programme(&m.programme)?,
            to,
            amount,
            year: m.year,
            issuer: need("issuer", OrgId::id(&m.issuer))?,
            flows_version: m.flows_version,
            pairing_version: m.pairing_version,
        };
        Ok((legs.agree(body)?, read_common!(m)))
    }
}

impl Payload for QuotaReleased {
    type Message = pb::QuotaReleased;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        m.flows_version = self.flows_version;
    }

    fn read(m: &Self::Message, record: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let legs = Movement::of(record, Kind::QuotaReleased)?;
        let ((from, id), amount) = legs.out(quota)?;
        let ((to, _), _) = legs.got(quota)?;
        let body = Self { quota: id, from, to, amount, flows_version: m.flows_version };
        Ok((legs.agree(body)?, read_common!(m)))
    }
}

impl Payload for QuotaWithdrawn {
    type Message = pb::QuotaWithdrawn;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        m.flows_version = self.flows_version;
    }

    fn read(m: &Self::Message, record: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let legs = Movement::of(record, Kind::QuotaWithdrawn)?;
        let ((from, id), amount) = legs.out(quota)?;
        let (back_to, _) = legs.got(|account| match account {
            Account::Quota(unit, _) => Some(BackTo::Unit(*unit)),
            Account::Owed(source, home) | Account::Plan(source, home) => {
                Some(BackTo::Source(*source, *home))
            }
            _ => None,
        })?;
        let body = Self { quota: id, from, back_to, amount, flows_version: m.flows_version };
        Ok((legs.agree(body)?, read_common!(m)))
    }
}

impl Payload for TransferSent {
    type Message = pb::TransferSent;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set(&mut m.bank_ref, self.bank_ref.as_str());
        m.flows_version = self.flows_version;
    }

    fn read(m: &Self::Message, record: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let legs = Movement::of(record, Kind::TransferSent)?;
        let (from, amount) = legs.out(sender)?;
        let ((to, id), _) = legs.got(way)?;
        let body = Self {
            quota: id,
            from,
            to,
            bank_ref: bank_ref(&m.bank_ref)?,
            amount,
            flows_version: m.flows_version,
        };
        Ok((legs.agree(body)?, read_common!(m)))
    }
}

impl Payload for TransferReceived {
    type Message = pb::TransferReceived;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set(&mut m.r#ref, &self.sent.text);
        m.ref_seq = self.sent.seq.0;
    }

    fn read(m: &Self::Message, record: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let legs = Movement::of(record, Kind::TransferReceived)?;
        let ((at, id), amount) = legs.out(way)?;
        let (into, _) = legs.got(sender)?;
        let sent = reference(&m.r#ref, m.ref_seq, record)?;
        let body = Self { quota: id, sent, at, into, amount };
        Ok((legs.agree(body)?, read_common!(m)))
    }
}

impl Payload for TransferReturned {
    type Message = pb::TransferReturned;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set(&mut m.r#ref, &self.sent.text);
        m.ref_seq = self.sent.seq.0;
    }

    fn read(m: &Self::Message, record: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let legs = Movement::of(record, Kind::TransferReturned)?;
        let ((at, id), amount) = legs.out(way)?;
        let (back_to, _) = legs.got(sender)?;
        let sent = reference(&m.r#ref, m.ref_seq, record)?;
        let body = Self { quota: id, sent, at, back_to, amount };
        Ok((legs.agree(body)?, read_common!(m)))
    }
}

impl Payload for FundsReturnedUp {
    type Message = pb::FundsReturnedUp;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set(&mut m.bank_ref, self.bank_ref.as_str());
        m.flows_version = self.flows_version;
        set(&mut m.to, if self.to_source { SRC } else { "" });
    }

    fn read(m: &Self::Message, record: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let legs = Movement::of(record, Kind::FundsReturnedUp)?;
        let ((from, id), amount) = legs.out(hold)?;
        let ((to, _), _) = legs.got(way)?;
        let to_source = match m.to.as_str() {
            "" => false,
            text => need("to", (text == SRC).then_some(true))?,
        };
        let body = Self {
            quota: id,
            from,
            to,
            to_source,
            bank_ref: bank_ref(&m.bank_ref)?,
            amount,
            flows_version: m.flows_version,
        };
        Ok((legs.agree(body)?, read_common!(m)))
    }
}

/// What the legs of a 330 say. Ten million records have them: they are not parsed one by one and compared
/// with the body's afterwards, but read in the one order that sorted paths have.
struct PaymentLegs {
    unit: Unit,
    quota: QuotaId,
    household: HouseholdCode,
    amount: Fen,
}

impl PaymentLegs {
    fn of(record: &Record<'_>) -> Option<Self> {
        let mut legs = record.legs();
        let (to, from) = (legs.next()?, legs.next()?);
        let (lost, used) = (legs.next()?, legs.next()?);
        let holder = from.path.strip_prefix("C.hold.")?;
        let same = lost.path.strip_prefix("Q.quota.")? == holder
            && used.path.strip_prefix("Q.used.")? == holder;
        let out = to.fen.checked_neg()?;
        let exact = 0 < to.fen && [from.fen, lost.fen, used.fen] == [out, out, to.fen];
        if !same || !exact || legs.next().is_some() {
            return None;
        }
        let (unit, quota) = holder.split_once('.')?;
        Some(Self {
            unit: Unit::parse_exact(unit)?,
            quota: QuotaId::id(quota)?,
            household: HouseholdCode::parse(to.path.strip_prefix("C.hh.")?).ok()?,
            amount: Fen::new(to.fen),
        })
    }
}

impl Payload for DisbursedToHousehold {
    type Message = pb::DisbursedToHousehold;

    fn slot(scratch: &mut Scratch) -> Option<&mut [Self::Message; 2]> {
        Some(&mut scratch.disbursed)
    }

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set_bytes(&mut m.account, &self.account.0);
        set(&mut m.purpose, self.purpose.as_str());
        set(&mut m.bank_ref, self.bank_ref.as_str());
        set_area(&mut m.village, self.village);
        set(&mut m.class, self.class.name());
        m.heads = self.heads;
        m.purposes_version = self.purposes_version;
        m.flows_version = self.flows_version;
        m.cap_version = self.cap_version;
        m.member_no = self.member_no.map(u32::from);
        set(&mut m.loan, self.loan.as_str());
        m.exited = self.exited;
    }

    fn read(m: &Self::Message, record: &Record<'_>) -> Result<(Self, Common), DecodeError> {
        let legs = PaymentLegs::of(record).ok_or(DecodeError::Legs(Kind::DisbursedToHousehold))?;
        let PaymentLegs { unit, quota: id, household, amount } = legs;
        let no = m.member_no.map(|no| u8::try_from(no).ok());
        let body = Self {
            quota: id,
            unit,
            household,
            member_no: no.map(|no| need("member_no", no)).transpose()?,
            account: token("account", &m.account)?,
            purpose: purpose(&m.purpose)?,
            loan: optional_id!(LoanId, "loan", m.loan),
            bank_ref: bank_ref(&m.bank_ref)?,
            amount,
            village: area("village", &m.village)?,
            class: need("class", Class::parse(&m.class))?,
            heads: m.heads,
            exited: m.exited,
            purposes_version: m.purposes_version,
            flows_version: m.flows_version,
            cap_version: m.cap_version,
        };
        Ok((body, read_common!(m)))
    }
}

macro_rules! refunds {
    ($($name:ident),*) => {
        $(impl Payload for $name {
            type Message = pb::$name;

            fn fill(&self, common: &Common, m: &mut Self::Message) {
                common!(m, common);
                let refund = &self.0;
                set(&mut m.r#ref, &refund.payment.text);
                m.ref_seq = refund.payment.seq.0;
                set(&mut m.reason, refund.reason.as_str());
                set(&mut m.purpose, refund.purpose.as_str());
                set_area(&mut m.village, refund.village);
                set_bytes(&mut m.account, &refund.account.0);
                set(&mut m.loan, refund.loan.as_str());
            }

            fn read(m: &Self::Message, record: &Record<'_>) -> Result<(Self, Common), DecodeError> {
                let legs = Movement::of(record, Kind::$name)?;
                let (household, amount) = legs.out(household)?;
                let ((unit, id), _) = legs.got(hold)?;
                let body = Self(Refund {
                    quota: id,
                    payment: reference(&m.r#ref, m.ref_seq, record)?,
                    unit,
                    household,
                    reason: word("reason", &m.reason)?,
                    amount,
                    purpose: purpose(&m.purpose)?,
                    village: area("village", &m.village)?,
                    account: token("account", &m.account)?,
                    loan: optional_id!(LoanId, "loan", m.loan),
                });
                Ok((legs.agree(body)?, read_common!(m)))
            }
        })*
    };
}
refunds!(PaymentReturned, OverpaymentRepaid);
