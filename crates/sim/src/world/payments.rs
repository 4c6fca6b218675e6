//! Payments to households, and what comes back: returned by the bank, repaid, reversed.

use super::calendar::{Key, LAST_DAY, Step};
use super::desk::Reference;
use super::funds::PER_HEAD_FEN;
use super::{HolderNo, State, World};
use crate::codes::Token;
use crate::date::Day;
use crate::rng::{Entity, Stream};
use crate::voucher::{BankAccount, BankRef, BankRow, Direction, SimLine, Value};

/// What a household is to have of its heads' 20,000 yuan by the end, in basis points.
const SPENT_BP: i64 = 8_800;
/// The same a round, in basis points of the whole: 30, 40 and 30 percent a year, four rounds each.
fn due_bp(round: u32) -> i64 {
    let (year, quarter) = (round / 4, i64::from(round % 4) + 1);
    match year {
        0 => 750 * quarter,
        1 => 3_000 + 1_000 * quarter,
        _ => 7_000 + 750 * quarter,
    }
}

/// Below 100 yuan nothing is paid.
const LEAST_FEN: i64 = 10_000;
/// Payments that are rounded to whole hundreds of yuan, in percent.
const ROUNDED: u64 = 60;
const HUNDRED_YUAN: i64 = 10_000;
/// Sources in the proportion of their money.
const SOURCE_WEIGHTS: [u64; 3] = [6, 3, 1];
/// P02, P03, P01, P06, P07. With what exited households get, all payments together come to
/// 40 : 23 : 15 : 12 : 10 percent, P04's share standing under P02 and P05's under P03.
const PURPOSES: [&str; 5] = ["P02", "P03", "P01", "P06", "P07"];
const PURPOSE_WEIGHTS: [u64; 5] = [486, 279, 182, 29, 24];
const AFTER_EXIT: [&str; 2] = ["P06", "P07"];
const AFTER_EXIT_WEIGHTS: [u64; 2] = [12, 10];
/// Of 10,000 payments: returned by the bank, repaid, reversed.
const FATES: [u64; 4] = [150, 60, 40, 9_750];
const RETURN_REASONS: [&str; 4] = ["account_closed", "name_mismatch", "wrong_number", "other"];
const REPAY_REASONS: [&str; 4] = ["overpaid", "not_entitled", "recovered", "other"];
/// Reason and text of a reversal; the text has at least 10 characters.
const REVERSALS: [(&str, &str); 4] = [
    ("amount", "金额录入错误，按原始凭证更正"),
    ("payee", "收款农户录入错误，按名册更正"),
    ("duplicate", "同一批次重复录入，冲正其中一笔"),
    ("not_done", "银行未执行该笔支付，凭证冲正"),
];

/// What becomes of a payment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Returned,
    Repaid,
    Reversed,
    Kept,
}

/// A payment that will come back.
pub(super) struct Pending {
    reference: Reference,
    holder: HolderNo,
    quota: u32,
    household: u32,
    account: Token,
    fen: i64,
    bank_ref: BankRef,
    fate: Fate,
    /// Draws that belong to the payment.
    draw: Stream,
}

impl World {
    /// One round of one payer: every household that lives in its villages and can be paid.
    pub(super) fn pay(&mut self, round: u32, payer: u32, day: Day) {
        let mut lines = Vec::new();
        let mut coming_back = Vec::new();
        for village in self.payers[payer as usize].villages.clone() {
            let residents = std::mem::take(&mut self.residents[village as usize]);
            let holder = self.holder_of_village[village as usize];
            for &household in &residents {
                if let Some((line, back)) = self.pay_household(household, holder, round, day) {
                    coming_back.extend(back.map(|b| (lines.len(), b)));
                    lines.push(line);
                }
            }
            self.residents[village as usize] = residents;
        }
        let posted = self.desk.post(self.payers[payer as usize].org, day, lines);
        for (index, unnamed) in coming_back {
            let (mut pending, in_days) = unnamed;
            pending.reference = posted.reference(index);
            let step = if pending.fate == Fate::Reversed { Step::Reverse } else { Step::Refund };
            let key = Key { day: day.plus(in_days).min(LAST_DAY), step, a: 0, b: payer };
            self.calendar.insert(key);
            self.pending.entry(key).or_default().push(pending);
        }
    }

    fn pay_household(
        &mut self,
        number: u32,
        holder: HolderNo,
        round: u32,
        day: Day,
    ) -> Option<(SimLine, Option<(Pending, u32)>)> {
        let household = self.household(number);
        let exited = household.state == State::Exited;
        let payable = household.lives() && !household.blocked && !(exited && round % 2 == 0);
        if !payable {
            return None;
        }
        let index = u64::from(number) * 16 + u64::from(round);
        let mut draw = self.plan.root.stream(Entity::Payment, index);
        let due =
            i64::from(household.heads) * PER_HEAD_FEN / 10_000 * SPENT_BP / 10_000 * due_bp(round);
        let wish = amount(due - household.drawn, round, &mut draw);
        let (quota, fen) = self.choose_quota(holder, wish, &mut draw)?;
        let purpose = if exited {
            AFTER_EXIT[draw.weighted(&AFTER_EXIT_WEIGHTS)]
        } else {
            PURPOSES[draw.weighted(&PURPOSE_WEIGHTS)]
        };
        let fate =
            [Fate::Returned, Fate::Repaid, Fate::Reversed, Fate::Kept][draw.weighted(&FATES)];
        let bank_ref = self.desk.bank_ref(day);
        let slot = self.slot(holder, quota);
        slot.right -= fen;
        slot.cash -= fen;
        self.household_mut(number).drawn += fen;
        let line = self.payment_line(number, holder, quota, purpose, bank_ref, fen, fate);
        let back = (fate != Fate::Kept).then(|| {
            let in_days =
                draw.between(2, 5) + if fate == Fate::Repaid { draw.between(10, 40) } else { 0 };
            let account = self.household(number).account;
            let reference = Reference::default();
            let household = number;
            let pending =
                Pending { reference, holder, quota, household, account, fen, bank_ref, fate, draw };
            (pending, in_days as u32)
        });
        Some((line, back))
    }

    /// The first quota of a drawn source that can bear the amount, else of any source, else what the
    /// fullest one has left. None when nobody has 100 yuan.
    fn choose_quota(&self, holder: HolderNo, wish: i64, draw: &mut Stream) -> Option<(u32, i64)> {
        let drawn = draw.weighted(&SOURCE_WEIGHTS);
        if wish < LEAST_FEN {
            return None;
        }
        let slots = &self.holders[holder as usize].slots;
        let bears = |s: &&super::Slot| wish <= s.right.min(s.cash);
        let of_source = |s: &&super::Slot| self.quotas[s.quota as usize].source == drawn;
        let chosen = slots.iter().filter(bears).find(of_source);
        if let Some(slot) = chosen.or_else(|| slots.iter().find(bears)) {
            return Some((slot.quota, wish));
        }
        let left = slots.iter().map(|s| (s.right.min(s.cash) / 100 * 100, s.quota)).max()?;
        (LEAST_FEN <= left.0).then_some((left.1, left.0))
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one line")]
    fn payment_line(
        &self,
        number: u32,
        holder: HolderNo,
        quota: u32,
        purpose: &'static str,
        bank_ref: BankRef,
        fen: i64,
        fate: Fate,
    ) -> SimLine {
        let household = self.household(number);
        let mut fields = Vec::with_capacity(8);
        fields.push(("quota", self.quota_name(quota)));
        fields.push(("unit", Value::Unit(self.holder_unit(holder))));
        fields.push(("household", Value::Household(household.code)));
        if let Some(no) = (purpose == "P06").then(|| self.student(number)).flatten() {
            fields.push(("member_no", Value::Number(u64::from(no))));
        }
        fields.push(("account", Value::Token(household.account)));
        fields.push(("purpose", Value::Word(purpose)));
        fields.push(("bank_ref", Value::BankRef(bank_ref)));
        fields.push(("amount", Value::Fen(fen)));
        let line = SimLine::new("DisbursedToHousehold", fields);
        // What will be reversed was never paid, so the bank knows nothing of it.
        if fate == Fate::Reversed {
            return line;
        }
        let account = BankAccount::Payee(household.account);
        line.with_bank(BankRow { bank_ref, account, fen, direction: Direction::Out, status: "ok" })
    }

    /// The first active member of the first register who goes to school.
    fn student(&self, number: u32) -> Option<u8> {
        let household = self.household(number);
        if household.split_off {
            return None;
        }
        let studies = |no: &u8| {
            household.active >> no & 1 == 1
                && self.plan.member_facts(number, *no, household.class).student
        };
        (1..=household.size).find(studies)
    }

    /// Money that came back: from the bank, or from the household.
    pub(super) fn refund(&mut self, key: &Key) {
        let mut lines = Vec::new();
        for mut pending in self.pending.remove(key).unwrap_or_default() {
            let draw = &mut pending.draw;
            let returned = pending.fate == Fate::Returned;
            let (kind, reason, fen, status) = if returned {
                let reason = RETURN_REASONS[draw.weighted(&[40, 25, 25, 10])];
                ("PaymentReturned", reason, pending.fen, "returned")
            } else {
                let reason = REPAY_REASONS[draw.weighted(&[50, 25, 15, 10])];
                let part = if draw.chance(1, 2) { 100 } else { draw.between(20, 80) as i64 };
                ("OverpaymentRepaid", reason, pending.fen * part / 100, "ok")
            };
            if reason == "account_closed" {
                self.block(pending.household);
            }
            let fields = vec![
                ("quota", self.quota_name(pending.quota)),
                ("ref", pending.reference.value()),
                ("reason", Value::Word(reason)),
                ("amount", Value::Fen(fen)),
            ];
            let row = BankRow {
                bank_ref: pending.bank_ref,
                account: BankAccount::Payee(pending.account),
                fen,
                direction: Direction::In,
                status,
            };
            lines.push(SimLine::new(kind, fields).with_bank(row));
            self.take_back(&pending, fen);
        }
        self.desk.post(self.payers[key.b as usize].org, key.day, lines);
    }

    /// Payments that should never have been written.
    pub(super) fn reverse(&mut self, key: &Key) {
        let mut lines = Vec::new();
        for mut pending in self.pending.remove(key).unwrap_or_default() {
            let (reason, memo) = pending.draw.pick(&REVERSALS);
            let fields = vec![
                ("ref", pending.reference.value()),
                ("reason", Value::Word(reason)),
                ("memo", Value::Word(memo)),
                ("amount", Value::Fen(pending.fen)),
            ];
            lines.push(SimLine::new("Reversed", fields));
            self.take_back(&pending, pending.fen);
        }
        self.desk.post(self.payers[key.b as usize].org, key.day, lines);
    }

    fn take_back(&mut self, pending: &Pending, fen: i64) {
        let slot = self.slot(pending.holder, pending.quota);
        slot.right += fen;
        slot.cash += fen;
        self.household_mut(pending.household).drawn -= fen;
    }

    /// Pays a household no more until another account is bound.
    pub(super) fn block(&mut self, number: u32) {
        let household = self.household_mut(number);
        if !household.blocked {
            household.blocked = true;
            let county = self.county_of_village(self.household(number).village);
            self.to_rebind[county as usize].push(number);
        }
    }
}

/// What is paid of a gap: about all of it, most often in whole hundreds.
fn amount(gap: i64, round: u32, draw: &mut Stream) -> i64 {
    let last = round + 1 == super::calendar::ROUNDS;
    let swing = if last { draw.between(98, 102) } else { draw.between(80, 120) } as i64;
    let fen = gap * swing / 100;
    if draw.chance(ROUNDED, 100) {
        (fen + HUNDRED_YUAN / 2) / HUNDRED_YUAN * HUNDRED_YUAN
    } else {
        fen
    }
}
