//! Bank references: has this money been sent before? (3023)
//!
//! Lives here: references by sender, payee, reference and quota, in sheets of 92 days by effective date. Two
//! dates within 92 days stand on the same sheet or on neighbours, so three sheets answer. Sheets of the last
//! months are tables of 16-byte keyed hashes; older ones, which next to nothing is dated back to, become sorted
//! lists of half the hash, at 16 bytes a reference.
//!
//! Always: no reference is ever forgotten, since a voucher may be dated back by any time; on one sheet a key
//! stands at most once, since two live records of a key are more than 92 days apart and a reversal takes its
//! record's key away. That two keys of one old sheet share half a hash happens once in 10^12 sheets; it would
//! refuse a payment, never let one pass.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use record::Seq;
use record::cow::CowTable;

use super::keys::KeyHash;
use crate::ids::Date;
use crate::saved::{In, Out, Saved, saved_as};
use crate::table::Undo;

/// Days within which a reference is not used twice. Source: domain contract, 4.3 and 4.4.
const REUSE_DAYS: u32 = 92;

/// Sheets become lists this many days behind the newest posting date: beside the 92 days this covers any
/// voucher dated back by as much again, three times what the first period rule allows.
const TABLE_DAYS: u32 = 184;

/// Position and day within the sheet of a reference, packed: positions stay below 2^56.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Use(u64);

impl Use {
    fn new(seq: Seq, day: u8) -> Self {
        Self(seq.0 << 8 | u64::from(day))
    }

    fn seq(self) -> Seq {
        Seq(self.0 >> 8)
    }

    fn day(self) -> u32 {
        u32::try_from(self.0 & 0xff).unwrap_or(0)
    }
}

saved_as! { Use: u64, |used| used.0, |number| Some(Self(number)); }

/// The references of 92 days.
#[derive(Clone, Default)]
struct Sheet(CowTable<(KeyHash, Use)>);

/// The keys are hashes already. Taken is the part that they are not sorted by in a snapshot: what is entered
/// in the order of its hashes clusters.
fn part(hash: &KeyHash) -> u64 {
    hash.last_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

impl Sheet {
    fn get(&self, hash: &KeyHash) -> Option<Use> {
        self.0.find(part(hash), |(key, _)| key == hash).map(|(_, used)| *used)
    }

    fn insert(&mut self, hash: KeyHash, used: Use) -> Option<Use> {
        if let Some((_, slot)) = self.0.find_mut(part(&hash), |(key, _)| *key == hash) {
            return Some(std::mem::replace(slot, used));
        }
        self.0.insert_unique(part(&hash), (hash, used), |(key, _)| part(key));
        None
    }

    fn remove(&mut self, hash: &KeyHash) -> Option<Use> {
        self.0.remove(part(hash), |(key, _)| key == hash).map(|(_, used)| used)
    }
}

impl Saved for Sheet {
    fn layout(out: &mut String) {
        out.push_str("list of ");
        <(KeyHash, Use)>::layout(out);
    }

    fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        // Sorted, so that equal content is equal bytes.
        let mut uses: Vec<&(KeyHash, Use)> = self.0.iter().collect();
        uses.sort_unstable_by_key(|(key, _)| key);
        out.count(uses.len())?;
        uses.into_iter().try_for_each(|used| used.save(out))
    }

    fn load(from: &mut In<'_>) -> io::Result<Self> {
        let mut sheet = Self::default();
        for _ in 0..from.count()? {
            let used: (KeyHash, Use) = Saved::load(from)?;
            // Each key stands there once.
            sheet.0.insert_unique(part(&used.0), used, |(key, _)| part(key));
        }
        Ok(sheet)
    }
}

/// The half of a hash by which an old sheet is sorted.
fn half(hash: &KeyHash) -> u64 {
    hash.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// An old sheet, sorted. Copies share it.
type Old = Arc<Vec<(u64, Use)>>;

/// Which references of an old sheet have this half of a hash.
fn within(old: &Old, half: u64) -> &[(u64, Use)] {
    let from = old.partition_point(|(found, _)| *found < half);
    let rest = old.get(from..).unwrap_or_default();
    rest.get(..rest.partition_point(|(found, _)| *found == half)).unwrap_or_default()
}

/// What was changed, to be undone.
#[derive(Clone)]
enum Change {
    /// A key of a table, and what stood there.
    Table(u32, KeyHash, Option<Use>),
    /// A reference taken out of an old sheet.
    Old(u32, (u64, Use)),
}

/// The references in use.
#[derive(Clone, Default)]
pub(crate) struct BankRefs {
    sheets: BTreeMap<u32, Sheet>,
    old: BTreeMap<u32, Old>,
    log: Vec<Change>,
    /// Newest posting date seen, and that at the last commit.
    today: u32,
    today_before: u32,
    /// The sheet of the posting date when old sheets were looked for last.
    looked_on: u32,
    direct: bool,
}

/// Number of a date's sheet, and the day within it.
fn place(date: Date) -> (u32, u8) {
    let sheet = date.0 / REUSE_DAYS;
    (sheet, u8::try_from(date.0 % REUSE_DAYS).unwrap_or(0))
}

impl BankRefs {
    /// The live record that uses a key within 92 days of a date, either way; the nearest by sheet.
    pub(crate) fn used(&self, hash: &KeyHash, date: Date) -> Option<Seq> {
        let (sheet, _) = place(date);
        let near = sheet.saturating_sub(1)..=sheet.saturating_add(1);
        let within_days = |sheet: u32, found: Use| {
            let day = sheet.saturating_mul(REUSE_DAYS).saturating_add(found.day());
            (day.abs_diff(date.0) <= REUSE_DAYS).then(|| found.seq())
        };
        let mut hot = self.sheets.range(near.clone());
        let hot = hot.find_map(|(sheet, uses)| within_days(*sheet, uses.get(hash)?));
        hot.or_else(|| {
            self.old.range(near).find_map(|(sheet, old)| {
                within(old, half(hash)).iter().find_map(|(_, found)| within_days(*sheet, *found))
            })
        })
    }

    /// Notes a use.
    pub(crate) fn insert(&mut self, hash: KeyHash, date: Date, seq: Seq) {
        let (sheet, day) = place(date);
        let before = self.sheets.entry(sheet).or_default().insert(hash, Use::new(seq, day));
        self.note(Change::Table(sheet, hash, before));
    }

    /// Frees a key of a record that is reversed.
    pub(crate) fn remove(&mut self, hash: KeyHash, date: Date, seq: Seq) {
        let (sheet, day) = place(date);
        let used = Use::new(seq, day);
        if let Some(uses) = self.sheets.get_mut(&sheet)
            && uses.get(&hash) == Some(used)
        {
            let before = uses.remove(&hash);
            return self.note(Change::Table(sheet, hash, before));
        }
        let row = (half(&hash), used);
        if let Some(old) = self.old.get_mut(&sheet)
            && let Ok(at) = old.binary_search(&row)
        {
            Arc::make_mut(old).remove(at);
            self.note(Change::Old(sheet, row));
        }
    }

    fn note(&mut self, change: Change) {
        if !self.direct {
            self.log.push(change);
        }
    }

    /// Tells the posting date.
    pub(crate) fn posted_on(&mut self, today: Date) {
        if self.today < today.0 {
            self.today = today.0;
            if self.direct {
                self.make_lists();
            }
        }
    }

    /// Makes lists of old sheets. Once a sheet: what is dated back that far stands in a table until then.
    fn make_lists(&mut self) {
        let now = self.today / REUSE_DAYS;
        if now == self.looked_on {
            return;
        }
        self.looked_on = now;
        let oldest = self.today.saturating_sub(TABLE_DAYS) / REUSE_DAYS;
        while let Some(first) = self.sheets.first_entry().filter(|sheet| *sheet.key() < oldest) {
            let (sheet, uses) = first.remove_entry();
            let old = Arc::make_mut(self.old.entry(sheet).or_default());
            old.extend(uses.0.iter().map(|(hash, used)| (half(hash), *used)));
            old.sort_unstable();
            old.shrink_to_fit();
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        let tables = self.sheets.values().map(|uses| uses.0.len());
        tables.chain(self.old.values().map(|old| old.len())).sum()
    }
}

impl Undo for BankRefs {
    fn commit(&mut self) {
        self.log.clear();
        self.today_before = self.today;
        self.make_lists();
    }

    fn rollback(&mut self) {
        self.today = self.today_before;
        while let Some(change) = self.log.pop() {
            match change {
                Change::Table(sheet, hash, before) => {
                    let uses = self.sheets.entry(sheet).or_default();
                    match before {
                        Some(found) => drop(uses.insert(hash, found)),
                        None => drop(uses.remove(&hash)),
                    }
                }
                Change::Old(sheet, row) => {
                    let old = Arc::make_mut(self.old.entry(sheet).or_default());
                    let at = old.partition_point(|found| *found < row);
                    old.insert(at, row);
                }
            }
        }
    }

    fn set_recording(&mut self, on: bool) {
        self.commit();
        self.direct = !on;
    }
}

impl Saved for BankRefs {
    fn layout(out: &mut String) {
        <((u32, u32), BTreeMap<u32, Sheet>, BTreeMap<u32, Vec<(u64, Use)>>)>::layout(out);
    }

    fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        (self.today, self.looked_on).save(out)?;
        self.sheets.save(out)?;
        out.count(self.old.len())?;
        self.old.iter().try_for_each(|(sheet, old)| {
            sheet.save(out)?;
            out.count(old.len())?;
            old.iter().try_for_each(|row| row.save(out))
        })
    }

    fn load(from: &mut In<'_>) -> io::Result<Self> {
        let ((today, looked_on), sheets) = Saved::load(from)?;
        let old: BTreeMap<u32, Vec<(u64, Use)>> = Saved::load(from)?;
        let old = old.into_iter().map(|(sheet, rows)| (sheet, Arc::new(rows))).collect();
        Ok(Self { sheets, old, today, today_before: today, looked_on, ..Self::default() })
    }
}

/// Sorted, and without what only says which sheets became lists.
impl fmt::Debug for BankRefs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables = self.sheets.iter().flat_map(|(sheet, uses)| {
            uses.0.iter().map(move |(key, found)| (*sheet, half(key), found.0))
        });
        let lists = self
            .old
            .iter()
            .flat_map(|(sheet, old)| old.iter().map(move |(half, found)| (*sheet, *half, found.0)));
        let mut all: Vec<_> = tables.chain(lists).collect();
        all.sort_unstable();
        f.debug_list().entries(all).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            refs.remove([1; 16], Date(at), Seq(8));
            assert_eq!(refs.len(), 1, "another record's use stays");
            refs.remove([1; 16], Date(at), Seq(7));
            assert_eq!((refs.used(&[1; 16], Date(at)), refs.len()), (None, 0));
        }
    }

    #[test]
    fn no_reference_is_ever_forgotten() {
        let key = |day: u32| {
            let mut key = [7; 16];
            key[..4].copy_from_slice(&day.to_be_bytes());
            key
        };
        let at = |day: u32| Seq(u64::from(day));
        for direct in [false, true] {
            let mut refs = BankRefs::default();
            refs.set_recording(!direct);
            for day in 17_000..18_200 {
                refs.insert(key(day), Date(day), at(day));
                refs.posted_on(Date(day));
                refs.commit();
            }
            assert!(3 < refs.old.len() && refs.sheets.len() < 6);
            assert_eq!(refs.len(), 1_200);
            // Dated back by years: found, taken away, brought back, and used again.
            for day in [17_000, 17_091, 17_092, 17_500, 18_199] {
                assert_eq!(refs.used(&key(day), Date(day)), Some(at(day)));
                assert_eq!(refs.used(&key(day), Date(day + 92)), Some(at(day)));
                assert_eq!(refs.used(&key(day), Date(day + 93)), None);
            }
            let before = format!("{refs:?}");
            if !direct {
                refs.remove(key(17_000), Date(17_000), at(17_000));
                refs.insert(key(17_000), Date(17_001), at(99_999));
                assert_eq!(refs.used(&key(17_000), Date(17_000)), Some(at(99_999)));
                refs.rollback();
                assert_eq!(format!("{refs:?}"), before);
            }
            refs.remove(key(17_000), Date(17_000), at(1));
            assert_eq!(format!("{refs:?}"), before, "another record's use stays");
            refs.remove(key(17_000), Date(17_000), at(17_000));
            refs.commit();
            assert_eq!(refs.used(&key(17_000), Date(17_000)), None);
            // A late one stands in a table, and joins the list with the next sheet.
            refs.insert(key(5), Date(17_000), at(5));
            refs.commit();
            refs.posted_on(Date(18_400));
            refs.commit();
            assert_eq!(refs.used(&key(5), Date(17_000)), Some(at(5)));
            assert_eq!(refs.len(), 1_200);
        }
    }

    #[test]
    fn what_is_saved_comes_back() {
        let mut refs = BankRefs::default();
        for day in 17_000..17_900_u32 {
            let mut key = [1; 16];
            key[..4].copy_from_slice(&day.to_be_bytes());
            refs.insert(key, Date(day), Seq(u64::from(day)));
            refs.posted_on(Date(day));
            refs.commit();
        }
        let mut bytes = Vec::new();
        refs.save(&mut Out(&mut bytes)).unwrap();
        let back = BankRefs::load(&mut In(&mut bytes.as_slice())).unwrap();
        assert_eq!(format!("{back:?}"), format!("{refs:?}"));
        assert_eq!(back.looked_on, refs.looked_on);
    }
}
