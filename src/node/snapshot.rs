//! Snapshots: where a start begins to replay, instead of at the first record.
//!
//! Lives here: the folder `snapshots/`, which of its files a start uses, when one is taken, the thread that
//! writes them.
//! Lives elsewhere: the bytes of a file (`file`), what is in it (`ledger::state`, `views`), the moment at
//! which it is taken (`sequencer`).
//!
//! Always: derived. Any file here may be deleted at any time, and any doubt about one leads to the one
//! before it and at last to a replay from the first record. Only what is durable and applied is in one.

mod file;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use journal::disk::join;
use journal::{Disk, Mode, Reader};
use record::Hash;
use views::ViewDigest;

pub(crate) use file::{Identity, Snapshot};

use super::Notes;
use file::Doubt;

/// Folder of the snapshots, each under its size of 20 digits.
pub const SNAPSHOTS_DIR: &str = "snapshots";

/// Snapshots that stay: the newest, and one in case that something is wrong with it.
const KEPT: usize = 2;

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
    /// Reads the newest snapshot that nothing speaks against; those that something speaks against are
    /// removed. `expected` is the newest published checkpoint.
    pub(crate) fn newest(
        &self,
        reader: &dyn Reader,
        expected: Option<(u64, Hash)>,
    ) -> Option<Snapshot> {
        for size in sizes(&*self.disk).into_iter().rev() {
            let file = self.disk.open(&path(size), Mode::Read).map_err(Doubt::Io);
            match file.and_then(|file| file::read(&*file, &self.identity, reader, expected)) {
                Ok(snapshot) => return Some(snapshot),
                Err(doubt) => self.discard(size, &doubt),
            }
        }
        None
    }

    /// Removes a snapshot, and says why.
    pub(crate) fn discard(&self, size: u64, why: &dyn std::fmt::Display) {
        (self.notes)(&format!("{} is not used: {why}", path(size)));
        // What cannot be removed is met again by the next start.
        drop(self.disk.remove(&path(size)));
    }

    /// Removes all snapshots.
    pub(crate) fn clear(&self, why: &str) {
        for size in sizes(&*self.disk) {
            self.discard(size, &why);
        }
    }

    /// Removes what a writer left that did not come to its end.
    pub(crate) fn clean(&self) {
        let names = self.disk.list(SNAPSHOTS_DIR).unwrap_or_default();
        for name in names.iter().filter(|name| name.ends_with(TEMPORARY)) {
            drop(self.disk.remove(&join(SNAPSHOTS_DIR, name)));
        }
    }

    /// Writes a snapshot and removes those that are too many.
    fn write(&self, snapshot: &Snapshot) -> io::Result<()> {
        let path = path(snapshot.chain.next_seq().0);
        let temporary = format!("{path}{TEMPORARY}");
        self.disk.create_dir(SNAPSHOTS_DIR)?;
        self.disk.sync_dir("")?;
        let file = self.disk.open(&temporary, Mode::Create)?;
        // Power fails before this returns: a temporary file is left, which the next start removes.
        file::write(&*file, &self.identity, snapshot)?;
        self.disk.rename(&temporary, &path)?;
        self.disk.sync_dir(SNAPSHOTS_DIR)?;
        for size in sizes(&*self.disk).into_iter().rev().skip(KEPT) {
            self.disk.remove(&self::path(size))?;
        }
        Ok(())
    }
}

/// Reads the newest snapshot of at most `size_max` records that is whole and of this log; returns its size and
/// the digests of its views. Nothing is removed.
pub fn newest_digests(
    disk: &dyn Disk,
    log: &Hash,
    reader: &dyn Reader,
    size_max: u64,
) -> Option<(u64, Vec<ViewDigest>)> {
    sizes(disk).into_iter().rev().filter(|size| *size <= size_max).find_map(|size| {
        let file = disk.open(&path(size), Mode::Read).ok()?;
        let (size, mut views) = file::read_views(&*file, log, reader).ok()?;
        Some((size, views.digests()))
    })
}

/// Sizes of the snapshots there are, ascending.
fn sizes(disk: &dyn Disk) -> Vec<u64> {
    let names = disk.list(SNAPSHOTS_DIR).unwrap_or_default();
    let whole = names.iter().filter(|name| name.len() == 20);
    let mut sizes: Vec<u64> = whole.filter_map(|name| name.parse().ok()).collect();
    sizes.sort_unstable();
    sizes
}

const TEMPORARY: &str = ".tmp";

fn path(size: u64) -> String {
    join(SNAPSHOTS_DIR, &format!("{size:020}"))
}

/// Says when a snapshot is due, and hands it to the writer.
pub(crate) struct Due {
    schedule: Schedule,
    /// Records in the last one.
    last: u64,
    /// Held by each snapshot on its way: what a snapshot shares is held twice once it changes, so there is one
    /// at a time.
    on_its_way: Arc<()>,
    writer: SyncSender<(Snapshot, Arc<()>)>,
}

/// Makes both ends; `last` is the size of the snapshot that a start began with, 0 without one.
pub(crate) fn start(folder: Folder, schedule: Schedule, last: u64) -> (Due, Writer) {
    let (writer, snapshots) = sync_channel(1);
    (Due { schedule, last, on_its_way: Arc::new(()), writer }, Writer { folder, snapshots })
}

impl Due {
    /// Whether one is due now; while one is on its way, none is.
    pub(crate) fn now(&self, size: u64) -> bool {
        self.schedule.records <= size.saturating_sub(self.last)
            && Arc::strong_count(&self.on_its_way) == 1
    }

    /// Whether one is due at a stop.
    pub(crate) fn at_stop(&self, size: u64) -> bool {
        self.schedule.records_at_stop <= size.saturating_sub(self.last)
    }

    /// Hands a snapshot on, when the writer is done with the one before.
    pub(crate) fn give(&mut self, snapshot: Snapshot) {
        self.last = snapshot.chain.next_seq().0;
        // Without a writer there is no snapshot.
        drop(self.writer.send((snapshot, Arc::clone(&self.on_its_way))));
    }
}

/// Writes snapshots as they come.
pub(crate) struct Writer {
    folder: Folder,
    snapshots: Receiver<(Snapshot, Arc<()>)>,
}

impl Writer {
    /// Works until nobody takes snapshots any more.
    pub(crate) fn run(self) {
        // What follows behind gives way to posting; where it may not, it only takes its share.
        let _refused = rustix::process::nice(WRITER_NICE);
        for (snapshot, _on_its_way) in self.snapshots {
            let size = snapshot.chain.next_seq();
            if let Err(error) = self.folder.write(&snapshot) {
                (self.folder.notes)(&format!("the snapshot of {size} records failed: {error}"));
                self.folder.clean();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use journal::SimDisk;
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

    #[test]
    fn a_cut_at_any_call_leaves_whole_snapshots_and_what_is_cleaned() {
        for cut in 1.. {
            let disk = Arc::new(SimDisk::new());
            let identity = Identity { log: [2; 32], secret: [7; 32] };
            let folder = Folder { disk: disk.clone(), identity, notes: Arc::new(|_| ()) };
            for size in [1, 2] {
                folder.write(&snapshot(size)).unwrap();
            }
            disk.cut_after(cut);
            let done = folder.write(&snapshot(3)).is_ok();
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
