//! View 2: a household's standing in the register and what it was paid.
//!
//! Lives here: one flat row a household, for lists and totals. Lives elsewhere: the same by purpose,
//! quota and year, and the review line (`history`, from the household's own records).
//!
//! Always: `paid` and `refunded` are gross without reversed records; what came back of a payment counts
//! in its own year and village, which is why neither is here.

use std::collections::BTreeSet;
use std::io;

use ledger::ids::HouseholdCode;
use ledger::words::{Class, HouseholdState};
use record::cow::CowTable;

use crate::digest::{ColumnType, Layout, RowOut, Running};
use crate::drift::{Drift, add};
use crate::names::Names;
use crate::step::{Change, Payment, Standing, Step, What};
use crate::table::{No, Table, hash};
use crate::value::{In, Out, Plain};

/// Layout of the canonical row.
pub(crate) const LAYOUT: Layout = Layout {
    number: 2,
    name: "household",
    key: &[("household", ColumnType::U64)],
    columns: &[
        ("state", ColumnType::U8),
        ("class", ColumnType::U8),
        ("village", ColumnType::U64),
        ("active", ColumnType::I32),
        ("peak", ColumnType::I32),
        ("paid", ColumnType::I64),
        ("refunded", ColumnType::I64),
        ("attributed", ColumnType::I64),
        ("asset_income", ColumnType::I64),
    ],
};

const ROW: &str = "a household";

/// One household.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Household {
    pub(crate) paid: i64,
    pub(crate) refunded: i64,
    /// Net of what was withdrawn.
    pub(crate) attributed: i64,
    pub(crate) asset_income: i64,
    pub(crate) standing: Standing,
    /// Most active members at one time.
    pub(crate) peak: i16,
    /// Standing payments by `payer`, so that a unit counts a household once.
    live: i16,
    /// Number of the unit that paid first, plus 1; 0: nobody yet. Most households have one payer.
    payer: No,
}

impl Household {
    /// Returns the row as it is seen: who paid is counted elsewhere.
    fn seen(self) -> Self {
        Self { live: 0, payer: 0, ..self }
    }
}

/// Household, unit, and standing payments.
type Further = ((No, No), i64);

/// All households.
#[derive(Clone, Debug)]
pub(crate) struct Households {
    rows: Table<u64, Household>,
    /// Standing payments by further payers, and what does not fit in `Household::live`.
    spill: CowTable<Further>,
    running: Running,
}

impl Households {
    pub(crate) fn new() -> Self {
        Self { rows: Table::new(), spill: CowTable::new(), running: Running::new(LAYOUT.number) }
    }

    /// Returns the number of a household that some record registered.
    pub(crate) fn number(&self, code: HouseholdCode) -> Result<No, Drift> {
        self.rows.find(&code.get()).ok_or(Drift::UnknownHousehold { household: code })
    }

    /// Reads the rows of these households.
    pub(crate) fn read_ahead(&self, codes: impl Iterator<Item = HouseholdCode>) {
        self.rows.read_ahead(codes.map(HouseholdCode::get));
    }

    /// Returns the number of a household, new or not.
    pub(crate) fn enter(&mut self, code: HouseholdCode) -> No {
        self.rows.number(&code.get())
    }

    /// Returns a household by number.
    pub(crate) fn get(&self, no: No) -> Household {
        self.rows.get(no)
    }

    /// Returns all households in the order of their first record.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (HouseholdCode, &Household)> {
        self.rows.iter().filter_map(|(code, row)| Some((HouseholdCode::of_number(*code)?, row)))
    }

    /// Applies a step and returns by how much the paying unit's number of households paid changes.
    pub(crate) fn apply(&mut self, step: &Step) -> Result<i32, Drift> {
        match step.what {
            What::Paid(Payment { household: Some(no), fen, unit, .. }) => {
                add(&mut self.change(no)?.paid, step.sign.of(fen), ROW)?;
                return self.count_payer(no, unit.no, step.sign.one());
            }
            What::Repaid(Payment { household: Some(no), fen, .. }) => {
                add(&mut self.change(no)?.refunded, step.sign.of(fen), ROW)
            }
            What::Attributed { household: Some(no), fen } => {
                add(&mut self.change(no)?.attributed, step.sign.of(fen), ROW)
            }
            What::Income { household: Some(no), fen } => {
                add(&mut self.change(no)?.asset_income, step.sign.of(fen), ROW)
            }
            What::Standing(changes) => {
                changes.into_iter().flatten().try_for_each(|change| self.stand(change))
            }
            What::Paid(Payment { household: None, .. })
            | What::Repaid(Payment { household: None, .. })
            | What::Attributed { household: None, .. }
            | What::Income { household: None, .. }
            | What::Nothing
            | What::Opened { .. }
            | What::Planned { .. }
            | What::Issued { .. }
            | What::Released { .. }
            | What::Withdrawn { .. }
            | What::Sent { .. }
            | What::Arrived { .. }
            | What::Bounced { .. } => Ok(()),
        }?;
        Ok(0)
    }

    /// Counts a payment of a unit.
    fn count_payer(&mut self, no: No, unit: No, one: i32) -> Result<i32, Drift> {
        let row = self.rows.change(no).ok_or(Drift::Numbers)?;
        let payer = unit.saturating_add(1);
        if row.payer == 0 {
            row.payer = payer;
        }
        // Reversals are rare, so only they, further payers and full counts look into the spill.
        let own = row.payer == payer;
        if own && 0 < one && row.live < i16::MAX && self.spill.is_empty() {
            let before = i32::from(0 < row.live);
            row.live = row.live.saturating_add(1);
            return Ok(i32::from(0 < row.live).saturating_sub(before));
        }
        let key = (no, unit);
        let same = |(found, _): &Further| *found == key;
        let found = self.spill.find(hash(&key), same).copied();
        let mut rest = found.map_or(0, |(_, rest)| rest);
        let total =
            |row: &Household, rest: i64| rest.saturating_add(if own { row.live.into() } else { 0 });
        let before = i32::from(0 < total(row, rest));
        match row.live.checked_add(i16::try_from(one).unwrap_or(0)) {
            Some(live) if own && (0 < one || rest == 0) => row.live = live,
            _ => rest = rest.saturating_add(one.into()),
        }
        let more = i32::from(0 < total(row, rest)).saturating_sub(before);
        match (found, rest) {
            (None, 0) => (),
            (None, _) => {
                self.spill.insert_unique(hash(&key), (key, rest), |(key, _)| hash(key));
            }
            (Some(_), 0) => {
                self.spill.remove(hash(&key), same);
            }
            (Some(_), _) => {
                if let Some(found) = self.spill.find_mut(hash(&key), same) {
                    found.1 = rest;
                }
            }
        }
        Ok(more)
    }

    fn stand(&mut self, change: Change) -> Result<(), Drift> {
        let row = self.change(change.household)?;
        row.standing = change.after;
        row.peak = row.peak.max(change.after.active);
        Ok(())
    }

    fn change(&mut self, no: No) -> Result<&mut Household, Drift> {
        self.rows.change(no).ok_or(Drift::Numbers)
    }

    /// Returns the households to which a payment of one of these units stands, and some that such a unit
    /// paid before it was reversed, in no particular order.
    pub(crate) fn paid_by(&self, units: &BTreeSet<No>) -> impl Iterator<Item = HouseholdCode> {
        let further: BTreeSet<No> = self
            .spill
            .iter()
            .filter(|((_, unit), _)| units.contains(unit))
            .map(|((household, _), _)| *household)
            .collect();
        let paid = move |no: No, row: &Household| {
            row.payer.checked_sub(1).is_some_and(|unit| units.contains(&unit))
                || further.contains(&no)
        };
        let numbered = (0..).zip(self.rows.iter()).filter(move |(no, (_, row))| paid(*no, row));
        numbered.filter_map(|(_, (code, _))| HouseholdCode::of_number(*code))
    }

    pub(crate) fn running(&mut self, names: &Names, out: &mut RowOut) -> &Running {
        let Self { rows, running, .. } = self;
        rows.settle(|_, code, before, now| {
            let key = |out: &mut RowOut| {
                out.u64(*code);
            };
            let seen = (&before.seen(), &now.seen());
            running.change(out, key, seen, |out, row| write(out, row, names));
        });
        &self.running
    }

    pub(crate) fn freeze(&mut self) {
        self.rows.freeze();
    }

    pub(crate) fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        self.rows.save(out)?;
        out.put(&self.spill.len())?;
        self.spill.iter().try_for_each(|further| out.put(further))?;
        self.running.save(out)
    }

    pub(crate) fn load(from: &mut In<'_>) -> io::Result<Self> {
        let rows = Table::load(from)?;
        let mut spill = CowTable::new();
        for _ in 0..from.take::<usize>()? {
            let further: Further = from.take()?;
            spill.insert_unique(hash(&further.0), further, |(key, _)| hash(key));
        }
        Ok(Self { rows, spill, running: Running::load(LAYOUT.number, from)? })
    }

    pub(crate) fn unsettle(&mut self) {
        self.rows.unsettle();
        self.running.clear();
    }

    /// Writes every row that is not empty: the oracle of the running digest.
    pub(crate) fn scan(&self, names: &Names, emit: &mut dyn FnMut(&[u8])) {
        let mut out = RowOut::default();
        for (code, row) in self.rows.iter().filter(|(_, row)| row.seen() != Household::default()) {
            let key = |out: &mut RowOut| {
                out.u64(*code);
            };
            emit(out.row(LAYOUT.number, key, |out| write(out, row, names)));
        }
    }
}

impl Plain for Household {
    /// Paid, refunded, attributed, asset income; state and class; active, peak, live; village and payer.
    type Form = ([i64; 4], (Option<u8>, Option<u8>), (i16, i16, i16), (No, No));

    fn plain(&self) -> Self::Form {
        let Standing { state, class, active, village } = self.standing;
        let sums = [self.paid, self.refunded, self.attributed, self.asset_income];
        let words = (state.map(HouseholdState::index), class.map(Class::index));
        (sums, words, (active, self.peak, self.live), (village, self.payer))
    }

    fn of_plain((sums, words, counts, numbers): Self::Form) -> Option<Self> {
        let [paid, refunded, attributed, asset_income] = sums;
        let (active, peak, live) = counts;
        let (village, payer) = numbers;
        let state = words.0.map(HouseholdState::at);
        let class = words.1.map(Class::at);
        // A word that this version does not know makes the whole of no use.
        let known = state != Some(None) && class != Some(None);
        let (state, class) = (state.flatten(), class.flatten());
        let standing = Standing { state, class, active, village };
        let row = Self { paid, refunded, attributed, asset_income, standing, peak, live, payer };
        known.then_some(row)
    }
}

fn write(out: &mut RowOut, row: &Household, names: &Names) {
    let Standing { state, class, active, village } = row.standing;
    let village = names.unit(village);
    out.u8(state.map_or(0, |state| state.index().saturating_add(1)))
        .u8(class.map_or(0, |class| class.index().saturating_add(1)))
        .u64(village.map_or(0, ledger::ids::Unit::code))
        .i32(i32::from(active))
        .i32(i32::from(row.peak))
        .i64s(&[row.paid, row.refunded, row.attributed, row.asset_income]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payer_is_counted_once_however_often_it_pays() {
        let mut all = Households::new();
        let code = HouseholdCode::of_number(44_142_490_120_100_013).unwrap();
        let no = all.enter(code);
        let full = i32::from(i16::MAX) + 10;
        for unit in [4, 5] {
            let changes: Vec<i32> =
                (0..full).map(|_| all.count_payer(no, unit, 1).unwrap()).collect();
            assert_eq!((changes[0], changes.iter().sum::<i32>()), (1, 1));
        }
        assert_eq!(all.paid_by(&BTreeSet::from([5])).count(), 1);
        for unit in [4, 5] {
            let changes: Vec<i32> =
                (0..full).map(|_| all.count_payer(no, unit, -1).unwrap()).collect();
            let last = changes.len() - 1;
            assert_eq!((changes[last], changes.iter().sum::<i32>()), (-1, -1));
        }
        assert!(all.spill.is_empty());
        // A fold by date may meet a reversal without its payment.
        assert_eq!(all.count_payer(no, 4, -1).unwrap(), 0);
        assert_eq!(all.count_payer(no, 4, 1).unwrap(), 0);
        assert_eq!(all.count_payer(no, 4, 1).unwrap(), 1);
    }
}
