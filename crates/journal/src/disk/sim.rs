//! A disk in memory that forgets what was not synced.
//!
//! Lives here: what a process sees and what a power cut leaves, per file by 512-byte sector and per
//! name; faults and cuts at the n-th call; garbling as a mode of its own.
//! Lives elsewhere: what a journal must survive (`segments/crash.rs`).
//!
//! Always: a sector is kept or lost whole and never garbled, unless garbling is asked for; a write that
//! fails or falls short ends where sectors meet, as the page cache ends where pages do. A sync that
//! failed leaves its pages clean: a later sync succeeds without writing them, as Linux does.
//! Equal calls and an equal seed give equal results.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, DiskFile, Lock, Mode};

/// What a device writes whole.
pub const SECTOR_BYTES: usize = 512;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// What goes wrong at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The device fails. A write may have been taken up to some sector; a sync has written some sectors and
    /// leaves the others clean but not durable.
    Eio,
    /// No space. A write may have been taken up to some sector.
    Enospc,
    /// Not an error: a write takes, or a read gives, only about half. Other calls go through.
    Short,
}

/// How many calls were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// All of them, also those that failed.
    pub total: u64,
    /// Reads of bytes, sizes and directories.
    pub reads: u64,
    /// Writes of bytes and sizes.
    pub writes: u64,
    /// Syncs of files.
    pub syncs: u64,
    /// Created, opened, renamed and removed names, and syncs of directories.
    pub names: u64,
    /// Bytes that reads returned.
    pub bytes_read: u64,
}

/// The simulated disk. A clone is another handle on the same disk; [`SimDisk::fork`] copies it.
#[derive(Clone, Debug, Default)]
pub struct SimDisk(Arc<Mutex<State>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Directory,
    File(usize),
}

/// A change of a directory that no `sync_dir` has made durable.
#[derive(Clone, Debug)]
enum NameChange {
    Set(String, Node),
    Rename { from: String, to: String, node: Node },
    Remove(String),
}

#[derive(Clone, Debug, Default)]
struct Content {
    /// What processes see.
    now: Vec<u8>,
    /// What a power cut is sure to leave.
    durable: Vec<u8>,
    /// Sectors written since the last sync.
    dirty: BTreeSet<usize>,
    /// The smallest size since the last sync: beyond it `durable` is stale.
    low_water: usize,
}

#[derive(Clone, Debug, Default)]
struct State {
    files: Vec<Content>,
    names: BTreeMap<String, Node>,
    durable_names: BTreeMap<String, Node>,
    unsynced_names: Vec<NameChange>,
    locks: BTreeSet<String>,
    /// Bytes that files may still grow by; `None` = plenty.
    free: Option<u64>,
    calls: Calls,
    faults: BTreeMap<u64, Fault>,
    /// The call during which the power fails.
    cut_at: Option<u64>,
    power_is_off: bool,
    /// Counts power cuts and restarts: a handle from before one is dead.
    life: u64,
    random: Random,
}

/// What is to happen at a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Go,
    Short,
    Fail(Fault),
    /// The power fails during the call: its effect is made, unsynced, and nobody learns of it.
    Cut,
}

/// SplitMix64: a seed is all its state.
#[derive(Clone, Copy, Debug, Default)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `bound`, or 0.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % (bound.max(1) as u64)).unwrap_or(0)
    }

    fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }

    /// Chooses which of `n` unsynced things stay: none, all, the first, the last, or any.
    fn choose(&mut self, n: usize) -> Vec<bool> {
        let at = self.below(n + 1);
        match self.below(6) {
            0 => vec![false; n],
            1 => vec![true; n],
            2 => (0..n).map(|i| i < at).collect(),
            3 => (0..n).map(|i| at <= i).collect(),
            // One is missing, one alone is there: the hardest cases for a scan.
            4 => (0..n).map(|i| i != at).collect(),
            _ => (0..n).map(|_| self.coin()).collect(),
        }
    }
}

impl SimDisk {
    /// Makes an empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Copies the disk with all that is pending on it; the copy and the original then live apart.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self(Arc::new(Mutex::new(self.lock().clone())))
    }

    /// Lets the power fail during the call that follows the next `calls` ones; every later call fails.
    pub fn cut_after(&self, calls: u64) {
        let mut state = self.lock();
        state.cut_at = Some(state.calls.total + calls + 1);
    }

    /// Lets the `n`-th call from now on fail, `n` counted from 1.
    pub fn fail(&self, n: u64, fault: Fault) {
        let mut state = self.lock();
        let at = state.calls.total + n;
        state.faults.insert(at, fault);
    }

    /// Tells whether a planned fault or cut was not reached yet.
    pub fn is_armed(&self) -> bool {
        let state = self.lock();
        let now = state.calls.total;
        state.faults.keys().any(|at| now < *at) || state.cut_at.is_some_and(|at| now < at)
    }

    /// Sets how many bytes files may still grow by; `None` = plenty.
    pub fn set_free_bytes(&self, free: Option<u64>) {
        self.lock().free = free;
    }

    /// Returns how many calls were made so far.
    pub fn calls(&self) -> Calls {
        self.lock().calls
    }

    /// Cuts the power and restores it. Of what was not synced, `seed` decides by sector and name what
    /// is kept. Open files and locks are gone, planned faults too.
    pub fn crash(&self, seed: u64) {
        self.lock().crash(seed, false);
    }

    /// As [`SimDisk::crash`], but all unsynced sectors are kept, and by seed some hold arbitrary bytes.
    /// This is outside the fault model: a refusal is what must come. Returns what was garbled, by path
    /// and offset.
    pub fn crash_garbling(&self, seed: u64) -> Vec<(String, u64)> {
        self.lock().crash(seed, true)
    }

    /// Ends the process without a power cut: what it wrote stays visible, durable or not. Locks and
    /// planned faults are gone.
    pub fn restart(&self) {
        let mut state = self.lock();
        state.locks.clear();
        state.disarm();
        state.life += 1;
    }

    /// Changes a file behind everybody's back, durably: damage, or a restore.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn edit(&self, path: &str, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let mut state = self.lock();
        let content = state.content(path)?;
        change(&mut content.now);
        content.sync();
        let now = content.now.clone();
        content.durable = now;
        Ok(())
    }

    /// Returns what a process would read from a file, without counting as a call.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn contents(&self, path: &str) -> io::Result<Vec<u8>> {
        Ok(self.lock().content(path)?.now.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panicked under the lock has failed already.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts a call and says what is to happen at it.
    fn step(&mut self, count: fn(&mut Calls) -> &mut u64) -> io::Result<Step> {
        if self.power_is_off {
            return Err(power_is_off());
        }
        self.calls.total += 1;
        *count(&mut self.calls) += 1;
        if self.cut_at == Some(self.calls.total) {
            self.power_is_off = true;
            return Ok(Step::Cut);
        }
        Ok(match self.faults.get(&self.calls.total) {
            None => Step::Go,
            Some(Fault::Short) => Step::Short,
            Some(fault) => Step::Fail(*fault),
        })
    }

    fn disarm(&mut self) {
        self.faults.clear();
        self.cut_at = None;
        self.power_is_off = false;
    }

    fn node(&self, path: &str) -> io::Result<Node> {
        if path.is_empty() {
            return Ok(Node::Directory);
        }
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn content(&mut self, path: &str) -> io::Result<&mut Content> {
        match self.node(path)? {
            Node::File(number) => self.file(number),
            Node::Directory => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    fn file(&mut self, number: usize) -> io::Result<&mut Content> {
        self.files.get_mut(number).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn set_name(&mut self, path: &str, node: Node) {
        self.names.insert(path.to_owned(), node);
        self.unsynced_names.push(NameChange::Set(path.to_owned(), node));
    }

    /// Takes `growth` bytes from the free space.
    fn take_space(&mut self, growth: u64) -> io::Result<()> {
        if let Some(free) = &mut self.free {
            *free = free.checked_sub(growth).ok_or_else(|| io::Error::from_raw_os_error(ENOSPC))?;
        }
        Ok(())
    }

    fn crash(&mut self, seed: u64, garble: bool) -> Vec<(String, u64)> {
        let mut random = Random(seed);
        let changes = std::mem::take(&mut self.unsynced_names);
        for (change, kept) in changes.iter().zip(random.choose(changes.len())) {
            if kept {
                change.apply(&mut self.durable_names);
            }
        }
        // A name whose directory is lost is lost with it.
        let known = self.durable_names.clone();
        let is_known = |dir: &str| dir.is_empty() || known.get(dir) == Some(&Node::Directory);
        self.durable_names.retain(|path, _| ancestors(path).all(is_known));
        self.names = self.durable_names.clone();
        let mut garbled = Vec::new();
        for (number, content) in self.files.iter_mut().enumerate() {
            let offsets = content.crash(&mut random, garble);
            let path = known.iter().find(|(_, node)| **node == Node::File(number));
            if let Some((path, _)) = path {
                garbled.extend(offsets.into_iter().map(|at| (path.clone(), at as u64)));
            }
        }
        self.locks.clear();
        self.disarm();
        self.life += 1;
        self.random = random;
        garbled
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, Node>) {
        match self {
            Self::Set(path, node) => {
                names.insert(path.clone(), *node);
            }
            Self::Rename { from, to, node } => {
                // The source may stand for another file by now, if its creation was lost.
                if names.get(from) == Some(node) {
                    names.remove(from);
                }
                names.insert(to.clone(), *node);
            }
            Self::Remove(path) => {
                names.remove(path);
            }
        }
    }

    fn directory(&self) -> &str {
        match self {
            Self::Set(path, _) | Self::Rename { to: path, .. } | Self::Remove(path) => parent(path),
        }
    }
}

impl Content {
    fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        if self.now.len() < end {
            self.now.resize(end, 0);
        }
        if let Some(space) = self.now.get_mut(offset..end) {
            space.copy_from_slice(bytes);
        }
        if !bytes.is_empty() {
            self.dirty.extend(offset / SECTOR_BYTES..=(end - 1) / SECTOR_BYTES);
        }
    }

    fn set_len(&mut self, size: usize) {
        self.low_water = self.low_water.min(size);
        self.now.resize(size, 0);
        self.dirty.retain(|sector| sector * SECTOR_BYTES < size);
    }

    /// Makes the size durable, not the bytes.
    fn sync_size(&mut self) {
        self.durable.truncate(self.low_water);
        self.durable.resize(self.now.len(), 0);
        self.low_water = self.now.len();
    }

    fn sync_sector(&mut self, sector: usize) {
        let start = sector * SECTOR_BYTES;
        let end = self.now.len().min(start + SECTOR_BYTES);
        if self.durable.len() < end {
            self.durable.resize(end, 0);
        }
        if let (Some(to), Some(from)) = (self.durable.get_mut(start..end), self.now.get(start..end))
        {
            to.copy_from_slice(from);
        }
    }

    fn sync(&mut self) {
        self.sync_size();
        for sector in std::mem::take(&mut self.dirty) {
            self.sync_sector(sector);
        }
    }

    /// A sync that failed: some sectors reached the disk, all count as clean.
    fn sync_failing(&mut self, random: &mut Random) {
        self.sync_size();
        let dirty = std::mem::take(&mut self.dirty);
        for (sector, kept) in dirty.iter().zip(random.choose(dirty.len())) {
            if kept {
                self.sync_sector(*sector);
            }
        }
    }

    fn crash(&mut self, random: &mut Random, garble: bool) -> Vec<usize> {
        if garble || random.coin() {
            self.sync_size();
        }
        let mut garbled = Vec::new();
        let dirty = std::mem::take(&mut self.dirty);
        for (sector, chosen) in dirty.iter().zip(random.choose(dirty.len())) {
            if chosen || garble {
                self.sync_sector(*sector);
            }
            if chosen && garble {
                let start = sector * SECTOR_BYTES;
                for byte in self.durable.iter_mut().skip(start).take(SECTOR_BYTES) {
                    *byte = random.next().to_le_bytes().first().copied().unwrap_or(0) | 1;
                }
                garbled.push(start);
            }
        }
        self.now.clone_from(&self.durable);
        self.low_water = self.now.len();
        garbled
    }
}

impl Disk for SimDisk {
    fn create_dir(&self, dir: &str) -> io::Result<()> {
        let mut state = self.lock();
        let step = state.step(|calls| &mut calls.names)?;
        step.error_before()?;
        let mut missing: Vec<&str> = ancestors(dir).filter(|d| !d.is_empty()).collect();
        missing.reverse();
        missing.push(dir);
        for dir in missing {
            if !dir.is_empty() && state.node(dir).is_err() {
                state.set_name(dir, Node::Directory);
            }
        }
        step.error_after()
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let mut state = self.lock();
        let step = state.step(|calls| &mut calls.reads)?;
        step.error_before()?;
        step.error_after()?;
        if state.node(dir)? != Node::Directory {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let inside = state.names.keys().filter(|path| parent(path) == dir);
        Ok(inside.map(|path| path.rsplit('/').next().unwrap_or_default().to_owned()).collect())
    }

    fn open(&self, path: &str, mode: Mode) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.lock();
        let step = state.step(|calls| &mut calls.names)?;
        step.error_before()?;
        let number = match (state.node(path), mode) {
            (Ok(Node::Directory), _) => return Err(io::ErrorKind::IsADirectory.into()),
            (Ok(Node::File(number)), _) => {
                if mode == Mode::Create {
                    let content = state.file(number)?;
                    let freed = content.now.len() as u64;
                    content.set_len(0);
                    state.free = state.free.map(|free| free + freed);
                }
                number
            }
            (Err(_), Mode::Create) => {
                if state.node(parent(path))? != Node::Directory {
                    return Err(io::ErrorKind::NotADirectory.into());
                }
                state.files.push(Content::default());
                let number = state.files.len() - 1;
                state.set_name(path, Node::File(number));
                number
            }
            (Err(error), Mode::Read | Mode::Write) => return Err(error),
        };
        step.error_after()?;
        let life = state.life;
        let writable = mode != Mode::Read;
        Ok(Arc::new(SimFile { disk: self.clone(), number, life, writable }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.lock();
        let step = state.step(|calls| &mut calls.names)?;
        step.error_before()?;
        let node = state.node(from)?;
        state.names.remove(from);
        state.names.insert(to.to_owned(), node);
        let (from, to) = (from.to_owned(), to.to_owned());
        state.unsynced_names.push(NameChange::Rename { from, to, node });
        step.error_after()
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut state = self.lock();
        let step = state.step(|calls| &mut calls.names)?;
        step.error_before()?;
        let freed = state.content(path)?.now.len() as u64;
        state.free = state.free.map(|free| free + freed);
        state.names.remove(path);
        state.unsynced_names.push(NameChange::Remove(path.to_owned()));
        step.error_after()
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let mut state = self.lock();
        let step = state.step(|calls| &mut calls.names)?;
        // A cut or failing sync decides nothing: the changes stay pending.
        step.error_before()?;
        step.error_after()?;
        if state.node(dir)? != Node::Directory {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let (synced, pending): (Vec<_>, Vec<_>) = std::mem::take(&mut state.unsynced_names)
            .into_iter()
            .partition(|change| change.directory() == dir);
        state.unsynced_names = pending;
        for change in synced {
            change.apply(&mut state.durable_names);
        }
        Ok(())
    }

    fn try_lock(&self, path: &str) -> io::Result<Option<Lock>> {
        let mut state = self.lock();
        let step = state.step(|calls| &mut calls.names)?;
        step.error_before()?;
        step.error_after()?;
        if !state.locks.insert(path.to_owned()) {
            return Ok(None);
        }
        let (disk, life) = (self.clone(), state.life);
        Ok(Some(Lock::new(SimLock { disk, path: path.to_owned(), life })))
    }

    fn free_bytes(&self, _dir: &str) -> io::Result<u64> {
        let mut state = self.lock();
        let step = state.step(|calls| &mut calls.reads)?;
        step.error_before()?;
        step.error_after()?;
        Ok(state.free.unwrap_or(u64::MAX))
    }
}

impl Step {
    /// The error of a call that has no effect.
    fn error_before(self) -> io::Result<()> {
        match self {
            Self::Fail(fault) => Err(fault.error()),
            Self::Go | Self::Short | Self::Cut => Ok(()),
        }
    }

    /// The error of a call whose effect nobody learns of.
    fn error_after(self) -> io::Result<()> {
        if self == Self::Cut { Err(power_is_off()) } else { Ok(()) }
    }
}

impl Fault {
    fn error(self) -> io::Error {
        io::Error::from_raw_os_error(if self == Self::Enospc { ENOSPC } else { EIO })
    }
}

struct SimLock {
    disk: SimDisk,
    path: String,
    life: u64,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.disk.lock();
        if state.life == self.life {
            state.locks.remove(&self.path);
        }
    }
}

struct SimFile {
    disk: SimDisk,
    number: usize,
    life: u64,
    writable: bool,
}

impl SimFile {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.lock();
        if state.life == self.life { Ok(state) } else { Err(power_is_off()) }
    }

    fn sync(&self) -> io::Result<()> {
        let mut guard = self.state()?;
        let state = &mut *guard;
        let step = state.step(|calls| &mut calls.syncs)?;
        // A cut in the middle leaves the sectors dirty: the crash decides which of them stay.
        step.error_after()?;
        let mut random = state.random;
        let content = state.file(self.number)?;
        match step {
            Step::Fail(fault) => {
                content.sync_failing(&mut random);
                state.random = random;
                Err(fault.error())
            }
            Step::Go | Step::Short | Step::Cut => {
                content.sync();
                Ok(())
            }
        }
    }
}

impl DiskFile for SimFile {
    fn size(&self) -> io::Result<u64> {
        let mut state = self.state()?;
        let step = state.step(|calls| &mut calls.reads)?;
        step.error_before()?;
        step.error_after()?;
        Ok(state.file(self.number)?.now.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.state()?;
        let step = state.step(|calls| &mut calls.reads)?;
        step.error_before()?;
        step.error_after()?;
        let now = &state.file(self.number)?.now;
        let from = now.get(as_index(offset)?..).unwrap_or_default();
        let wanted = if step == Step::Short { buffer.len().div_ceil(2) } else { buffer.len() };
        let n = wanted.min(from.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..n), from.get(..n)) {
            to.copy_from_slice(from);
        }
        state.calls.bytes_read += n as u64;
        Ok(n)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut guard = self.state()?;
        let state = &mut *guard;
        let step = state.step(|calls| &mut calls.writes)?;
        if !self.writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let offset = as_index(offset)?;
        let taken = match step {
            Step::Go | Step::Cut => bytes.len(),
            Step::Short => whole_sectors(offset, bytes.len() / 2).unwrap_or(bytes.len()),
            Step::Fail(_) => {
                let wanted = state.random.below(bytes.len() + 1);
                whole_sectors(offset, wanted).unwrap_or(0)
            }
        };
        let bytes = bytes.get(..taken).unwrap_or_default();
        let size = state.file(self.number)?.now.len();
        state.take_space((offset + bytes.len()).saturating_sub(size) as u64)?;
        state.file(self.number)?.write(bytes, offset);
        step.error_before()?;
        step.error_after()?;
        Ok(taken)
    }

    fn set_len(&self, size: u64) -> io::Result<()> {
        let mut state = self.state()?;
        let step = state.step(|calls| &mut calls.writes)?;
        step.error_before()?;
        let size = as_index(size)?;
        state.file(self.number)?.set_len(size);
        step.error_after()
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync()
    }
}

/// Shortens a write at `offset` so that it ends where sectors meet; `None` if nothing is left.
fn whole_sectors(offset: usize, len: usize) -> Option<usize> {
    let end = (offset + len) / SECTOR_BYTES * SECTOR_BYTES;
    end.checked_sub(offset).filter(|taken| 0 < *taken)
}

fn as_index(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput.into())
}

fn power_is_off() -> io::Error {
    io::Error::other("the power is off")
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

/// Returns the directories above a path, the nearest first, the root last.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| (!path.is_empty()).then(|| parent(path))).skip(1)
}

#[cfg(test)]
mod tests {
    use super::super::{replace_file, write_all_at};
    use super::*;

    /// All that different seeds leave of one state.
    fn left(disk: &SimDisk, path: &str) -> BTreeSet<Option<Vec<u8>>> {
        (0..200)
            .map(|seed| {
                let copy = disk.fork();
                copy.crash(seed);
                copy.contents(path).ok()
            })
            .collect()
    }

    fn with_file(bytes: usize) -> (SimDisk, Arc<dyn DiskFile>) {
        let disk = SimDisk::new();
        let file = disk.open("f", Mode::Create).unwrap();
        write_all_at(&*file, &vec![1; bytes], 0).unwrap();
        file.sync_all().unwrap();
        disk.sync_dir("").unwrap();
        (disk, file)
    }

    #[test]
    fn what_was_synced_stays_and_all_else_comes_in_any_choice_of_sectors() {
        let (disk, file) = with_file(3 * SECTOR_BYTES);
        assert_eq!(left(&disk, "f").len(), 1);
        // Over the end of the first sector, all of the second, into the third.
        file.write_at(&[2; 700], 500).unwrap();
        let found = left(&disk, "f");
        assert_eq!(found.len(), 8, "three sectors, each old or new");
        for bytes in found.iter().flatten() {
            let new: Vec<usize> =
                [511, 512, 1_024].into_iter().filter(|at| bytes[*at] == 2).collect();
            let sector = |at: usize, from, to| {
                let expected = if new.contains(&at) { 2 } else { 1 };
                assert!(
                    bytes[from..to].iter().all(|byte| *byte == expected),
                    "whole sectors: {new:?}"
                );
            };
            sector(511, 500, 512);
            sector(512, 512, 1_024);
            sector(1_024, 1_024, 1_200);
        }
        file.sync_data().unwrap();
        assert_eq!(left(&disk, "f").len(), 1);
    }

    #[test]
    fn names_are_durable_with_their_directory() {
        let (disk, file) = with_file(10);
        disk.rename("f", "g").unwrap();
        assert_eq!(left(&disk, "f").len(), 2, "there or gone");
        assert_eq!(left(&disk, "g").len(), 2);
        disk.sync_dir("").unwrap();
        assert_eq!(left(&disk, "f"), BTreeSet::from([None]));
        disk.remove("g").unwrap();
        assert_eq!(left(&disk, "g"), BTreeSet::from([None, Some(vec![1; 10])]));
        // An open file outlives its name, not the power.
        assert_eq!(file.size().unwrap(), 10);
        disk.crash(1);
        assert!(file.size().is_err());
        // A file in a directory whose name was lost is lost with it.
        disk.create_dir("a/b").unwrap();
        replace_file(&disk, "a/b", "x", b"1").unwrap();
        assert_eq!(left(&disk, "a/b/x").len(), 2);
        disk.sync_dir("a").unwrap();
        assert_eq!(left(&disk, "a/b/x").len(), 2);
        disk.sync_dir("").unwrap();
        assert_eq!(left(&disk, "a/b/x"), BTreeSet::from([Some(b"1".to_vec())]));
    }

    #[test]
    fn a_failed_sync_leaves_pages_clean_and_not_durable() {
        let (disk, file) = with_file(SECTOR_BYTES);
        disk.fail(2, Fault::Eio);
        file.write_at(&[2; SECTOR_BYTES], 0).unwrap();
        assert!(file.sync_data().is_err());
        // The next sync succeeds, and wrote nothing.
        file.sync_data().unwrap();
        let lost = (0..40).any(|seed| {
            let disk = SimDisk::new();
            disk.lock().random = Random(seed);
            let file = disk.open("f", Mode::Create).unwrap();
            disk.sync_dir("").unwrap();
            file.write_at(&[2; SECTOR_BYTES], 0).unwrap();
            disk.fail(1, Fault::Eio);
            assert!(file.sync_data().is_err());
            file.sync_data().unwrap();
            assert_eq!(disk.contents("f").unwrap(), [2; SECTOR_BYTES]);
            disk.crash(seed);
            disk.contents("f").unwrap() != [2; SECTOR_BYTES]
        });
        assert!(lost);
    }

    #[test]
    fn faults_and_cuts_come_when_they_are_planned() {
        let (disk, file) = with_file(10);
        disk.fail(2, Fault::Short);
        assert!(disk.is_armed());
        assert_eq!(file.write_at(&[3; 2_000], 0).unwrap(), 2_000);
        assert_eq!(file.write_at(&[3; 2_000], 100).unwrap(), 924, "up to where sectors meet");
        assert!(!disk.is_armed());
        disk.set_free_bytes(Some(5));
        assert_eq!(file.write_at(&[3; 6], 2_000).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(file.write_at(&[3; 5], 2_000).unwrap(), 5);
        disk.cut_after(1);
        file.size().unwrap();
        assert!(file.sync_data().is_err() && file.size().is_err() && disk.list("").is_err());
        assert!(disk.try_lock("LOCK").is_err());
        disk.crash(0);
        assert!(
            disk.try_lock("LOCK").unwrap().is_some(),
            "and released at once, as it was dropped"
        );
        assert!(disk.try_lock("LOCK").unwrap().is_some());
    }

    #[test]
    fn garbling_names_what_it_garbled() {
        let (disk, file) = with_file(4 * SECTOR_BYTES);
        file.write_at(&[2; 2 * SECTOR_BYTES], SECTOR_BYTES as u64).unwrap();
        let mut met = 0;
        for seed in 0..20 {
            let copy = disk.fork();
            let garbled = copy.crash_garbling(seed);
            let bytes = copy.contents("f").unwrap();
            for (sector, bytes) in bytes.chunks(SECTOR_BYTES).enumerate() {
                let named = garbled.contains(&("f".to_owned(), (sector * SECTOR_BYTES) as u64));
                let old_or_new = bytes.iter().all(|byte| *byte == bytes[0]);
                assert_eq!(named, !old_or_new, "seed {seed}, sector {sector}");
                met += u64::from(named);
            }
        }
        assert!(0 < met);
    }
}
