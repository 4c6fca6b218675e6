//! Facts made by hand: a few households, one quota and what happens to them, counted in days from a Monday.
//!
//! Lives here: events of the rules' tests. Lives elsewhere: what must happen to be an alert (`flag_cases`).
//!
//! Always: nothing is decided, so that each rule sees what only an exception or late knowledge could bring.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use ledger::codec::Codec;
use ledger::event::access::RoleGranted;
use ledger::event::money::{
    DisbursedToHousehold, PaymentReturned, QuotaIssued, Reference, Refund, TrancheOpened,
    TransferReceived, TransferSent, VoucherPosted, Word,
};
use ledger::event::registry::{
    AccountBound, Causes, HouseholdExited, HouseholdRegistered, MemberAdded, MemberDied,
    MemberLeft, Person,
};
use ledger::event::reversal::Reversed;
use ledger::event::rules::{Adoption, BaselineSet};
use ledger::event::{At, Common, Entry, Event};
use ledger::ids::{
    BankRef, Date, HouseholdCode, LoanId, OfficialId, OrgId, Purpose, QuotaId, Source, Token,
    TrancheId, Unit, VoucherNo,
};
use ledger::rules::SchemeKey;
use ledger::rules::baseline::Baseline;
use ledger::state::money::Sender;
use ledger::words::{AccountKind, AddedReason, Class, LeftReason, Programme, Role};
use record::{Fen, Record, Seq};
use views::flags::{Alert, Facts, Flag, alerts};

use crate::ledger_world::World;
use crate::world::{person, unit};

/// Day 0: Monday, 2017-01-02.
const DAY_0: u32 = 17_168;
/// A quota without cash, from long before day 0.
pub(crate) const QUOTA: &str = "Q-1";

/// Rules and flags as they are first.
static FOUNDED: LazyLock<Facts> = LazyLock::new(|| {
    let (mut facts, mut codec) = (Facts::new(), Codec::new());
    for bytes in World::new().log.0 {
        let record = Record::parse(&bytes).unwrap();
        if record.kind() < 100 {
            facts.pass(&record);
        } else {
            facts.apply(&At::of_record(&record), &codec.decode(&record).unwrap());
        }
    }
    facts
});

/// What happens, and when it is asked about.
pub(crate) struct Story {
    facts: Facts,
    events: BTreeMap<u64, (Date, Event)>,
    /// The day asked about; else the last one.
    pub(crate) ask: Option<Date>,
    pub(crate) prepared_by: &'static str,
    pub(crate) approved_by: &'static str,
}

/// A payment to a household on its own account, for P01.
#[derive(Clone, Copy)]
pub(crate) struct Pay {
    pub(crate) house: u16,
    pub(crate) day: i64,
    pub(crate) fen: i64,
    pub(crate) account: u16,
    pub(crate) member: Option<u8>,
    pub(crate) purpose: &'static str,
    pub(crate) quota: &'static str,
}

pub(crate) fn pay(house: u16, day: i64, fen: i64) -> Pay {
    Pay { house, day, fen, account: house, member: None, purpose: "P01", quota: QUOTA }
}

pub(crate) fn day(n: i64) -> Date {
    Date(u32::try_from(i64::from(DAY_0) + n).unwrap())
}

pub(crate) fn village() -> Unit {
    unit("441424901201")
}

pub(crate) fn town() -> Unit {
    unit("441424901")
}

pub(crate) fn code(house: u16) -> HouseholdCode {
    HouseholdCode::new(village(), house).unwrap()
}

/// The token of an account or, with a number from 1, of a member.
pub(crate) fn token(of: u16, no: u8) -> Token {
    let mut bytes = [no; 16];
    bytes[..2].copy_from_slice(&of.to_le_bytes());
    Token(bytes)
}

pub(crate) fn member(house: u16, no: u8) -> Person {
    Person { person: token(house, no), ..person(no) }
}

pub(crate) fn reference(seq: Seq) -> Reference {
    Reference { text: seq.to_string().into(), seq }
}

impl Story {
    pub(crate) fn new() -> Self {
        let mut story = Self {
            facts: FOUNDED.clone(),
            events: BTreeMap::new(),
            ask: None,
            prepared_by: "p.one",
            approved_by: "a.two",
        };
        story.issue(QUOTA, Source::P, -200, 1_000_000_000_000);
        story
    }

    /// Alerts of a flag on the day asked about.
    pub(crate) fn alerts(&self, flag: u8) -> Vec<Alert> {
        let date = self.ask.unwrap_or_else(|| self.facts.posted());
        alerts(&self.facts, date, Flag::of_number(flag))
    }

    /// Posts a voucher of some lines in the evening of the last day so far; returns its first line.
    pub(crate) fn post(&mut self, date: Date, lines: Vec<Event>) -> Seq {
        let official = |text: &str| OfficialId::new(text).unwrap();
        let first_seq = self.facts.next_seq();
        let header = VoucherPosted {
            organisation: OrgId::id("FB44").unwrap(),
            voucher_no: VoucherNo::id(&format!("V-{first_seq}")).unwrap(),
            doc_no: "".into(),
            prepared_by: official(self.prepared_by),
            approved_by: official(self.approved_by),
            exception_reason: "".into(),
            notice_ref: "".into(),
            line_count: lines.len() as u32,
            total: Fen::ZERO,
            total_given: true,
            content_digest: [0; 32],
            approval: None,
            approval_version: 1,
            period_version: 1,
        };
        let time_ms = u64::from(date.max(self.facts.posted()).0) * 86_400_000 + 36_000_000;
        for event in std::iter::once(Event::from(header)).chain(lines) {
            let seq = self.facts.next_seq();
            self.events.insert(seq.0, (date, event.clone()));
            let entry = Entry { event, common: Common::default() };
            self.facts.apply(&At { seq, time_ms, date, first_seq }, &entry);
        }
        first_seq.next()
    }

    pub(crate) fn one(&mut self, day_no: i64, event: impl Into<Event>) -> Seq {
        self.post(day(day_no), vec![event.into()])
    }

    /// Registers a household of so many members who can work, with an account of its first member.
    pub(crate) fn house(&mut self, house: u16, day: i64, members: u8) {
        let registered = HouseholdRegistered {
            household: code(house),
            village: village(),
            class: Class::General,
            causes: Causes::of(["illness"].into_iter()).unwrap(),
            helping_unit: None,
            members: (1..=members).map(|no| member(house, no)).collect(),
        };
        self.one(day, registered);
        self.bind(house, day, house, "");
    }

    /// Binds an account of the first member.
    pub(crate) fn bind(&mut self, house: u16, day: i64, account: u16, guardian_reason: &str) {
        let bound = AccountBound {
            household: code(house),
            account: token(account, 0),
            account_kind: AccountKind::Yikatong,
            holder: token(house, 1),
            guardian_reason: guardian_reason.into(),
            primary: true,
        };
        self.one(day, bound);
    }

    pub(crate) fn paid(pay: Pay) -> Event {
        let event = DisbursedToHousehold {
            quota: QuotaId::id(pay.quota).unwrap(),
            unit: town(),
            household: code(pay.house),
            member_no: pay.member,
            account: token(pay.account, 0),
            purpose: Purpose::new(pay.purpose).unwrap(),
            loan: LoanId::EMPTY,
            bank_ref: BankRef::new("B-pay").unwrap(),
            amount: Fen::new(pay.fen),
            village: village(),
            class: Class::General,
            heads: 1,
            exited: false,
            purposes_version: 1,
            flows_version: 1,
            cap_version: 1,
        };
        event.into()
    }

    pub(crate) fn pay(&mut self, pay: Pay) -> Seq {
        self.one(pay.day, Self::paid(pay))
    }

    /// Money comes back of a payment; nothing happens for 0 fen.
    pub(crate) fn refund(&mut self, day: i64, payment: Seq, fen: i64) {
        let Event::DisbursedToHousehold(paid) = self.events[&payment.0].1.clone() else { panic!() };
        let refund = Refund {
            quota: paid.quota,
            payment: reference(payment),
            unit: paid.unit,
            household: paid.household,
            reason: Word::new("bank").unwrap(),
            amount: Fen::new(fen),
            purpose: paid.purpose,
            village: paid.village,
            account: paid.account,
            loan: paid.loan,
        };
        if 0 < fen {
            self.one(day, PaymentReturned(refund));
        }
    }

    pub(crate) fn reverse(&mut self, day: i64, original: Seq) {
        let (date, event) = self.events[&original.0].clone();
        let reversed = Reversed {
            original: reference(original),
            reason: Word::new("amount").unwrap(),
            date,
            kind: event.kind(),
            legs: Box::new(event.legs().mirror().unwrap()),
            referred: None,
            purpose: Purpose::EMPTY,
            village: None,
            account: None,
            bank_ref: BankRef::EMPTY,
            loan: LoanId::EMPTY,
            tranche: TrancheId::EMPTY,
            period: None,
        };
        self.one(day, reversed);
    }

    /// Issues a quota of a source to the town, of the city of the town.
    pub(crate) fn issue(&mut self, quota: &str, source: Source, day: i64, fen: i64) {
        let issued = QuotaIssued {
            quota: QuotaId::id(quota).unwrap(),
            source,
            treasury: Unit::PROVINCE,
            home: unit("4414"),
            tranche: TrancheId::EMPTY,
            programme: Programme::parse(source.programme()).unwrap(),
            to: town(),
            amount: Fen::new(fen),
            year: 2017,
            issuer: OrgId::id("FB44").unwrap(),
            flows_version: 1,
            pairing_version: 0,
        };
        self.one(day, issued);
    }

    /// The source sends money of a quota to the town.
    pub(crate) fn send(&mut self, quota: &str, source: Source, day: i64, fen: i64) -> Seq {
        let sent = TransferSent {
            quota: QuotaId::id(quota).unwrap(),
            from: Sender::Source(source, Unit::PROVINCE),
            to: town(),
            bank_ref: BankRef::new("B-down").unwrap(),
            amount: Fen::new(fen),
            flows_version: 1,
        };
        self.one(day, sent)
    }

    /// The town has received it; nothing happens for 0 fen.
    pub(crate) fn receive(&mut self, quota: &str, sent: Seq, day: i64, fen: i64) {
        let received = TransferReceived {
            quota: QuotaId::id(quota).unwrap(),
            sent: reference(sent),
            at: town(),
            into: Sender::Unit(town()),
            amount: Fen::new(fen),
        };
        if 0 < fen {
            self.one(day, received);
        }
    }

    /// The city's plan: what the province, the helper and the city are to give.
    pub(crate) fn plan(&mut self, day: i64, parts: [i64; 3]) {
        let opened = TrancheOpened {
            tranche: TrancheId::id("T-1").unwrap(),
            home: unit("4414"),
            year: 2017,
            parts: parts.map(Fen::new),
            scheme: "GD-631".into(),
            scheme_key: SchemeKey::All,
            scheme_version: 1,
            weights: [6, 3, 1],
            baseline_version: 1,
            cap_version: 1,
            pairing_version: 1,
            heads: 1_000,
            helper: unit("4401"),
        };
        self.one(day, opened);
    }

    /// The city declares its heads.
    pub(crate) fn baseline(&mut self, heads: u64, counties: &[(&str, u64)]) {
        let counties = counties.iter().map(|(code, heads)| (unit(code), *heads)).collect();
        let adoption = Adoption { version: 1, effective_from: None, effective_to: None };
        let content = Arc::new(Baseline { heads, as_of: day(-200), counties });
        self.one(-100, BaselineSet { adoption, home_city: unit("4414"), content });
    }

    pub(crate) fn exit(&mut self, house: u16, day: i64) {
        self.one(day, HouseholdExited { household: code(house), year: 2017 });
    }

    pub(crate) fn join(&mut self, house: u16, day: i64, no: u8) {
        let (household, member) = (code(house), member(house, no));
        self.one(day, MemberAdded { household, member, reason: AddedReason::ALL[0] });
    }

    pub(crate) fn leave(&mut self, house: u16, day: i64, no: u8) {
        self.one(day, MemberLeft { household: code(house), no, reason: LeftReason::ALL[0] });
    }

    pub(crate) fn die(&mut self, house: u16, day_no: i64, no: u8) {
        self.one(day_no, MemberDied { household: code(house), no, died: day(day_no) });
    }

    /// A role of the town's finance, by the person of a staff number.
    pub(crate) fn grant(&mut self, official: &str, role: Role, person: Token, day: i64) {
        let granted = RoleGranted {
            official: OfficialId::new(official).unwrap(),
            organisation: OrgId::id("FB44").unwrap(),
            role,
            scope: vec![town()],
            person: Some(person),
        };
        self.one(day, granted);
    }
}
