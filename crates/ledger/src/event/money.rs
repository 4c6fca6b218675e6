//! Money events, and the header record of a voucher.
//!
//! Lives here: what each kind of record says, its legs, its line's fields, what it changes.
//! Lives elsewhere: when it may be posted (`kinds`), balances (`state::money`), projects (`event::project`).
//!
//! Always: all that moves a balance stands in the legs; beside them an event changes marks, sums and rows,
//! and a reversal changes all of them back.

use record::{Fen, Seq};

use super::{At, Body, Booked, Drift};
use crate::account::{Account, Legs, household_text};
use crate::field::Field;
use crate::ids::{
    Ascii, BankRef, HouseholdCode, LoanId, OfficialId, OrgId, Purpose, QuotaId, Source, Token,
    TrancheId, Unit, VoucherNo,
};
use crate::kind::{Kind, SRC};
use crate::rules::SchemeKey;
use crate::state::State;
use crate::state::money::{BankUse, Money, Payee, Quota, Sender, Tranche};
use crate::voucher::VoucherBuilder;
use crate::words::{Class, Programme};

/// A word of a line, e.g. a reason.
pub type Word = Ascii<40>;

/// Kind 300: a voucher was accepted. The soft codes skipped for the voucher itself and the header's memo
/// stand in the entry's common part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VoucherPosted {
    /// Posting organisation; with the number the key.
    pub organisation: OrgId,
    /// Voucher number.
    pub voucher_no: VoucherNo,
    /// Document number; empty when there is none.
    pub doc_no: Box<str>,
    /// Who prepared it.
    pub prepared_by: OfficialId,
    /// Who approved it; empty when nobody had to.
    pub approved_by: OfficialId,
    /// Why soft refusals were passed over; empty when none could be.
    pub exception_reason: Box<str>,
    /// Number of the public notice; empty when there is none.
    pub notice_ref: Box<str>,
    /// Number of lines.
    pub line_count: u32,
    /// Sum of the amounts.
    pub total: Fen,
    /// Whether the poster stated the total.
    pub total_given: bool,
    /// Content digest.
    pub content_digest: [u8; 32],
    /// Key and signature of the approver, when one is registered.
    pub approval: Option<Signed>,
    /// Version of the approval rule that was asked; 0: none stood.
    pub approval_version: u32,
    /// Version of the period rule that was asked; 0: none stood.
    pub period_version: u32,
}

/// An approver's signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signed {
    /// Ed25519 over the approval text.
    pub signature: [u8; 64],
    /// The key that made it.
    pub key: [u8; 32],
}

impl Body for VoucherPosted {
    /// None: its fields are the header's.
    fn fields(&self, _: &mut VoucherBuilder) {}

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.money.note_voucher(self.organisation, self.voucher_no, at);
        Ok(())
    }
}

/// Makes a movement's two legs. Events have few enough legs and amounts that negate.
pub(super) fn two(from: Account, to: Account, fen: Fen) -> Legs {
    let mut legs = Legs::default();
    let fits = legs.transfer(from, to, fen);
    debug_assert!(fits.is_some(), "two legs fit");
    legs
}

/// Adds legs behind others.
pub(super) fn and(mut legs: Legs, from: Account, to: Account, fen: Fen) -> Legs {
    let fits = legs.transfer(from, to, fen);
    debug_assert!(fits.is_some(), "six legs fit");
    legs
}

pub(super) fn negative(fen: Fen) -> i64 {
    fen.get().saturating_neg()
}

/// The unit whose month a record counts into and whose scope an approver needs, read off kind and legs.
/// `None`: the kind has no such unit, or the legs are not the kind's.
///
/// Source: domain contract, 7.4.
pub fn unit_of_account(state: &State, kind: Kind, legs: &Legs) -> Option<Unit> {
    let treasury = |id| state.money.quota(id).map(|(_, quota)| quota.treasury);
    let out = |wanted: fn(&Account) -> Option<Unit>| {
        legs.as_slice().iter().filter(|(_, fen)| *fen < Fen::ZERO).find_map(|(a, _)| wanted(a))
    };
    let into = |wanted: fn(&Account) -> Option<Unit>| {
        legs.as_slice().iter().filter(|(_, fen)| Fen::ZERO < *fen).find_map(|(a, _)| wanted(a))
    };
    let any = |wanted: fn(&Account) -> Option<Unit>| into(wanted).or_else(|| out(wanted));
    match kind {
        Kind::OpeningBalance => any(|a| match a {
            Account::Quota(unit, _) | Account::Used(unit, _) => Some(*unit),
            _ => None,
        }),
        Kind::TrancheOpened => Some(Unit::PROVINCE),
        Kind::QuotaIssued => quota_of(legs).and_then(treasury),
        Kind::QuotaReleased => out(quota_unit),
        Kind::QuotaWithdrawn => into(quota_unit).or_else(|| quota_of(legs).and_then(treasury)),
        Kind::TransferSent
        | Kind::FundsReturnedUp
        | Kind::DisbursedToHousehold
        | Kind::DisbursedToProject => out(sender_unit),
        Kind::TransferReceived
        | Kind::TransferReturned
        | Kind::PaymentReturned
        | Kind::OverpaymentRepaid
        | Kind::ProjectSurplusReturned => into(sender_unit),
        Kind::BenefitAttributed
        | Kind::BenefitWithdrawn
        | Kind::IncomeDeclared
        | Kind::IncomeDistributed => {
            legs.as_slice().iter().find_map(|(account, _)| match account {
                Account::Open(id) | Account::Due(id) => state.projects.unit(*id),
                _ => None,
            })
        }
        _ => None,
    }
}

fn quota_unit(account: &Account) -> Option<Unit> {
    if let Account::Quota(unit, _) = account { Some(*unit) } else { None }
}

fn sender_unit(account: &Account) -> Option<Unit> {
    match account {
        Account::Src(_, unit, _) | Account::Hold(unit, _) => Some(*unit),
        _ => None,
    }
}

/// The quota that legs name.
pub fn quota_of(legs: &Legs) -> Option<QuotaId> {
    legs.as_slice().iter().find_map(|(account, _)| match account {
        Account::Quota(_, id)
        | Account::Used(_, id)
        | Account::Src(_, _, id)
        | Account::Way(_, id)
        | Account::Hold(_, id)
        | Account::Prior(_, id) => Some(*id),
        _ => None,
    })
}

/// The amount of a record, read off its legs: of a tranche the sum of its parts, else the largest leg.
pub fn amount_of(kind: Kind, legs: &Legs) -> Option<Fen> {
    let sizes = legs.as_slice().iter().map(|(_, fen)| fen.get().saturating_abs());
    if kind == Kind::TrancheOpened {
        let owed = legs.as_slice().iter().filter(|(a, _)| matches!(a, Account::Owed(..)));
        return Fen::checked_sum(owed.map(|(_, fen)| Fen::new(fen.get().saturating_abs())));
    }
    sizes.max().map(Fen::new)
}

/// Kind 310: what a quota had seen before the ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpeningBalance {
    /// Quota.
    pub quota: QuotaId,
    /// Source.
    pub source: Source,
    /// Treasury of the source.
    pub treasury: Unit,
    /// Home city.
    pub home: Unit,
    /// Programme.
    pub programme: Programme,
    /// Unit that has it.
    pub unit: Unit,
    /// Issued; also the amount.
    pub issued: Fen,
    /// Cash that had come in.
    pub cash_in: Fen,
    /// Paid to households and projects.
    pub paid_before: Fen,
    /// Organisation that may withdraw it at the top.
    pub issuer: OrgId,
    /// Year of the effective date.
    pub year: u32,
    /// Version of the baseline; 0: none was valid.
    pub baseline_version: u32,
    /// Version of the cap rule; 0: none.
    pub cap_version: u32,
    /// Heads of the baseline; 0: none was valid.
    pub heads: u64,
}

impl Body for OpeningBalance {
    fn legs(&self) -> Legs {
        let (q, u) = (self.quota, self.unit);
        let available = self.issued.checked_sub(self.paid_before).unwrap_or_default();
        let held = self.cash_in.checked_sub(self.paid_before).unwrap_or_default();
        let mut legs = Legs::default();
        for (account, fen) in [
            (Account::Plan(self.source, self.home), negative(self.issued)),
            (Account::Quota(u, q), available.get()),
            (Account::Used(u, q), self.paid_before.get()),
            (Account::Src(self.source, self.treasury, q), negative(self.cash_in)),
            (Account::Hold(u, q), held.get()),
            (Account::Prior(u, q), self.paid_before.get()),
        ] {
            let fits = legs.push(account, Fen::new(fen));
            debug_assert!(fits.is_some(), "six legs fit");
        }
        legs
    }

    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Quota, self.quota.as_str())
            .text(Field::Source, self.source.letter())
            .text(Field::Treasury, self.treasury.path().as_str())
            .text(Field::HomeCity, self.home.path().as_str())
            .text(Field::Programme, self.programme.name())
            .text(Field::Unit, self.unit.path().as_str())
            .int(Field::Issued, self.issued.get())
            .int(Field::CashIn, self.cash_in.get())
            .int(Field::PaidBefore, self.paid_before.get())
            .int(Field::Amount, self.issued.get());
    }

    fn booked(&self, _: &State) -> Option<Booked> {
        Booked::counted(self.unit, self.issued)
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.money.add_quota(Quota {
            id: self.quota,
            source: self.source,
            treasury: self.treasury,
            home: self.home,
            programme: self.programme,
            top: self.unit,
            opening: true,
            issuer: self.issuer,
            tranche: TrancheId::EMPTY,
            year: self.year,
            seq: at.seq,
            issued: 0,
            src: 0,
        })?;
        state.money.move_issued(self.quota, self.issued.get())?;
        if self.source.is_shared() {
            state.money.move_planned(self.home, self.issued.get())?;
        }
        state.apply(&self.legs(), at.date)
    }
}

/// Kind 311: part of a home city's pool is planned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrancheOpened {
    /// Tranche.
    pub tranche: TrancheId,
    /// Home city.
    pub home: Unit,
    /// Year.
    pub year: u32,
    /// Parts of P, H, L. Their sum is the amount.
    pub parts: [Fen; 3],
    /// Name of the share scheme.
    pub scheme: Box<str>,
    /// Key under which it stands.
    pub scheme_key: SchemeKey,
    /// Its version.
    pub scheme_version: u32,
    /// Weights of P, H, L.
    pub weights: [u32; 3],
    /// Version of the baseline.
    pub baseline_version: u32,
    /// Version of the cap rule.
    pub cap_version: u32,
    /// Version of the pairing.
    pub pairing_version: u32,
    /// Heads of the baseline.
    pub heads: u64,
    /// Treasury of source H by the pairing.
    pub helper: Unit,
}

impl TrancheOpened {
    /// The whole amount.
    pub fn amount(&self) -> Fen {
        Fen::checked_sum(self.parts).unwrap_or_default()
    }
}

impl Body for TrancheOpened {
    fn legs(&self) -> Legs {
        Source::SHARED.into_iter().zip(self.parts).fold(Legs::default(), |legs, (source, part)| {
            and(legs, Account::Plan(source, self.home), Account::Owed(source, self.home), part)
        })
    }

    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Tranche, self.tranche.as_str())
            .text(Field::HomeCity, self.home.path().as_str())
            .int(Field::Year, i64::from(self.year))
            .int(Field::Amount, self.amount().get());
    }

    fn booked(&self, _: &State) -> Option<Booked> {
        Booked::counted(Unit::PROVINCE, self.amount())
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        let money = &mut state.money;
        if money.tranche(self.tranche).is_some() {
            return Err(Drift::of(format!("tranche {} stands already", self.tranche)));
        }
        let parts = self.parts.map(Fen::get);
        let scheme = (self.scheme_key, self.scheme_version);
        money.set_tranche(
            self.tranche,
            Tranche {
                home: self.home,
                year: self.year,
                parts,
                issued: [0; 3],
                scheme,
                seq: at.seq,
                reversed: false,
            },
        );
        let amount = Fen::checked_sum(self.parts).ok_or(Drift::overflow("tranche"))?;
        money.move_charged(self.home, scheme, parts, 1)?;
        money.move_planned(self.home, amount.get())?;
        state.apply(&self.legs(), at.date)
    }
}

/// Kind 312: a quota is given by its source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuotaIssued {
    /// Quota.
    pub quota: QuotaId,
    /// Source.
    pub source: Source,
    /// Treasury of the source.
    pub treasury: Unit,
    /// Home city.
    pub home: Unit,
    /// Tranche; empty for U and S.
    pub tranche: TrancheId,
    /// Programme.
    pub programme: Programme,
    /// Unit that gets it.
    pub to: Unit,
    /// Amount.
    pub amount: Fen,
    /// Year of the tranche; of U and S that of the effective date.
    pub year: u32,
    /// Organisation that issued it.
    pub issuer: OrgId,
    /// Version of the flow table.
    pub flows_version: u32,
    /// Version of the pairing; 0: not asked.
    pub pairing_version: u32,
}

/// Where issued quota comes from and goes back to at the top.
pub fn obligation(source: Source, home: Unit) -> Account {
    if source.is_shared() { Account::Owed(source, home) } else { Account::Plan(source, home) }
}

impl Body for QuotaIssued {
    fn legs(&self) -> Legs {
        let from = obligation(self.source, self.home);
        two(from, Account::Quota(self.to, self.quota), self.amount)
    }

    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Quota, self.quota.as_str())
            .text(Field::Source, self.source.letter())
            .text(Field::Treasury, self.treasury.path().as_str())
            .text(Field::HomeCity, self.home.path().as_str())
            .text(Field::Tranche, self.tranche.as_str())
            .text(Field::Programme, self.programme.name())
            .text(Field::ToUnit, self.to.path().as_str())
            .int(Field::Amount, self.amount.get());
    }

    fn booked(&self, _: &State) -> Option<Booked> {
        Booked::counted(self.treasury, self.amount)
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        let money = &mut state.money;
        money.add_quota(Quota {
            id: self.quota,
            source: self.source,
            treasury: self.treasury,
            home: self.home,
            programme: self.programme,
            top: self.to,
            opening: false,
            issuer: self.issuer,
            tranche: self.tranche,
            year: self.year,
            seq: at.seq,
            issued: 0,
            src: 0,
        })?;
        money.move_issued(self.quota, self.amount.get())?;
        if let Some(opened) = money.tranche(self.tranche).map(|tranche| tranche.seq) {
            money.set_dependant(opened, at.seq, true);
        }
        state.apply(&self.legs(), at.date)
    }
}

/// Kind 313: quota is passed down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuotaReleased {
    /// Quota.
    pub quota: QuotaId,
    /// Unit that passes it on.
    pub from: Unit,
    /// Unit that gets it.
    pub to: Unit,
    /// Amount.
    pub amount: Fen,
    /// Version of the flow table.
    pub flows_version: u32,
}

impl Body for QuotaReleased {
    fn legs(&self) -> Legs {
        let from = Account::Quota(self.from, self.quota);
        two(from, Account::Quota(self.to, self.quota), self.amount)
    }

    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Quota, self.quota.as_str())
            .text(Field::FromUnit, self.from.path().as_str())
            .text(Field::ToUnit, self.to.path().as_str())
            .int(Field::Amount, self.amount.get());
    }

    fn booked(&self, _: &State) -> Option<Booked> {
        Booked::counted(self.from, self.amount)
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.apply(&self.legs(), at.date)
    }
}

/// Where withdrawn quota goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BackTo {
    /// Below the top: to the unit of the poster.
    Unit(Unit),
    /// At the top: to what the source owes, of U and S to its plan.
    Source(Source, Unit),
}

/// Kind 314: quota is taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuotaWithdrawn {
    /// Quota.
    pub quota: QuotaId,
    /// Unit that loses it.
    pub from: Unit,
    /// Where it goes.
    pub back_to: BackTo,
    /// Amount.
    pub amount: Fen,
    /// Version of the flow table.
    pub flows_version: u32,
}

impl Body for QuotaWithdrawn {
    fn legs(&self) -> Legs {
        let to = match self.back_to {
            BackTo::Unit(unit) => Account::Quota(unit, self.quota),
            BackTo::Source(source, home) => obligation(source, home),
        };
        two(Account::Quota(self.from, self.quota), to, self.amount)
    }

    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Quota, self.quota.as_str())
            .text(Field::FromUnit, self.from.path().as_str())
            .int(Field::Amount, self.amount.get());
    }

    fn booked(&self, state: &State) -> Option<Booked> {
        let unit = match self.back_to {
            BackTo::Unit(unit) => unit,
            BackTo::Source(..) => state.money.quota(self.quota)?.1.treasury,
        };
        Booked::counted(unit, self.amount)
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        if let BackTo::Source(..) = self.back_to {
            state.money.move_issued(self.quota, negative(self.amount))?;
        }
        state.apply(&self.legs(), at.date)
    }
}

/// Kind 320: cash leaves a source or a unit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransferSent {
    /// Quota.
    pub quota: QuotaId,
    /// Who sends.
    pub from: Sender,
    /// Unit that is to receive.
    pub to: Unit,
    /// Reference of the bank.
    pub bank_ref: BankRef,
    /// Amount.
    pub amount: Fen,
    /// Version of the flow table.
    pub flows_version: u32,
}

impl TransferSent {
    /// What must not be used twice.
    pub fn bank_use(&self) -> BankUse {
        let (sender, payee) = (self.from, Payee::Unit(self.to));
        BankUse { sender, payee, bank_ref: self.bank_ref, quota: self.quota }
    }
}

impl Body for TransferSent {
    fn legs(&self) -> Legs {
        two(self.from.account(self.quota), Account::Way(self.to, self.quota), self.amount)
    }

    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Quota, self.quota.as_str());
        match self.from {
            Sender::Source(..) => line.text(Field::From, SRC),
            Sender::Unit(unit) => line.text(Field::FromUnit, unit.path().as_str()),
        };
        line.text(Field::ToUnit, self.to.path().as_str())
            .text(Field::BankRef, self.bank_ref.as_str())
            .int(Field::Amount, self.amount.get());
    }

    fn booked(&self, _: &State) -> Option<Booked> {
        Booked::counted(self.from.unit(), self.amount)
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.apply(&self.legs(), at.date)?;
        state.money.note_bank_use(&self.bank_use(), at.date, at.seq);
        Ok(())
    }
}

/// A reference to a record: as spelled, and as found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reference {
    /// As the poster spelled it.
    pub text: Box<str>,
    /// The record's position.
    pub seq: Seq,
}

/// Kind 321: sent cash arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransferReceived {
    /// Quota.
    pub quota: QuotaId,
    /// Record that sent it, a 320 or 343.
    pub sent: Reference,
    /// Unit that it was under way to.
    pub at: Unit,
    /// Where it lands: what the unit holds, or back at its source.
    pub into: Sender,
    /// Amount.
    pub amount: Fen,
}

impl Body for TransferReceived {
    fn legs(&self) -> Legs {
        two(Account::Way(self.at, self.quota), self.into.account(self.quota), self.amount)
    }

    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Quota, self.quota.as_str())
            .text(Field::Ref, &self.sent.text)
            .int(Field::Amount, self.amount.get());
    }

    fn booked(&self, _: &State) -> Option<Booked> {
        Booked::counted(self.into.unit(), self.amount)
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.apply(&self.legs(), at.date)?;
        move_received(&mut state.money, self.sent.seq, at.seq, self.amount.get())
    }
}

/// Kind 322: sent cash bounced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransferReturned {
    /// Quota.
    pub quota: QuotaId,
    /// Record that sent it, a 320 or 343.
    pub sent: Reference,
    /// Unit that it was under way to.
    pub at: Unit,
    /// Who sent it and has it again.
    pub back_to: Sender,
    /// Amount.
    pub amount: Fen,
}

impl Body for TransferReturned {
    fn legs(&self) -> Legs {
        two(Account::Way(self.at, self.quota), self.back_to.account(self.quota), self.amount)
    }

    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Quota, self.quota.as_str())
            .text(Field::Ref, &self.sent.text)
            .int(Field::Amount, self.amount.get());
    }

    fn booked(&self, _: &State) -> Option<Booked> {
        Booked::counted(self.back_to.unit(), self.amount)
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.apply(&self.legs(), at.date)?;
        move_back(&mut state.money, self.sent.seq, at.seq, self.amount.get())
    }
}

/// Kind 343: a unit sends cash back up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FundsReturnedUp {
    /// Quota.
    pub quota: QuotaId,
    /// Unit that gives it back.
    pub from: Unit,
    /// Unit that is to receive.
    pub to: Unit,
    /// Whether it goes back to the source, whose treasury `to` is.
    pub to_source: bool,
    /// Reference of the bank.
    pub bank_ref: BankRef,
    /// Amount.
    pub amount: Fen,
    /// Version of the flow table.
    pub flows_version: u32,
}

impl FundsReturnedUp {
    /// What must not be used twice.
    pub fn bank_use(&self) -> BankUse {
        let (sender, payee) = (Sender::Unit(self.from), Payee::Unit(self.to));
        BankUse { sender, payee, bank_ref: self.bank_ref, quota: self.quota }
    }
}

impl Body for FundsReturnedUp {
    fn legs(&self) -> Legs {
        two(Account::Hold(self.from, self.quota), Account::Way(self.to, self.quota), self.amount)
    }

    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Quota, self.quota.as_str())
            .text(Field::FromUnit, self.from.path().as_str())
            .text(Field::To, if self.to_source { SRC } else { "" })
            .text(Field::ToUnit, self.to.path().as_str())
            .text(Field::BankRef, self.bank_ref.as_str())
            .int(Field::Amount, self.amount.get());
    }

    fn booked(&self, _: &State) -> Option<Booked> {
        Booked::counted(self.from, self.amount)
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.apply(&self.legs(), at.date)?;
        state.money.note_bank_use(&self.bank_use(), at.date, at.seq);
        Ok(())
    }
}

/// Kind 330: cash is paid to a household. The hottest kind of all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DisbursedToHousehold {
    /// Quota.
    pub quota: QuotaId,
    /// Unit that pays.
    pub unit: Unit,
    /// Household.
    pub household: HouseholdCode,
    /// Member whom the payment names; `None`: the household as a whole.
    pub member_no: Option<u8>,
    /// Account that is paid.
    pub account: Token,
    /// Purpose.
    pub purpose: Purpose,
    /// Loan of an interest subsidy; empty otherwise.
    pub loan: LoanId,
    /// Reference of the bank.
    pub bank_ref: BankRef,
    /// Amount.
    pub amount: Fen,
    /// Village of the household on the day.
    pub village: Unit,
    /// Its class on the day.
    pub class: Class,
    /// Its active members on the day.
    pub heads: u32,
    /// Whether it was out of poverty on the day.
    pub exited: bool,
    /// Version of the purpose list.
    pub purposes_version: u32,
    /// Version of the flow table.
    pub flows_version: u32,
    /// Version of the cap rule; 0: none.
    pub cap_version: u32,
}

impl DisbursedToHousehold {
    /// What must not be used twice.
    pub fn bank_use(&self) -> BankUse {
        BankUse {
            sender: Sender::Unit(self.unit),
            payee: Payee::Household(self.household),
            bank_ref: self.bank_ref,
            quota: self.quota,
        }
    }
}

impl Body for DisbursedToHousehold {
    fn legs(&self) -> Legs {
        let (unit, quota) = (self.unit, self.quota);
        let cash = two(Account::Hold(unit, quota), Account::Household(self.household), self.amount);
        and(cash, Account::Quota(unit, quota), Account::Used(unit, quota), self.amount)
    }

    fn fields(&self, line: &mut VoucherBuilder) {
        let mut code = [0; 17];
        line.text(Field::Quota, self.quota.as_str())
            .text(Field::Unit, self.unit.path().as_str())
            .text(Field::Household, household_text(self.household, &mut code));
        if let Some(no) = self.member_no {
            line.int(Field::MemberNo, i64::from(no));
        }
        line.token(Field::Account, self.account)
            .text(Field::Purpose, self.purpose.as_str())
            .text(Field::Loan, self.loan.as_str())
            .text(Field::BankRef, self.bank_ref.as_str())
            .int(Field::Amount, self.amount.get());
    }

    fn booked(&self, _: &State) -> Option<Booked> {
        Booked::counted(self.unit, self.amount)
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        let fen = self.amount.get();
        state.money.pay_household(self.unit, self.quota, fen, at.date)?;
        move_receipts(state, self.quota, self.household, fen)?;
        state.money.note_bank_use(&self.bank_use(), at.date, at.seq);
        state.loans.move_subsidy(self.loan, fen)
    }
}

/// What came back from a household: the body of kinds 340 and 341.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refund {
    /// Quota.
    pub quota: QuotaId,
    /// Payment that it comes back from.
    pub payment: Reference,
    /// Unit that paid.
    pub unit: Unit,
    /// Household that was paid.
    pub household: HouseholdCode,
    /// Why.
    pub reason: Word,
    /// Amount.
    pub amount: Fen,
    /// Purpose of the payment.
    pub purpose: Purpose,
    /// Village at the payment.
    pub village: Unit,
    /// Account that was paid.
    pub account: Token,
    /// Loan of the payment; empty for none.
    pub loan: LoanId,
}

impl Refund {
    fn legs(&self) -> Legs {
        let (unit, quota) = (self.unit, self.quota);
        let cash = two(Account::Household(self.household), Account::Hold(unit, quota), self.amount);
        and(cash, Account::Used(unit, quota), Account::Quota(unit, quota), self.amount)
    }

    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Quota, self.quota.as_str())
            .text(Field::Ref, &self.payment.text)
            .text(Field::Reason, self.reason.as_str())
            .int(Field::Amount, self.amount.get());
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.apply(&self.legs(), at.date)?;
        move_receipts(state, self.quota, self.household, negative(self.amount))?;
        move_back(&mut state.money, self.payment.seq, at.seq, self.amount.get())?;
        state.loans.move_subsidy(self.loan, negative(self.amount))
    }
}

/// Kind 340: the bank returned a payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PaymentReturned(pub Refund);

/// Kind 341: a household repaid what was too much.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OverpaymentRepaid(pub Refund);

macro_rules! refunds {
    ($($name:ident),*) => {
        $(impl Body for $name {
            fn legs(&self) -> Legs {
                self.0.legs()
            }

            fn fields(&self, line: &mut VoucherBuilder) {
                self.0.fields(line);
            }

            fn booked(&self, _: &State) -> Option<Booked> {
                Booked::counted(self.0.unit, self.0.amount)
            }

            fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
                self.0.evolve(state, at)
            }
        })*
    };
}
refunds!(PaymentReturned, OverpaymentRepaid);

/// Counts an arrival of `sent`, made or (negative) unmade by `by`.
pub(super) fn move_received(money: &mut Money, sent: Seq, by: Seq, fen: i64) -> Result<(), Drift> {
    let mut mark = money.mark(sent);
    mark.received = mark.received.checked_add(fen).ok_or(Drift::overflow("received"))?;
    money.set_mark(sent, mark);
    money.set_dependant(sent, by, 0 < fen);
    Ok(())
}

/// Counts what came back of a record, made or (negative) unmade by `by`.
pub(super) fn move_back(money: &mut Money, of: Seq, by: Seq, fen: i64) -> Result<(), Drift> {
    let mut mark = money.mark(of);
    mark.back = mark.back.checked_add(fen).ok_or(Drift::overflow("back"))?;
    money.set_mark(of, mark);
    money.set_dependant(of, by, 0 < fen);
    Ok(())
}

/// Moves what a household received under the cap: money of a quota of the programme `dev`.
pub(super) fn move_receipts(
    state: &mut State,
    quota: QuotaId,
    household: HouseholdCode,
    fen: i64,
) -> Result<(), Drift> {
    let dev = |(_, quota): (u32, &Quota)| quota.programme == Programme::Dev;
    if state.money.quota(quota).is_some_and(dev) { receive(state, household, fen) } else { Ok(()) }
}

/// Moves what a household received under the cap.
pub(super) fn receive(state: &mut State, household: HouseholdCode, fen: i64) -> Result<(), Drift> {
    let number = state.registry.household(household);
    let number =
        number.ok_or_else(|| Drift::of(format!("household {household} is not registered")))?;
    state.money.move_receipts(number, fen)
}
