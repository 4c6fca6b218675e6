//! Snapshots: where a start begins to replay, instead of at the first record.
//!
//! Lives here: the folder `snapshots/`, which of its files a start uses, when one is taken, the thread that
//! writes them.
//! Lives elsewhere: the bytes of a file (`file`), what is in it (`ledger::state`, `views`), the moment at
//! which it is taken (`sequencer`).
//!
//! Always: derived. Any file here may be deleted at any time, and any doubt about one leads to the one
//! before it and at last to a replay from the first record. A file is removed only by a start that came to
//! its end without it. Only what is durable and applied is in one.

mod file;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use journal::disk::join;
use journal::{Disk, Mode, Reader};
use record::Hash;
use record::limits::SEGMENT_BYTES;
use views::{ViewDigest, Views};

pub(crate) use file::{Identity, Snapshot};

use super::Notes;
use file::Doubt;

/// Folder of the snapshots, each under its size of 20 digits.
pub const SNAPSHOTS_DIR: &str = "snapshots";

/// Snapshots that stay: the newest, and one in case that something is wrong with it.
const KEPT: usize = 2;

/// Segments of the ledger that a snapshot leaves room for.
const SEGMENTS_LEFT: u32 = 4;

/// How far the writer stands back from the threads that somebody waits for, as `nice` counts.
const WRITER_NICE: i32 = 15;

/// When snapshots are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Records behind the last one, or behind the beginning, at which the next is due.
    pub records: u64,
    /// The same at a clean stop.
    pub records_at_stop: u64,
}

impl Default for Schedule {
    /// Two million records are replayed in some four seconds after a kill, and posted in no less than ten:
    /// a writer needs a core for a few of them. At a stop it is worth what 65,536 records cost a start.
    fn default() -> Self {
        Self { records: 1 << 21, records_at_stop: 1 << 16 }
    }
}

/// The snapshots of a ledger.
#[derive(Clone)]
pub(crate) struct Folder {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) identity: Identity,
    pub(crate) notes: Notes,
}

impl Folder {
    /// Reads the snapshots there are, each under the size in its name: the newest first, and each only when it
    /// is asked for. `expected` is the newest published checkpoint. Nothing is removed.
    pub(crate) fn newest_first<'a>(
        &'a self,
        reader: &'a dyn Reader,
        expected: Option<(u64, Hash)>,
    ) -> impl Iterator<Item = (u64, Result<Snapshot, Doubt>)> + 'a {
        sizes(&*self.disk).into_iter().rev().map(move |size| {
            let file = self.disk.open(&path(size), Mode::Read).map_err(Doubt::Io);
            let read =
                file.and_then(|file| file::read(&*file, size, &self.identity, reader, expected));
            (size, read)
        })
    }

    /// Says why a snapshot is not used.
    pub(crate) fn pass_over(&self, size: u64, why: &dyn std::fmt::Display) {
        (self.notes)(&format!("{} is not used: {why}", path(size)));
    }

    /// Removes snapshots that a start did without, and what a writer left that did not come to its end.
    pub(crate) fn remove(&self, sizes: &[u64]) {
        self.clean();
        for size in sizes {
            if let Err(error) = self.disk.remove(&path(*size)) {
                // It is met again by the next start.
                (self.notes)(&format!("{} cannot be removed: {error}", path(*size)));
            }
        }
    }

    /// Says why no snapshot is used, and returns the sizes of all.
    pub(crate) fn pass_over_all(&self, why: &dyn std::fmt::Display) -> Vec<u64> {
        let sizes = sizes(&*self.disk);
        for size in &sizes {
            self.pass_over(*size, why);
        }
        sizes
    }

    /// Removes what a writer left that did not come to its end.
    fn clean(&self) {
        let names = self.disk.list(SNAPSHOTS_DIR).unwrap_or_default();
        for name in names.iter().filter(|name| name.ends_with(TEMPORARY)) {
            drop(self.disk.remove(&join(SNAPSHOTS_DIR, name)));
        }
    }

    /// Writes a snapshot and says so in `written`, or to the operator that it failed.
    fn take(&self, snapshot: Snapshot, written: &AtomicU64) {
        let size = snapshot.chain.next_seq().0;
        match self.write(snapshot) {
            Ok(()) => written.store(size, Ordering::Release),
            Err(error) => {
                (self.notes)(&format!("the snapshot of {size} records failed: {error}"));
                self.clean();
            }
        }
    }

    /// Writes a snapshot and removes those that are too many.
    ///
    /// # Errors
    /// Those of the disk; `StorageFull` while the ledger may need the room; `InvalidData` for rows that do not
    /// have their running digests. A temporary file may be left.
    fn write(&self, snapshot: Snapshot) -> io::Result<()> {
        let own = snapshot.chain.next_seq().0;
        let sizes = || sizes(&*self.disk).into_iter().rev();
        let newest = sizes().next().and_then(|size| self.disk.open(&path(size), Mode::Read).ok());
        let newest_bytes = newest.map_or(Ok(0), |file| file.size())?;
        self.room_for(newest_bytes.saturating_add(newest_bytes / 4))?;
        let path = path(own);
        let temporary = format!("{path}{TEMPORARY}");
        self.disk.create_dir(SNAPSHOTS_DIR)?;
        self.disk.sync_dir("")?;
        let file = self.disk.open(&temporary, Mode::Create)?;
        // Power fails before this returns: a temporary file is left, which the next start removes.
        let go_on = &mut || self.room_for(0);
        file::write(&*file, &self.identity, snapshot, go_on, &mut digests_follow)?;
        self.disk.rename(&temporary, &path)?;
        self.disk.sync_dir(SNAPSHOTS_DIR)?;
        // Others of a later size that could not be opened may stand before this one.
        let others = sizes().filter(|size| *size != own);
        self.remove(&others.skip(KEPT.saturating_sub(1)).collect::<Vec<_>>());
        Ok(())
    }

    /// A ledger that has no room stops, one without a new snapshot starts more slowly.
    fn room_for(&self, bytes: u64) -> io::Result<()> {
        let left = u64::from(SEGMENTS_LEFT).saturating_mul(u64::from(SEGMENT_BYTES));
        let (free, needed) = (self.disk.free_bytes("")?, bytes.saturating_add(left));
        if needed <= free {
            return Ok(());
        }
        let what = format!("{free} bytes are free, {needed} needed");
        Err(io::Error::new(io::ErrorKind::StorageFull, what))
    }
}

/// Digests of the views of a snapshot.
pub struct Digested {
    /// Records in it.
    pub size: u64,
    /// Its name in the data directory.
    pub name: String,
    /// As they run on from it.
    pub running: Vec<ViewDigest>,
    /// Made from every row of it.
    pub of_rows: Vec<ViewDigest>,
}

/// Reads the newest snapshot of at most `size_max` records that is whole and of this log. Those that are not
/// are named to `passed_over`, with the reason. Nothing is removed.
pub fn newest_digests(
    disk: &dyn Disk,
    log: &Hash,
    reader: &dyn Reader,
    size_max: u64,
    passed_over: &mut dyn FnMut(String),
) -> Option<Digested> {
    sizes(disk).into_iter().rev().filter(|size| *size <= size_max).find_map(|size| {
        let file = disk.open(&path(size), Mode::Read).map_err(Doubt::Io);
        match file.and_then(|file| file::read_views(&*file, size, log, reader)) {
            Ok(mut views) => {
                let running = views.digests();
                Some(Digested { size, name: path(size), running, of_rows: views.digests_anew() })
            }
            Err(doubt) => {
                passed_over(format!("{}: {doubt}", path(size)));
                None
            }
        }
    })
}

/// Reads the views of a snapshot whose digests were read before; `None`: it is not whole any more.
pub fn views_of(
    disk: &dyn Disk,
    log: &Hash,
    reader: &dyn Reader,
    digested: &Digested,
) -> Option<Views> {
    let file = disk.open(&digested.name, Mode::Read).ok()?;
    file::read_views(&*file, digested.size, log, reader).ok()
}

/// Sizes of the snapshots there are, ascending.
fn sizes(disk: &dyn Disk) -> Vec<u64> {
    let names = disk.list(SNAPSHOTS_DIR).unwrap_or_default();
    let mut sizes: Vec<u64> = names.iter().filter_map(|name| size_of(name)).collect();
    sizes.sort_unstable();
    sizes
}

/// The size that a name says; `None` for what is no snapshot's name.
fn size_of(name: &str) -> Option<u64> {
    let digits = name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_digit());
    name.parse().ok().filter(|_| digits)
}

const TEMPORARY: &str = ".tmp";

fn path(size: u64) -> String {
    join(SNAPSHOTS_DIR, &format!("{size:020}"))
}

/// Refuses views of which a row was changed behind the back of the digests: all starts to come would believe it.
fn digests_follow(views: &mut Views) -> io::Result<()> {
    if views.digests() == views.digests_anew() {
        return Ok(());
    }
    let what = "rows of its views do not have their digest; compare with `rebuild`";
    Err(io::Error::new(io::ErrorKind::InvalidData, what))
}

/// Says when a snapshot is due, and hands it to the writer.
pub(crate) struct Due {
    schedule: Schedule,
    /// Records in the newest one that is written. Held by each snapshot on its way, too: what a snapshot shares
    /// is held twice once it changes, so there is one at a time, but at a stop.
    written: Arc<AtomicU64>,
    /// Records in the one that was handed on last, or that a start began with.
    given: u64,
    writer: SyncSender<(Arc<AtomicU64>, Snapshot)>,
}

/// The part of the records between two snapshots after which one is tried again that failed.
const TRIED_AGAIN: u64 = 16;

/// Makes both ends; `last` is the size of the snapshot that a start began with, 0 without one.
pub(crate) fn start(folder: Folder, schedule: Schedule, last: u64) -> (Due, Writer) {
    let (writer, snapshots) = sync_channel(1);
    let written = Arc::new(AtomicU64::new(last));
    (Due { schedule, written, given: last, writer }, Writer { folder, snapshots })
}

impl Due {
    /// Whether one is due now; while one is on its way, none is.
    pub(crate) fn now(&mut self, size: u64) -> bool {
        let records = self.schedule.records;
        records / TRIED_AGAIN <= size.saturating_sub(self.given)
            && self.written().is_some_and(|written| records <= size.saturating_sub(written))
    }

    /// Whether one is due at a stop. One that is on its way will be written, as far as is known.
    pub(crate) fn at_stop(&mut self, size: u64) -> bool {
        let last = self.written().unwrap_or(self.given);
        self.schedule.records_at_stop <= size.saturating_sub(last)
    }

    /// Records in the newest one that is written; `None` while one is on its way.
    fn written(&mut self) -> Option<u64> {
        Arc::get_mut(&mut self.written).map(|written| *written.get_mut())
    }

    /// Hands a snapshot on, when the writer is done with the one before.
    pub(crate) fn give(&mut self, snapshot: Snapshot) {
        self.given = snapshot.chain.next_seq().0;
        // Without a writer there is no snapshot.
        drop(self.writer.send((Arc::clone(&self.written), snapshot)));
    }
}

/// Writes snapshots as they come.
pub(crate) struct Writer {
    folder: Folder,
    snapshots: Receiver<(Arc<AtomicU64>, Snapshot)>,
}

impl Writer {
    /// Works until nobody takes snapshots any more.
    pub(crate) fn run(self) {
        // What follows behind gives way to posting; where it may not, it only takes its share.
        let _refused = rustix::process::nice(WRITER_NICE);
        // The count goes last: the next one comes when nothing is shared with this one any more.
        for (written, snapshot) in self.snapshots {
            self.folder.take(snapshot, &written);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use journal::SimDisk;
    use journal::disk::Fault;
    use ledger::state::State;
    use record::{ChainCheck, Seq};
    use tlog::Frontier;
    use views::Views;

    use super::*;

    fn snapshot(size: u64) -> Snapshot {
        Snapshot {
            chain: ChainCheck::resume(Seq(size), [1; 32], 5),
            unsealed: true,
            published: None,
            frontier: Frontier::new(),
            state: State::new([7; 32]),
            views: Views::new(),
        }
    }

    /// A folder on a simulated disk with two snapshots, and what is said about it.
    fn folder() -> (Arc<SimDisk>, Folder, Arc<Mutex<String>>) {
        let (disk, said) = (Arc::new(SimDisk::new()), Arc::new(Mutex::new(String::new())));
        let identity = Identity { log: [2; 32], secret: [7; 32] };
        let notes = Arc::clone(&said);
        let notes: Notes = Arc::new(move |note| *notes.lock().unwrap() += note);
        let folder = Folder { disk: disk.clone(), identity, notes };
        for size in [1, 2] {
            folder.write(snapshot(size)).unwrap();
        }
        (disk, folder, said)
    }

    #[test]
    fn a_disk_that_is_full_at_any_call_leaves_whole_snapshots_and_a_note() {
        let mut failed = 0;
        for n in 1.. {
            let (disk, folder, said) = folder();
            disk.fail(n, Fault::Enospc);
            let written = AtomicU64::new(2);
            folder.take(snapshot(3), &written);
            let said = said.lock().unwrap().clone();
            if disk.is_armed() {
                assert_eq!((said.as_str(), written.into_inner()), ("", 3));
                assert!(8 < failed, "{failed}");
                return;
            }
            let (there, names) = (sizes(&*disk), disk.list(SNAPSHOTS_DIR).unwrap());
            assert_eq!(names.len(), there.len(), "call {n}: {names:?}");
            let is_written = written.into_inner() == 3;
            assert_eq!(is_written, !said.contains("the snapshot of 3 records failed: "), "{said}");
            assert!(there.contains(&2) && (!is_written || there.contains(&3)), "call {n}");
            failed += u32::from(!is_written);
        }
    }

    #[test]
    fn a_snapshot_leaves_the_ledger_its_room() {
        let (disk, folder, said) = folder();
        let newest = u64::try_from(disk.contents(&path(2)).unwrap().len()).unwrap();
        let needed = newest + newest / 4 + 4 * u64::from(SEGMENT_BYTES);
        let written = AtomicU64::new(2);
        disk.set_free_bytes(Some(needed - 1));
        folder.take(snapshot(3), &written);
        let expected = format!(
            "the snapshot of 3 records failed: {} bytes are free, {needed} needed",
            needed - 1
        );
        assert_eq!(*said.lock().unwrap(), expected);
        assert_eq!((sizes(&*disk), written.load(Ordering::Acquire)), (vec![1, 2], 2));
        disk.set_free_bytes(Some(needed));
        folder.take(snapshot(3), &written);
        assert_eq!((sizes(&*disk), written.load(Ordering::Acquire)), (vec![2, 3], 3));
    }

    #[test]
    fn one_is_due_at_a_time_and_again_after_a_failure() {
        let (disk, folder, _) = folder();
        let schedule = Schedule { records: 160, records_at_stop: 20 };
        let (mut due, writer) = start(folder, schedule, 1_000);
        assert_eq!([1_000, 1_159, 1_160].map(|size| due.now(size)), [false, false, true]);
        assert_eq!([1_019, 1_020].map(|size| due.at_stop(size)), [false, true]);
        due.give(snapshot(1_160));
        // On its way: none is due, and a stop counts from it.
        assert!(!due.now(9_999));
        assert_eq!([1_160, 1_179, 1_180].map(|size| due.at_stop(size)), [false, false, true]);
        let work = |free| {
            disk.set_free_bytes(free);
            let (written, snapshot) = writer.snapshots.try_recv().unwrap();
            writer.folder.take(snapshot, &written);
        };
        work(Some(0));
        // It failed: again after a sixteenth of the way, and at a stop at once.
        assert_eq!([1_160, 1_169, 1_170].map(|size| due.now(size)), [false, false, true]);
        assert!(due.at_stop(1_160));
        due.give(snapshot(1_170));
        work(None);
        assert_eq!([1_329, 1_330].map(|size| due.now(size)), [false, true]);
        assert_eq!([1_189, 1_190].map(|size| due.at_stop(size)), [false, true]);
        // A writer that is gone holds nobody up.
        drop(writer);
        due.give(snapshot(1_330));
        due.give(snapshot(1_331));
        assert!(due.now(1_490));
    }

    #[test]
    fn a_name_is_a_number_of_twenty_digits() {
        assert_eq!(size_of("00000000000000000012"), Some(12));
        for name in
            ["12", "+0000000000000000012", "00000000000000000012.tmp", "99999999999999999999"]
        {
            assert_eq!(size_of(name), None, "{name}");
        }
    }

    #[test]
    fn a_cut_at_any_call_leaves_whole_snapshots_and_what_is_cleaned() {
        for cut in 1.. {
            let (disk, folder, _) = folder();
            disk.cut_after(cut);
            let done = folder.write(snapshot(3)).is_ok();
            let cut_happened = !disk.is_armed();
            disk.crash(cut);
            folder.clean();
            let sizes = sizes(&*folder.disk);
            assert!(disk.list(SNAPSHOTS_DIR).unwrap().len() == sizes.len(), "cut after {cut}");
            assert!(sizes.contains(&2) && (!done || sizes.contains(&3)), "cut after {cut}");
            for size in sizes {
                let file = disk.open(&path(size), Mode::Read).unwrap();
                file::check_bytes(&*file).unwrap();
            }
            if !cut_happened {
                return;
            }
        }
    }
}
