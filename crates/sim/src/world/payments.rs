//! Payments to households, and what comes back: returned by the bank, repaid, reversed.

use super::calendar::{Key, LAST_DAY, Step};
use super::desk::Reference;
use super::funds::PER_HEAD_FEN;
use super::{HolderNo, Part, State, World};
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
/// What the county's own offices pay, across the county, from the home share while it lasts.
const OF_THE_COUNTY: [&str; 2] = ["P01", "P07"];
/// Of 10,000 payments: returned by the bank, repaid, reversed.
const FATE_WEIGHTS: [u64; 4] = [150, 60, 40, 9_750];
const FATES: [Fate; 4] = [Fate::Returned, Fate::Repaid, Fate::Reversed, Fate::Kept];
/// Days after which a payment may come back again. Source: F12, parameter `days`, and a round before it.
const SEASON: u32 = 150;
/// A payer's households, of which about one line each in a round, for each reversal of a quarter.
const LINES_A_REVERSAL: u64 = 50;
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

/// A payment before it is known who makes it.
struct Wish {
    household: u32,
    fen: i64,
    purpose: &'static str,
    draw: Stream,
}

/// A payment, kept when it will come back.
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

impl Pending {
    /// The payment with the days after which it comes back, if it does.
    fn waits(mut self) -> Option<(Pending, u32)> {
        let late = self.draw.between(10, 40);
        let soon = self.draw.between(2, 5);
        let in_days = match self.fate {
            Fate::Kept => return None,
            Fate::Repaid => soon + late,
            Fate::Returned | Fate::Reversed => soon,
        };
        Some((self, in_days as u32))
    }
}

impl World {
    /// One round of one payer: every household that lives in its villages and can be paid.
    pub(super) fn pay(&mut self, round: u32, payer: u32, day: Day) {
        let (mut lines, mut watched) = (Vec::new(), Vec::new());
        let mut coming_back = Vec::new();
        let by_county = self.unit_payers <= payer;
        for village in self.payers[payer as usize].villages.clone() {
            let residents = std::mem::take(&mut self.residents[village as usize]);
            let holder = if by_county {
                self.payers[payer as usize].holders[0]
            } else {
                self.holder_of_village[village as usize]
            };
            for &household in &residents {
                let Some(wish) = self.wish(household, round) else { continue };
                if by_county && !OF_THE_COUNTY.contains(&wish.purpose) {
                    continue;
                }
                let Some(paid) = self.pay_household(wish, holder, by_county, day) else { continue };
                self.household_mut(household).last_round = round;
                let (line, back) = paid;
                if let Part::Watched(case) = self.household(household).part {
                    watched.push((case, lines.len()));
                }
                coming_back.extend(back.map(|b| (lines.len(), b)));
                lines.push(line);
            }
            self.residents[village as usize] = residents;
        }
        let posted = self.desk.post(self.payers[payer as usize].org, day, lines);
        for (case, index) in watched {
            self.watched(case, posted.reference(index).voucher());
        }
        for (index, (mut pending, in_days)) in coming_back {
            pending.reference = posted.reference(index);
            let step = if pending.fate == Fate::Reversed { Step::Reverse } else { Step::Refund };
            let key = Key { day: day.plus(in_days).min(LAST_DAY), step, a: 0, b: payer };
            self.calendar.insert(key);
            self.pending.entry(key).or_default().push(pending);
        }
    }

    /// What a household is to have in a round; none when it can't be paid or was paid already. The
    /// same whoever asks.
    fn wish(&self, number: u32, round: u32) -> Option<Wish> {
        let household = self.household(number);
        let exited = household.state == State::Exited;
        let due = household.last_round != round && !(exited && round.is_multiple_of(2));
        if !due || household.blocked || !household.lives() {
            return None;
        }
        let index = u64::from(number) * 16 + u64::from(round);
        let mut draw = self.plan.root.stream(Entity::Payment, index);
        let all = i64::from(household.heads) * PER_HEAD_FEN / 10_000 * SPENT_BP / 10_000;
        let fen = amount(all * due_bp(round) - household.drawn, round, &mut draw);
        let purpose = if exited {
            AFTER_EXIT[draw.weighted(&AFTER_EXIT_WEIGHTS)]
        } else {
            PURPOSES[draw.weighted(&PURPOSE_WEIGHTS)]
        };
        (LEAST_FEN <= fen).then_some(Wish { household: number, fen, purpose, draw })
    }

    /// Pays a wish from the holder's quotas. The county pays all of it or leaves it to the unit.
    fn pay_household(
        &mut self,
        wish: Wish,
        holder: HolderNo,
        whole: bool,
        day: Day,
    ) -> Option<(SimLine, Option<(Pending, u32)>)> {
        let Wish { household, fen: wished, purpose, mut draw } = wish;
        let (quota, fen) = self.choose_quota(holder, wished, &mut draw)?;
        if whole && fen < wished {
            return None;
        }
        let fate = FATES[draw.weighted(&FATE_WEIGHTS)];
        let fate = if self.may_come_back(household, day) { fate } else { Fate::Kept };
        let kept = fate == Fate::Reversed && !self.may_reverse(holder, day);
        let fate = if kept { Fate::Kept } else { fate };
        if fate != Fate::Kept {
            self.household_mut(household).came_back = Some(day);
        }
        let bank_ref = self.desk.bank_ref(day);
        let slot = self.slot(holder, quota);
        slot.right -= fen;
        slot.cash -= fen;
        self.household_mut(household).drawn += fen;
        let account = self.household(household).account;
        let reference = Reference::default();
        let pending =
            Pending { reference, holder, quota, household, account, fen, bank_ref, fate, draw };
        let line = self.payment_line(&pending, purpose);
        Some((line, pending.waits()))
    }

    /// Nothing comes back twice in a season, which would look like a cycle (F12), nor from a household that
    /// stands in a case.
    fn may_come_back(&self, household: u32, day: Day) -> bool {
        let row = self.household(household);
        let rested = row.came_back.is_none_or(|last| last.plus(SEASON) < day);
        row.part == Part::None && rested
    }

    /// Counts a reversal of a unit's quarter, if there is room: more than 2 % of its lines would look like
    /// a habit. Source: F17, parameters `share_bp` and `min_lines`.
    fn may_reverse(&mut self, holder: HolderNo, day: Day) -> bool {
        let payer = self.payer_of[holder as usize];
        if self.reversed_by_case(self.payers[payer as usize].org, day) {
            return false;
        }
        let villages = self.payers[payer as usize].villages.clone();
        let of_county = self.unit_payers <= payer;
        let own = |v: &u32| of_county || self.holder_of_village[*v as usize] == holder;
        let households = |v: u32| self.plan.villages()[v as usize].households.len() as u64;
        let lines = villages.filter(own).map(households).sum::<u64>();
        // The county pays a quarter of its households at most.
        let room = (lines / if of_county { 4 } else { 1 } / LINES_A_REVERSAL).max(1);
        let quarter = day.month().year * 4 + (day.month().month - 1) / 3;
        let row = self.reversals.entry(holder).or_insert((quarter, 0));
        if row.0 != quarter {
            *row = (quarter, 0);
        }
        row.1 += 1;
        row.1 <= room
    }

    /// The first quota of a drawn source that can bear the amount, else of any source, else what the
    /// fullest one has left. None when nobody has 100 yuan.
    fn choose_quota(&self, holder: HolderNo, wish: i64, draw: &mut Stream) -> Option<(u32, i64)> {
        let drawn = draw.weighted(&SOURCE_WEIGHTS);
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

    fn payment_line(&self, payment: &Pending, purpose: &'static str) -> SimLine {
        let &Pending { household: number, account, fen, bank_ref, .. } = payment;
        let mut fields = Vec::with_capacity(8);
        fields.push(("quota", self.quota_name(payment.quota)));
        fields.push(("unit", Value::Unit(self.holder_unit(payment.holder))));
        fields.push(("household", Value::Household(self.household(number).code)));
        if let Some(no) = (purpose == "P06").then(|| self.student(number)).flatten() {
            fields.push(("member_no", Value::Number(u64::from(no))));
        }
        fields.push(("account", Value::Token(account)));
        fields.push(("purpose", Value::Word(purpose)));
        fields.push(("bank_ref", Value::BankRef(bank_ref)));
        fields.push(("amount", Value::Fen(fen)));
        let line = SimLine::new("DisbursedToHousehold", fields);
        // What will be reversed was never paid, so the bank knows nothing of it.
        if payment.fate == Fate::Reversed {
            return line;
        }
        let account = BankAccount::Payee(account);
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
                let part = if draw.chance(1, 2) { 100 } else { draw.between(20, 80).cast_signed() };
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
    let swing = if last { draw.between(98, 102) } else { draw.between(80, 120) };
    let fen = gap * swing.cast_signed() / 100;
    if draw.chance(ROUNDED, 100) {
        (fen + HUNDRED_YUAN / 2) / HUNDRED_YUAN * HUNDRED_YUAN
    } else {
        fen
    }
}
