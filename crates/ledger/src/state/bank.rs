//! Bank references of the last months: has this money been sent before? (3023)
//!
//! Lives here: references by sender, payee, reference and quota, as 16 bytes of a keyed hash, in sheets of
//! 92 days by effective date. Two dates within 92 days stand on the same sheet or on neighbours, so three
//! sheets answer, and an old sheet is dropped as a whole.
//!
//! Always: on one sheet a key stands at most once, since two live records of a key are more than 92 days
//! apart and a reversal takes its record's key away.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use record::Seq;
use record::cow::CowTable;

use super::keys::KeyHash;
use crate::ids::Date;
use crate::saved::{In, Out, Saved, saved_as};
use crate::table::Undo;

/// Days within which a reference is not used twice. Source: domain contract, 4.3 and 4.4.
const REUSE_DAYS: u32 = 92;

/// Sheets end to be kept this many days behind the newest posting date: beside the 92 days this covers any
/// voucher dated back by as much again, three times what the first period rule allows.
const KEEP_DAYS: u32 = 184;

/// Position and day within the sheet of a reference, packed: positions stay below 2^56.
#[derive(Clone, Copy, PartialEq, Eq)]
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
            let (key, used) = Saved::load(from)?;
            sheet.insert(key, used);
        }
        Ok(sheet)
    }
}

/// The references in use.
#[derive(Clone, Default)]
pub(crate) struct BankRefs {
    sheets: BTreeMap<u32, Sheet>,
    log: Vec<(u32, KeyHash, Option<Use>)>,
    /// Newest posting date seen, and that at the last commit.
    today: u32,
    today_before: u32,
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
        self.sheets.range(sheet.saturating_sub(1)..=sheet.saturating_add(1)).find_map(
            |(at, uses)| {
                let found = uses.get(hash)?;
                let day = at.saturating_mul(REUSE_DAYS).saturating_add(found.day());
                (day.abs_diff(date.0) <= REUSE_DAYS).then(|| found.seq())
            },
        )
    }

    /// Notes a use.
    pub(crate) fn insert(&mut self, hash: KeyHash, date: Date, seq: Seq) {
        let (sheet, day) = place(date);
        let before = self.sheets.entry(sheet).or_default().insert(hash, Use::new(seq, day));
        self.note(sheet, hash, before);
    }

    /// Frees a key of a record that is reversed.
    pub(crate) fn remove(&mut self, hash: KeyHash, date: Date, seq: Seq) {
        let (sheet, day) = place(date);
        let Some(uses) = self.sheets.get_mut(&sheet) else { return };
        if uses.get(&hash) == Some(Use::new(seq, day)) {
            let before = uses.remove(&hash);
            self.note(sheet, hash, before);
        }
    }

    fn note(&mut self, sheet: u32, hash: KeyHash, before: Option<Use>) {
        if !self.direct {
            self.log.push((sheet, hash, before));
        }
    }

    /// Tells the posting date. Sheets that nothing new can meet go with the next commit.
    pub(crate) fn posted_on(&mut self, today: Date) {
        if self.today < today.0 {
            self.today = today.0;
            if self.direct {
                self.prune();
            }
        }
    }

    fn prune(&mut self) {
        let oldest = self.today.saturating_sub(KEEP_DAYS) / REUSE_DAYS;
        while let Some(sheet) = self.sheets.first_entry().filter(|sheet| *sheet.key() < oldest) {
            sheet.remove();
        }
        self.sheets.retain(|_, uses| !uses.0.is_empty());
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.sheets.values().map(|uses| uses.0.len()).sum()
    }
}

impl Undo for BankRefs {
    fn commit(&mut self) {
        self.log.clear();
        self.today_before = self.today;
        self.prune();
    }

    fn rollback(&mut self) {
        self.today = self.today_before;
        while let Some((sheet, hash, before)) = self.log.pop() {
            let uses = self.sheets.entry(sheet).or_default();
            match before {
                Some(found) => drop(uses.insert(hash, found)),
                None => drop(uses.remove(&hash)),
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
        <(u32, BTreeMap<u32, Sheet>)>::layout(out);
    }

    fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        self.today.save(out)?;
        self.sheets.save(out)
    }

    fn load(from: &mut In<'_>) -> io::Result<Self> {
        let (today, sheets) = Saved::load(from)?;
        Ok(Self { sheets, today, today_before: today, ..Self::default() })
    }
}

/// Sorted, and without what only says how far it was pruned.
impl fmt::Debug for BankRefs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all: Vec<_> = self
            .sheets
            .iter()
            .flat_map(|(sheet, uses)| {
                uses.0.iter().map(move |(key, found)| (*sheet, *key, found.0))
            })
            .collect();
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
    fn old_sheets_go_and_what_may_be_asked_stays() {
        let mut refs = BankRefs::default();
        for day in 17_000..17_600 {
            refs.insert([u8::try_from(day % 251).unwrap(); 16], Date(day), Seq(u64::from(day)));
            refs.posted_on(Date(day));
            refs.commit();
        }
        let last = 17_599;
        for day in last - KEEP_DAYS..=last {
            let key = [u8::try_from(day % 251).unwrap(); 16];
            assert_eq!(refs.used(&key, Date(day)), Some(Seq(u64::from(day))));
        }
        assert!(refs.len() <= usize::try_from(KEEP_DAYS + REUSE_DAYS).unwrap());
    }
}
