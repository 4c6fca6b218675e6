//! A disk in memory that forgets what was not synced.
//!
//! Lives here: the calls; faults and cuts at the n-th of them; garbling as a mode of its own.
//! Lives elsewhere: what a process sees and what a power cut leaves (`sim/state.rs`), what a
//! journal must survive (`segments/crash.rs`).
//!
//! Always: a sector is kept or lost whole and never garbled, unless garbling is asked for; a write
//! that fails or falls short ends where sectors meet, as the page cache ends where pages do. A sync
//! that failed leaves its pages clean: a later sync succeeds without writing them, as Linux does.
//! Equal calls and an equal seed give equal results.

mod state;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use record::tail::SECTOR_BYTES;

use super::{Disk, DiskFile, Lock, Mode};
use state::{Content, NameChange, Node, State, Step, ancestors, parent, power_is_off};

/// What goes wrong at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The device fails. A write may have been taken up to some sector; a sync has written some
    /// sectors and leaves the others clean but not durable.
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

    /// Lets the power fail during the call that follows the next `calls` ones; every later call
    /// fails.
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

    /// Cuts the power and restores it. Of what was not synced, `seed` decides by sector and name
    /// what is kept. Open files and locks are gone, planned faults too.
    pub fn crash(&self, seed: u64) {
        self.lock().crash(seed, false);
    }

    /// As [`SimDisk::crash`], but all unsynced sectors are kept, and by seed some hold arbitrary
    /// bytes. This is outside the fault model: a refusal is what must come. Returns what was
    /// garbled, by path and offset.
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
