//! Quotas, balances, tranches, marks on records, bank references, voucher keys.
//!
//! Lives here: the rows that decisions about money read, and how legs move balances.
//! Lives elsewhere: which legs an event has (`event::money`), projects (`project`), loans (`loans`), what is
//! counted by month (`periods`) and by day (`held`).
//!
//! Always: what a leg says is what a balance does, and no balance passes to the wrong side of zero; what
//! an event adds to a mark, its reversal takes away.
//! Source: domain contract, sections 4 and 5.

use record::Seq;

use super::bank::BankRefs;
use super::held::Held;
use super::keys::{KeyHash, Keys};
use crate::account::Account;
use crate::event::{At, Drift};
use crate::ids::{
    BankRef, Date, HouseholdCode, OrgId, ProjectId, QuotaId, Source, TrancheId, Unit, VoucherNo,
};
use crate::reject::Text;
use crate::rules::SchemeKey;
use crate::saved::{saved_as, saved_fields, state_fields};
use crate::table::{Index, Ordered, Table, Undo};
use crate::words::Programme;

/// A quota 指标, from its issue or opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Its id.
    pub id: QuotaId,
    /// Source of its money.
    pub source: Source,
    /// Treasury of the source.
    pub treasury: Unit,
    /// Home city.
    pub home: Unit,
    /// Programme it is spent on.
    pub programme: Programme,
    /// Unit it was issued to; of an opening its unit.
    pub top: Unit,
    /// Whether it began as an opening balance.
    pub opening: bool,
    /// Organisation that may withdraw it at the top and sends its cash.
    pub issuer: OrgId,
    /// Tranche; empty for U and S, and for openings.
    pub tranche: TrancheId,
    /// Year of the tranche; else of its first date.
    pub year: u32,
    /// Record that made it.
    pub seq: Seq,
    /// Issued less withdrawn at the top.
    pub issued: i64,
    /// Balance of `C.src`, never above zero: less it, cash sent and not back.
    pub src: i64,
}

impl Quota {
    /// Cash sent from the source and not back.
    pub fn sent(&self) -> i64 {
        self.src.saturating_neg()
    }
}

/// Balances of one unit on one quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Cell {
    /// `Q.quota`.
    pub quota: i64,
    /// `Q.used`.
    pub used: i64,
    /// `C.way` to the unit.
    pub way: i64,
    /// `C.hold`.
    pub hold: i64,
    /// `C.prior`.
    pub prior: i64,
}

/// What a source owes a home city.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Obligation {
    /// `Q.plan`, never above zero.
    pub plan: i64,
    /// `Q.owed`.
    pub owed: i64,
}

/// A tranche 批次.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tranche {
    /// Home city.
    pub home: Unit,
    /// Its year.
    pub year: u32,
    /// Parts of P, H, L.
    pub parts: [i64; 3],
    /// Issued of it, net of withdrawals, by source.
    pub issued: [i64; 3],
    /// Key and version of the scheme whose charged sums it counts into.
    pub scheme: (SchemeKey, u32),
    /// Record that opened it.
    pub seq: Seq,
    /// Whether that was reversed. Its id is never free again.
    pub reversed: bool,
}

/// What later records did to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Mark {
    /// Of a 320 or 343: arrived.
    pub received: i64,
    /// Of a 320 or 343: bounced. Of a payment: returned, repaid or given back.
    pub back: i64,
    /// Record that reversed it.
    pub reversed_by: Option<Seq>,
}

/// A payee of a bank reference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Payee {
    /// Receiving unit of a transfer.
    Unit(Unit),
    /// A household.
    Household(HouseholdCode),
    /// A project.
    Project(ProjectId),
}

/// Who sends cash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sender {
    /// A source from its treasury.
    Source(Source, Unit),
    /// A unit from what it holds.
    Unit(Unit),
}

impl Sender {
    /// The account that it sends from.
    pub fn account(self, quota: QuotaId) -> Account {
        match self {
            Self::Source(source, treasury) => Account::Src(source, treasury, quota),
            Self::Unit(unit) => Account::Hold(unit, quota),
        }
    }

    /// The unit that it acts as.
    pub fn unit(self) -> Unit {
        match self {
            Self::Source(_, unit) | Self::Unit(unit) => unit,
        }
    }
}

/// What must not be used twice within 92 days.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BankUse {
    /// Who sends or pays.
    pub sender: Sender,
    /// To whom.
    pub payee: Payee,
    /// Reference of the bank.
    pub bank_ref: BankRef,
    /// Quota.
    pub quota: QuotaId,
}

/// What decisions about money read.
#[derive(Clone, Debug)]
pub struct Money {
    secret: Secret,
    keys: Keys,
    quotas: Table<Quota>,
    quota_numbers: Index<QuotaId>,
    cells: Table<Cell>,
    cell_numbers: Index<(Unit, u32)>,
    /// By number of the cell.
    held: Held,
    obligations: Ordered<(Unit, Source), Obligation>,
    planned: Ordered<Unit, i64>,
    tranches: Ordered<TrancheId, Tranche>,
    charged: Ordered<(Unit, SchemeKey, u32), [i64; 3]>,
    marks: Index<Seq, Mark>,
    dependants: Ordered<(Seq, Seq), ()>,
    bank: BankRefs,
    /// By number of the household's row.
    receipts: Table<i64>,
}

saved_fields!(Quota {
    id,
    source,
    treasury,
    home,
    programme,
    top,
    opening,
    issuer,
    tranche,
    year,
    seq,
    issued,
    src
});
saved_fields!(Cell { quota, used, way, hold, prior });
saved_fields!(Obligation { plan, owed });
saved_fields!(Tranche { home, year, parts, issued, scheme, seq, reversed });
saved_fields!(Mark { received, back, reversed_by });
state_fields!(Money {
    secret,
    keys,
    quotas,
    quota_numbers,
    cells,
    cell_numbers,
    held,
    obligations,
    planned,
    tranches,
    charged,
    marks,
    dependants,
    bank,
    receipts,
});

// It stands in no file: `State::load` is told it.
saved_as! { Secret: (), |_| (), |()| Some(Self([0; 32])); }

/// Keys the hashes in memory. It never reaches a byte, a digest or a message.
#[derive(Clone)]
struct Secret([u8; 32]);

impl Undo for Secret {
    fn commit(&mut self) {}
    fn rollback(&mut self) {}
    fn set_recording(&mut self, _: bool) {}
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// Adds to a balance on its side of zero.
pub(super) fn add(balance: i64, fen: i64, account: &Account) -> Result<i64, Drift> {
    let Some(sum) = balance.checked_add(fen) else {
        return Err(Drift::overflow(account.to_string()));
    };
    let wrong_side = if account.is_origin() { 0 < sum } else { sum < 0 };
    if wrong_side {
        let account: Text = account.to_string().into();
        return Err(Drift::Side { account, balance: sum });
    }
    Ok(sum)
}

/// Adds to a sum that is no account.
fn sum(what: &'static str, total: i64, fen: i64) -> Result<i64, Drift> {
    total.checked_add(fen).ok_or(Drift::overflow(what))
}

impl Money {
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self {
            secret: Secret(secret),
            keys: Keys::default(),
            quotas: Table::default(),
            quota_numbers: Index::default(),
            cells: Table::default(),
            cell_numbers: Index::default(),
            held: Held::default(),
            obligations: Ordered::default(),
            planned: Ordered::default(),
            tranches: Ordered::default(),
            charged: Ordered::default(),
            marks: Index::default(),
            dependants: Ordered::default(),
            bank: BankRefs::default(),
            receipts: Table::default(),
        }
    }

    /// Tells the secret to a state that was read from a snapshot.
    pub(super) fn set_secret(&mut self, secret: [u8; 32]) {
        self.secret = Secret(secret);
    }

    // Voucher keys.

    /// Position of the header record of a voucher, if its key was ever accepted.
    pub fn voucher(&self, organisation: OrgId, voucher_no: VoucherNo) -> Option<Seq> {
        self.keys.get(&self.voucher_hash(organisation, voucher_no)).map(Seq)
    }

    fn voucher_hash(&self, organisation: OrgId, voucher_no: VoucherNo) -> KeyHash {
        let mut text = Short::new();
        text.push(organisation.as_bytes());
        text.push(b"/");
        text.push(voucher_no.as_bytes());
        text.hash(&self.secret)
    }

    /// Notes that a voucher was accepted.
    pub(crate) fn note_voucher(&mut self, organisation: OrgId, voucher_no: VoucherNo, at: &At) {
        let hash = self.voucher_hash(organisation, voucher_no);
        self.keys.insert(hash, at.seq.0);
    }

    /// Number of vouchers accepted.
    pub fn vouchers(&self) -> usize {
        self.keys.len()
    }

    // Quotas and cells.

    /// Number and row of a quota that was ever made.
    pub fn quota(&self, id: QuotaId) -> Option<(u32, &Quota)> {
        let number = self.quota_numbers.get(&id)?;
        Some((number, self.quotas.get(number)?))
    }

    /// All quotas, in the order in which they were made.
    pub fn quotas(&self) -> &Table<Quota> {
        &self.quotas
    }

    /// Adds a quota. Its sums begin at zero; legs move them.
    ///
    /// # Errors
    /// Its id was used before.
    pub(crate) fn add_quota(&mut self, quota: Quota) -> Result<(), Drift> {
        if self.quota_numbers.get(&quota.id).is_some() {
            return Err(Drift::of(format!("quota {} stands already", quota.id)));
        }
        let id = quota.id;
        let number = self.quotas.push(quota).ok_or(Drift::overflow("quotas"))?;
        self.quota_numbers.insert(id, number);
        Ok(())
    }

    fn known_quota(&self, id: QuotaId) -> Result<u32, Drift> {
        self.quota_numbers.get(&id).ok_or_else(|| Drift::of(format!("quota {id} is not known")))
    }

    /// Balances of a unit on a quota; zeros when nothing ever moved there.
    pub fn cell(&self, unit: Unit, quota: u32) -> Cell {
        self.cell_numbers
            .get(&(unit, quota))
            .and_then(|number| self.cells.get(number))
            .copied()
            .unwrap_or_default()
    }

    /// Number of a unit's cell on a quota; it is made when there is none.
    fn cell_number(&mut self, unit: Unit, quota: QuotaId) -> Result<u32, Drift> {
        let quota = self.known_quota(quota)?;
        if let Some(number) = self.cell_numbers.get(&(unit, quota)) {
            return Ok(number);
        }
        let number = self.cells.push(Cell::default()).ok_or(Drift::overflow("cells"))?;
        self.cell_numbers.insert((unit, quota), number);
        self.held.add(unit)?;
        Ok(number)
    }

    fn edit_cell(&mut self, unit: Unit, quota: QuotaId) -> Result<&mut Cell, Drift> {
        let number = self.cell_number(unit, quota)?;
        self.cells.edit(number).ok_or(Drift::overflow("cells"))
    }

    /// What a unit held on a day by what is known now: of one quota, by its number, or of all. Below zero
    /// where money was posted late.
    pub fn held_on(&self, unit: Unit, quota: Option<u32>, date: Date) -> i128 {
        match quota {
            Some(quota) => {
                let number = self.cell_numbers.get(&(unit, quota));
                number.map_or(0, |number| self.held.on(number, date))
            }
            None => self.held.cells(unit).map(|number| self.held.on(number, date)).sum(),
        }
    }

    fn edit_quota(&mut self, id: QuotaId) -> Result<&mut Quota, Drift> {
        let number = self.known_quota(id)?;
        self.quotas.edit(number).ok_or(Drift::overflow("quotas"))
    }

    /// Moves a quota's net issue: at the top, up or down.
    pub(crate) fn move_issued(&mut self, id: QuotaId, fen: i64) -> Result<(), Drift> {
        let quota = self.edit_quota(id)?;
        quota.issued = sum("issued", quota.issued, fen)?;
        if quota.issued < 0 || quota.issued < quota.sent() {
            return Err(Drift::of(format!("quota {id} would be below what was sent")));
        }
        let (tranche, source) = (quota.tranche, quota.source);
        let Some(mut row) = self.tranches.get(&tranche).cloned() else { return Ok(()) };
        let Some(issued) = row.issued.get_mut(source.index()) else { return Ok(()) };
        *issued = sum("issued of a tranche", *issued, fen)?;
        if !row.parts.iter().zip(row.issued).all(|(part, issued)| (0..=*part).contains(&issued)) {
            return Err(Drift::of(format!("tranche {tranche} would be issued beyond its parts")));
        }
        self.tranches.insert(tranche, row);
        Ok(())
    }

    // Plans.

    /// What a source owes a home city.
    pub fn obligation(&self, source: Source, city: Unit) -> Obligation {
        self.obligations.get(&(city, source)).copied().unwrap_or_default()
    }

    /// What a home city's pool is planned at: its tranches and openings, net of reversals.
    pub fn planned(&self, city: Unit) -> i64 {
        self.planned.get(&city).copied().unwrap_or(0)
    }

    pub(crate) fn move_planned(&mut self, city: Unit, fen: i64) -> Result<(), Drift> {
        let planned = sum("planned", self.planned(city), fen)?;
        self.planned.insert(city, planned);
        Ok(())
    }

    /// A tranche that was ever opened.
    pub fn tranche(&self, id: TrancheId) -> Option<&Tranche> {
        self.tranches.get(&id)
    }

    pub(crate) fn set_tranche(&mut self, id: TrancheId, tranche: Tranche) {
        self.tranches.insert(id, tranche);
    }

    /// What P, H and L were charged under a scheme version.
    pub fn charged(&self, city: Unit, scheme: SchemeKey, version: u32) -> [i64; 3] {
        self.charged.get(&(city, scheme, version)).copied().unwrap_or_default()
    }

    pub(crate) fn move_charged(
        &mut self,
        city: Unit,
        (scheme, version): (SchemeKey, u32),
        parts: [i64; 3],
        sign: i64,
    ) -> Result<(), Drift> {
        let mut charged = self.charged(city, scheme, version);
        for (total, part) in charged.iter_mut().zip(parts) {
            *total = sum("charged", *total, part.saturating_mul(sign))?;
        }
        self.charged.insert((city, scheme, version), charged);
        Ok(())
    }

    // Marks.

    /// What later records did to a record.
    pub fn mark(&self, seq: Seq) -> Mark {
        self.marks.get(&seq).unwrap_or_default()
    }

    pub(crate) fn set_mark(&mut self, seq: Seq, mark: Mark) {
        self.marks.insert(seq, mark);
    }

    /// The first live record that depends on a record.
    pub fn dependant(&self, seq: Seq) -> Option<Seq> {
        let first = self.dependants.range((seq, Seq(0))..=(seq, Seq(u64::MAX))).next()?;
        Some(first.0.1)
    }

    /// Notes that `by` depends on `seq`, or (not `live`) does no more.
    pub(crate) fn set_dependant(&mut self, seq: Seq, by: Seq, live: bool) {
        if live {
            self.dependants.insert((seq, by), ());
        } else {
            self.dependants.remove(&(seq, by));
        }
    }

    // Bank references.

    /// The live record that used a reference within 92 days of a date.
    pub fn bank_use(&self, usage: &BankUse, date: Date) -> Option<Seq> {
        self.bank.used(&self.bank_hash(usage), date)
    }

    pub(crate) fn note_bank_use(&mut self, usage: &BankUse, date: Date, seq: Seq) {
        let hash = self.bank_hash(usage);
        self.bank.insert(hash, date, seq);
    }

    pub(crate) fn free_bank_use(
        &mut self,
        usage: &BankUse,
        date: Date,
        seq: Seq,
    ) -> Result<(), Drift> {
        let hash = self.bank_hash(usage);
        self.bank.remove(hash, date, seq)
    }

    fn bank_hash(&self, usage: &BankUse) -> KeyHash {
        let mut text = Short::new();
        match usage.sender {
            Sender::Source(source, treasury) => {
                text.push(source.letter().as_bytes());
                text.number(treasury.code());
            }
            Sender::Unit(unit) => {
                text.push(b"-");
                text.number(unit.code());
            }
        }
        match usage.payee {
            Payee::Unit(unit) => {
                text.push(b"u");
                text.number(unit.code());
            }
            Payee::Household(code) => {
                text.push(b"h");
                text.number(code.get());
            }
            Payee::Project(id) => {
                text.push(b"p");
                text.sized(id.as_bytes());
            }
        }
        text.sized(usage.quota.as_bytes());
        text.sized(usage.bank_ref.as_bytes());
        text.hash(&self.secret)
    }

    // The review line.

    /// What a household, by its row's number, received of the programme under the cap: paid and not back,
    /// and attributed.
    pub fn receipts(&self, household: u32) -> i64 {
        self.receipts.get(household).copied().unwrap_or(0)
    }

    pub(crate) fn move_receipts(&mut self, household: u32, fen: i64) -> Result<(), Drift> {
        while self.receipts.get(household).is_none() {
            self.receipts.push(0).ok_or(Drift::overflow("households"))?;
        }
        let receipts = self.receipts.edit(household).ok_or(Drift::overflow("households"))?;
        *receipts = sum("receipts", *receipts, fen)?;
        Ok(())
    }

    // Legs.

    /// Moves a balance as a leg says. Households and villages have none here: what they can lose is
    /// bounded by marks; those of projects stand with them.
    pub(super) fn apply_leg(
        &mut self,
        account: &Account,
        fen: i64,
        date: Date,
    ) -> Result<(), Drift> {
        match *account {
            Account::Plan(source, city) => {
                let mut row = self.obligation(source, city);
                row.plan = add(row.plan, fen, account)?;
                self.obligations.insert((city, source), row);
            }
            Account::Owed(source, city) => {
                let mut row = self.obligation(source, city);
                row.owed = add(row.owed, fen, account)?;
                self.obligations.insert((city, source), row);
            }
            Account::Quota(unit, quota) => {
                let cell = self.edit_cell(unit, quota)?;
                cell.quota = add(cell.quota, fen, account)?;
            }
            Account::Used(unit, quota) => {
                let cell = self.edit_cell(unit, quota)?;
                cell.used = add(cell.used, fen, account)?;
            }
            Account::Way(unit, quota) => {
                let cell = self.edit_cell(unit, quota)?;
                cell.way = add(cell.way, fen, account)?;
            }
            Account::Hold(unit, quota) => {
                let number = self.cell_number(unit, quota)?;
                let cell = self.cells.edit(number).ok_or(Drift::overflow("cells"))?;
                cell.hold = add(cell.hold, fen, account)?;
                self.held.note(number, date, fen)?;
            }
            Account::Prior(unit, quota) => {
                let cell = self.edit_cell(unit, quota)?;
                cell.prior = add(cell.prior, fen, account)?;
            }
            Account::Src(source, treasury, id) => {
                let quota = self.edit_quota(id)?;
                if (quota.source, quota.treasury) != (source, treasury) {
                    return Err(Drift::of(format!("quota {id} has another source")));
                }
                quota.src = add(quota.src, fen, account)?;
                if quota.issued < quota.sent() {
                    return Err(Drift::of(format!("more sent of {id} than issued")));
                }
            }
            Account::Household(_)
            | Account::BenefitHousehold(_)
            | Account::BenefitVillage(_)
            | Account::IncomeHousehold(_)
            | Account::IncomeVillage(_)
            | Account::Project(_)
            | Account::Base(_)
            | Account::Open(_)
            | Account::Operator(_)
            | Account::Due(_) => {}
        }
        Ok(())
    }

    /// Moves the four balances of a payment to a household at once: the hottest change of all.
    ///
    /// # Errors
    /// As the legs one by one would.
    pub(crate) fn pay_household(
        &mut self,
        unit: Unit,
        quota: QuotaId,
        fen: i64,
        date: Date,
    ) -> Result<(), Drift> {
        let number = self.cell_number(unit, quota)?;
        let cell = self.cells.edit(number).ok_or(Drift::overflow("cells"))?;
        let out = fen.saturating_neg();
        cell.hold = add(cell.hold, out, &Account::Hold(unit, quota))?;
        cell.quota = add(cell.quota, out, &Account::Quota(unit, quota))?;
        cell.used = add(cell.used, fen, &Account::Used(unit, quota))?;
        self.held.note(number, date, out)
    }
}

/// A short text to be hashed, without allocation. What does not fit is cut: the caller's texts do.
struct Short {
    bytes: [u8; 160],
    len: usize,
}

impl Short {
    fn new() -> Self {
        Self { bytes: [0; 160], len: 0 }
    }

    fn push(&mut self, bytes: &[u8]) {
        for (slot, byte) in self.bytes.iter_mut().skip(self.len).zip(bytes) {
            *slot = *byte;
        }
        self.len = self.len.saturating_add(bytes.len()).min(self.bytes.len());
    }

    fn number(&mut self, number: u64) {
        self.push(&number.to_le_bytes());
    }

    /// A text behind its length, so that two texts in a row cannot be mistaken for two others.
    fn sized(&mut self, bytes: &[u8]) {
        self.push(&[u8::try_from(bytes.len()).unwrap_or(u8::MAX)]);
        self.push(bytes);
    }

    fn hash(&self, secret: &Secret) -> KeyHash {
        let text = self.bytes.get(..self.len).unwrap_or_default();
        let hash = blake3::keyed_hash(&secret.0, text);
        let mut out = [0; 16];
        out.copy_from_slice(hash.as_bytes().first_chunk::<16>().unwrap_or(&[0; 16]));
        out
    }
}

#[cfg(test)]
const _: () = assert!(size_of::<Cell>() == 40);
