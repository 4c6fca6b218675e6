//! Bank references: has this money been sent before? (3023)
//!
//! Lives here: references by sender, payee, reference and quota, in sheets of 92 days by effective date. Two
//! dates within 92 days stand on the same sheet or on neighbours, so three sheets answer. A sheet is sorted by
//! a keyed hash and cut into shards by its first bits. Of a shard the body is whole and shared by copies; what
//! came since the last merge is its tail: a reference costs 16 bytes, the tails together some hundredths of
//! that, a sheet 64 KiB for its shards; no table doubles at once.
//!
//! Always: no reference is ever forgotten, since a voucher may be dated back by any time. Two live records of a
//! key are more than 92 days apart, and a reversal takes its record's key away. That one of 10^8 references of
//! a sheet shares its 80 bits with another key happens once in 10^16 payments; it would refuse a payment, never
//! let one pass.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use record::Seq;

use super::keys::KeyHash;
use crate::event::Drift;
use crate::ids::Date;
use crate::saved::{In, Out, Saved};
use crate::table::Undo;

/// Days within which a reference is not used twice. Source: domain contract, 4.3 and 4.4.
const REUSE_DAYS: u32 = 92;

/// Bits of a hash that say its shard.
const SHARD_BITS: u32 = 11;

/// Rows of a tail at least before it is merged; a large body waits for its 32nd part, so that merging
/// costs some ten nanoseconds a row.
const TAIL_ROWS: usize = 32;

/// A reference: 80 bits of its hash, 41 of its position, 7 of the day within its sheet. A position from two
/// trillion records on loses its upper bits: a refusal would then name another record, and still be right.
type Row = u128;

const DAY_BITS: u32 = 7;
const SEQ_BITS: u32 = 41;
const KEY_SHIFT: u32 = DAY_BITS + SEQ_BITS;
const _: () = assert!(REUSE_DAYS <= 1 << DAY_BITS);

fn row(hash: &KeyHash, seq: Seq, day: u32) -> Row {
    let key = u128::from_be_bytes(*hash) >> KEY_SHIFT << KEY_SHIFT;
    let seq = u128::from(seq.0) & ((1 << SEQ_BITS) - 1);
    key | seq << DAY_BITS | u128::from(day)
}

fn seq(row: Row) -> Seq {
    Seq(u64::try_from(row >> DAY_BITS & ((1 << SEQ_BITS) - 1)).unwrap_or(0))
}

fn day(row: Row) -> u32 {
    u32::try_from(row & ((1 << DAY_BITS) - 1)).unwrap_or(0)
}

/// Which shard. Shards stand in the order of their rows.
fn shard(row: Row) -> usize {
    usize::try_from(row >> (u128::BITS - SHARD_BITS)).unwrap_or(0)
}

/// Where in a sorted list the first row stands that is not below `row`.
///
/// Hashes lie evenly, so it is looked for around where it should be, which touches lines of memory near each
/// other instead of some all over the list.
fn lower_bound(rows: &[Row], row: Row) -> usize {
    let share = u64::try_from(row >> (u128::BITS - SHARD_BITS - 32) & 0xffff_ffff).unwrap_or(0);
    let len = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let guess = usize::try_from(share.saturating_mul(len) >> 32).unwrap_or(0);
    let spread = rows.len().isqrt().saturating_add(4);
    let (from, to) = (guess.saturating_sub(spread), guess.saturating_add(spread));
    // What is not within that far stands before it or behind it.
    let below = |at: usize| rows.get(at).is_some_and(|found| *found < row);
    let from = if from == 0 || below(from) { from } else { 0 };
    let to = if to < rows.len() && !below(to) { to } else { rows.len() };
    let near = rows.get(from..to).unwrap_or_default();
    from.saturating_add(near.partition_point(|found| *found < row))
}

/// The rows whose hashes begin alike, both lists sorted.
#[derive(Clone, Default)]
struct Shard {
    body: Option<Arc<Vec<Row>>>,
    tail: Vec<Row>,
}

impl Shard {
    fn body(&self) -> &[Row] {
        self.body.as_ref().map_or(&[], |body| body.as_slice())
    }

    /// Rows from `from` on, as far as the key of it goes.
    fn of_key(&self, from: Row) -> impl Iterator<Item = Row> {
        let of = move |rows: &'_ [Row], at: usize| -> Option<Row> {
            rows.get(at).copied().filter(|found| found >> KEY_SHIFT == from >> KEY_SHIFT)
        };
        let in_body = (lower_bound(self.body(), from)..).map_while(move |at| of(self.body(), at));
        let first = self.tail.partition_point(|found| *found < from);
        in_body.chain((first..).map_while(move |at| of(&self.tail, at)))
    }

    fn insert(&mut self, row: Row) {
        let at = self.tail.partition_point(|found| *found < row);
        self.tail.insert(at, row);
        if TAIL_ROWS.max(self.body().len() / 32) <= self.tail.len() {
            self.body = Some(Arc::new(self.rows().collect()));
            self.tail.clear();
        }
    }

    /// Takes a row out; says whether it was there.
    fn remove(&mut self, row: Row) -> bool {
        if let Ok(at) = self.tail.binary_search(&row) {
            self.tail.remove(at);
            return true;
        }
        let at = lower_bound(self.body(), row);
        match &mut self.body {
            Some(body) if body.get(at) == Some(&row) => {
                Arc::make_mut(body).remove(at);
                true
            }
            _ => false,
        }
    }

    fn len(&self) -> usize {
        self.body().len().saturating_add(self.tail.len())
    }

    /// All rows, sorted; it tells how many there are, so that a list of them takes no more than that.
    fn rows(&self) -> Rows<'_> {
        Rows { body: self.body(), tail: &self.tail }
    }
}

/// Two sorted lists as one.
struct Rows<'a> {
    body: &'a [Row],
    tail: &'a [Row],
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        let side = match (self.body.first(), self.tail.first()) {
            (Some(body), Some(tail)) if tail < body => &mut self.tail,
            (Some(_), _) => &mut self.body,
            (None, _) => &mut self.tail,
        };
        let (row, rest) = side.split_first()?;
        *side = rest;
        Some(*row)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.body.len().saturating_add(self.tail.len());
        (len, Some(len))
    }
}

/// The references of 92 days.
#[derive(Clone)]
struct Sheet(Vec<Shard>);

impl Default for Sheet {
    fn default() -> Self {
        Self(vec![Shard::default(); 1 << SHARD_BITS])
    }
}

impl Sheet {
    fn rows(&self) -> impl Iterator<Item = Row> {
        self.0.iter().flat_map(Shard::rows)
    }

    fn len(&self) -> usize {
        self.0.iter().map(Shard::len).sum()
    }
}

impl Saved for Sheet {
    fn layout(out: &mut String) {
        out.push_str("sorted list of ");
        <[u8; 16]>::layout(out);
    }

    fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        out.count(self.len())?;
        self.rows().try_for_each(|row| out.bytes(&row.to_be_bytes()))
    }

    fn load(from: &mut In<'_>) -> io::Result<Self> {
        let mut sheet = Self::default();
        let (mut last, mut rows) = (None, Vec::new());
        for _ in 0..from.count()? {
            let row = Row::from_be_bytes(from.bytes()?);
            if last.is_some_and(|last| row <= last) {
                return Err(In::wrong());
            }
            if last.is_some_and(|last| shard(last) != shard(row)) {
                sheet.fill(&mut rows);
            }
            rows.push(row);
            last = Some(row);
        }
        sheet.fill(&mut rows);
        Ok(sheet)
    }
}

impl Sheet {
    /// Makes a body of rows of one shard.
    fn fill(&mut self, rows: &mut Vec<Row>) {
        if let Some(first) = rows.first()
            && let Some(shard) = self.0.get_mut(shard(*first))
        {
            shard.body = Some(Arc::new(rows.as_slice().to_vec()));
        }
        rows.clear();
    }
}

/// What was changed, to be undone: a row of a sheet that came or went.
#[derive(Clone)]
struct Change {
    sheet: u32,
    row: Row,
    came: bool,
}

/// The references in use. A copy shares the sheets that neither side changes.
#[derive(Clone, Default)]
pub(crate) struct BankRefs {
    sheets: BTreeMap<u32, Arc<Sheet>>,
    log: Vec<Change>,
    direct: bool,
}

/// Number of a date's sheet, and the day within it.
fn place(date: Date) -> (u32, u32) {
    (date.0 / REUSE_DAYS, date.0 % REUSE_DAYS)
}

impl BankRefs {
    /// The live record that uses a key within 92 days of a date, either way; of several the
    /// one on the earliest sheet.
    pub(crate) fn used(&self, hash: &KeyHash, date: Date) -> Option<Seq> {
        let (sheet, _) = place(date);
        let from = row(hash, Seq(0), 0);
        let near = sheet.saturating_sub(1)..=sheet.saturating_add(1);
        self.sheets.range(near).find_map(|(sheet, found)| {
            let mut rows = found.0.get(shard(from))?.of_key(from);
            let first_day = sheet.saturating_mul(REUSE_DAYS);
            let near =
                |found: &Row| first_day.saturating_add(day(*found)).abs_diff(date.0) <= REUSE_DAYS;
            rows.find(near).map(seq)
        })
    }

    /// Notes a use.
    pub(crate) fn insert(&mut self, hash: KeyHash, date: Date, seq: Seq) {
        let (sheet, day) = place(date);
        self.change(Change { sheet, row: row(&hash, seq, day), came: true });
    }

    /// Frees a key of a record that is reversed.
    ///
    /// # Errors
    /// [`Drift`] when the record does not use it, and nothing has changed.
    pub(crate) fn remove(&mut self, hash: KeyHash, date: Date, seq: Seq) -> Result<(), Drift> {
        let (sheet, day) = place(date);
        if self.change(Change { sheet, row: row(&hash, seq, day), came: false }) {
            return Ok(());
        }
        Err(Drift::of(format!("record {seq} uses no such bank reference on that day")))
    }

    /// Changes a row, to be undone by a rollback; says whether anything changed.
    fn change(&mut self, change: Change) -> bool {
        let changed = self.apply(&change);
        if changed && !self.direct {
            self.log.push(change);
        }
        changed
    }

    /// Changes a row; says whether anything changed.
    fn apply(&mut self, change: &Change) -> bool {
        if change.came {
            let sheet = Arc::make_mut(self.sheets.entry(change.sheet).or_default());
            let shard = sheet.0.get_mut(shard(change.row));
            return shard.map(|shard| shard.insert(change.row)).is_some();
        }
        let sheet = self.sheets.get_mut(&change.sheet).map(Arc::make_mut);
        let shard = sheet.and_then(|sheet| sheet.0.get_mut(shard(change.row)));
        shard.is_some_and(|shard| shard.remove(change.row))
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.sheets.values().map(|sheet| sheet.len()).sum()
    }
}

impl Undo for BankRefs {
    fn commit(&mut self) {
        self.log.clear();
    }

    fn rollback(&mut self) {
        while let Some(change) = self.log.pop() {
            self.apply(&Change { came: !change.came, ..change });
        }
    }

    fn set_recording(&mut self, on: bool) {
        self.commit();
        self.direct = !on;
    }
}

/// Sheets that never held a row, or hold none any more, are not there: equal content is equal bytes.
impl Saved for BankRefs {
    fn layout(out: &mut String) {
        <BTreeMap<u32, Sheet>>::layout(out);
    }

    fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        let sheets = || self.sheets.iter().filter(|(_, sheet)| 0 < sheet.len());
        out.count(sheets().count())?;
        sheets().try_for_each(|(number, sheet)| {
            number.save(out)?;
            sheet.save(out)
        })
    }

    fn load(from: &mut In<'_>) -> io::Result<Self> {
        let sheets: BTreeMap<u32, Sheet> = Saved::load(from)?;
        let sheets = sheets.into_iter().map(|(number, sheet)| (number, Arc::new(sheet)));
        Ok(Self { sheets: sheets.collect(), ..Self::default() })
    }
}

/// Sheet and row, sorted.
impl fmt::Debug for BankRefs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows =
            self.sheets.iter().flat_map(|(sheet, rows)| rows.rows().map(move |r| (*sheet, r)));
        f.debug_list().entries(rows).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hash that lies as a real one would.
    fn key(n: u32) -> KeyHash {
        *blake3::hash(&n.to_be_bytes()).as_bytes().first_chunk().unwrap()
    }

    #[test]
    fn a_reference_is_taken_for_92_days_either_way() {
        for at in 17_000..17_100 {
            let mut refs = BankRefs::default();
            refs.insert([1; 16], Date(at), Seq(7));
            for day in at - 200..at + 200 {
                let expected = (day.abs_diff(at) <= 92).then_some(Seq(7));
                assert_eq!(refs.used(&[1; 16], Date(day)), expected, "{day} of {at}");
                assert_eq!(refs.used(&[2; 16], Date(day)), None);
            }
            assert!(refs.remove([1; 16], Date(at), Seq(8)).is_err(), "another record's use");
            assert!(refs.remove([1; 16], Date(at + 92), Seq(7)).is_err(), "another sheet");
            assert_eq!((refs.len(), refs.sheets.len(), refs.log.len()), (1, 1, 1));
            refs.remove([1; 16], Date(at), Seq(7)).unwrap();
            assert_eq!((refs.used(&[1; 16], Date(at)), refs.len()), (None, 0));
        }
    }

    #[test]
    fn it_answers_as_a_plain_list_does() {
        let mut list: Vec<(u32, u32, u64)> = Vec::new();
        let mut refs = BankRefs::default();
        let (mut merged, mut of_body, mut undone) = (0, 0, 0);
        let mut random = 1_u64;
        let mut draw = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            u32::try_from((random >> 33) % below).unwrap()
        };
        for n in 0..400_000_u32 {
            let before = (n % 1_000 == 999).then(|| (list.clone(), refs.len()));
            let date = 17_000 + draw(120);
            refs.insert(key(n), Date(date), Seq(n.into()));
            list.push((n, date, n.into()));
            if n % 7 == 0 {
                let at = usize::try_from(draw(u64::try_from(list.len()).unwrap())).unwrap();
                let (name, date, seq) = list.swap_remove(at);
                let (sheet, day) = place(Date(date));
                let gone = row(&key(name), Seq(seq), day);
                let shard = &refs.sheets[&sheet].0[shard(gone)];
                of_body += u32::from(shard.body().binary_search(&gone).is_ok());
                refs.remove(key(name), Date(date), Seq(seq)).unwrap();
                assert_eq!(refs.used(&key(name), Date(date)), None);
            }
            if let Some((before, len)) = before {
                list = before;
                refs.rollback();
                assert_eq!(refs.len(), len);
                undone += 1;
            }
            refs.commit();
        }
        for (name, date, seq) in &list {
            assert_eq!(refs.used(&key(*name), Date(*date)), Some(Seq(*seq)), "{name}");
        }
        assert_eq!(refs.len(), list.len());
        for sheet in refs.sheets.values() {
            for shard in &sheet.0 {
                merged += u32::from(!shard.body().is_empty());
                assert!(shard.body().is_sorted() && shard.tail.is_sorted());
            }
        }
        assert!(2_000 < merged && 1_000 < of_body && undone == 400);
    }

    #[test]
    fn keys_that_are_alike_in_80_bits_are_one_and_their_records_two() {
        let (mut one, mut other) = ([9; 16], [9; 16]);
        (one[10], other[10]) = (1, 2);
        let mut refs = BankRefs::default();
        refs.insert(one, Date(17_000), Seq(5));
        assert_eq!(refs.used(&other, Date(17_000)), Some(Seq(5)));
        for next in [8, 10] {
            other[9] = next;
            assert_eq!(refs.used(&other, Date(17_000)), None);
        }
        other[9] = 9;
        refs.insert(other, Date(17_000), Seq(6));
        refs.remove(one, Date(17_000), Seq(5)).unwrap();
        assert_eq!(refs.used(&one, Date(17_000)), Some(Seq(6)));
    }

    #[test]
    fn a_key_lives_on_several_sheets() {
        let mut refs = BankRefs::default();
        let days = [17_000, 17_093, 17_186, 18_000];
        for (date, seq) in days.into_iter().zip(1..) {
            assert_eq!(refs.used(&[3; 16], Date(date)), None);
            refs.insert([3; 16], Date(date), Seq(seq));
        }
        assert_eq!(refs.sheets.len(), 4);
        assert_eq!(days.map(|day| refs.used(&[3; 16], Date(day)).unwrap().0), [1, 2, 3, 4]);
        assert_eq!(refs.used(&[3; 16], Date(17_140)), Some(Seq(2)), "of two the earlier");
        refs.remove([3; 16], Date(17_093), Seq(2)).unwrap();
        assert_eq!(refs.used(&[3; 16], Date(17_093)), None);
        assert_eq!(refs.used(&[3; 16], Date(17_140)), Some(Seq(3)));
    }

    #[test]
    fn the_last_position_and_the_last_day_of_a_sheet() {
        let (date, last) = (Date(REUSE_DAYS * 185 + 91), Seq((1 << SEQ_BITS) - 1));
        let mut refs = BankRefs::default();
        refs.insert([255; 16], date, last);
        let packed = row(&[255; 16], last, 91);
        assert_eq!((seq(packed), day(packed)), (last, 91));
        assert_eq!(refs.used(&[255; 16], Date(date.0 + 92)), Some(last));
        assert_eq!(refs.used(&[255; 16], Date(date.0 - 92)), Some(last));
        assert_eq!(refs.used(&[255; 16], Date(date.0 + 93)), None);
        refs.remove([255; 16], date, last).unwrap();
        assert_eq!(refs.len(), 0);
    }

    #[test]
    fn what_a_voucher_merged_and_removed_is_undone() {
        let mut refs = BankRefs::default();
        // All in one shard.
        let key = |n: u8| [0, 0, n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        (0..20).for_each(|n| refs.insert(key(n), Date(17_000), Seq(n.into())));
        refs.commit();
        let before = format!("{refs:?}");
        (20..50).for_each(|n| refs.insert(key(n), Date(17_000), Seq(n.into())));
        let shard = |refs: &BankRefs| refs.sheets[&(17_000 / REUSE_DAYS)].0[0].clone();
        assert!(!shard(&refs).body().is_empty(), "a merge");
        for n in [0, 19, 20, 31, 49] {
            refs.remove(key(n), Date(17_000), Seq(n.into())).unwrap();
        }
        assert_eq!(refs.len(), 45);
        refs.rollback();
        assert_eq!(format!("{refs:?}"), before);
        assert_eq!(refs.used(&key(19), Date(17_000)), Some(Seq(19)));
    }

    #[test]
    fn a_row_is_found_however_hashes_lie() {
        let all: [fn(u32) -> u128; 5] = [
            |n| u128::from_be_bytes(key(n)),
            |n| u128::from(n) << 90,
            |n| u128::MAX - (u128::from(n) << 90),
            |n| u128::from(n % 2) << 127 | u128::from(n),
            |n| u128::from(n).pow(3) << 60,
        ];
        for of in all {
            for len in [0, 1, 2, 3, 10, 1_000] {
                let mut rows: Vec<u128> = (1..=len).map(of).collect();
                rows.sort_unstable();
                for row in rows.iter().flat_map(|row| [row - 1, *row, row.saturating_add(1)]) {
                    let expected = rows.partition_point(|found| *found < row);
                    assert_eq!(lower_bound(&rows, row), expected);
                }
                assert_eq!(lower_bound(&rows, u128::MAX), rows.partition_point(|r| *r < u128::MAX));
                assert_eq!(lower_bound(&rows, 0), 0);
            }
        }
    }

    #[test]
    fn a_copy_stays_as_it_was() {
        let mut refs = BankRefs::default();
        (0..90_000).for_each(|n| refs.insert(key(n), Date(17_000), Seq(n.into())));
        let copy = refs.clone();
        (90_000..190_000).for_each(|n| refs.insert(key(n), Date(17_000), Seq(n.into())));
        refs.remove(key(5), Date(17_000), Seq(5)).unwrap();
        assert_eq!((copy.len(), refs.len()), (90_000, 189_999));
        assert_eq!(copy.used(&key(5), Date(17_000)), Some(Seq(5)));
        assert_eq!(copy.used(&key(90_000), Date(17_000)), None);
    }

    #[test]
    fn what_is_saved_comes_back() {
        let mut refs = BankRefs::default();
        for n in 0..100_000_u32 {
            refs.insert(key(n), Date(17_000 + n % 900), Seq(n.into()));
        }
        refs.insert(key(1), Date(30_000), Seq(1));
        refs.remove(key(1), Date(30_000), Seq(1)).unwrap();
        let mut bytes = Vec::new();
        refs.save(&mut Out(&mut bytes)).unwrap();
        let back = BankRefs::load(&mut In(&mut bytes.as_slice())).unwrap();
        assert_eq!(format!("{back:?}"), format!("{refs:?}"));
        let mut again = Vec::new();
        back.save(&mut Out(&mut again)).unwrap();
        assert!(bytes == again && bytes.len() < 17 * 100_000);
        // Rows out of order were never written.
        let last = bytes.len() - 16;
        bytes.copy_within(last - 16..last, last);
        assert!(BankRefs::load(&mut In(&mut bytes.as_slice())).is_err());
    }
}
