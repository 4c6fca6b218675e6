//! What is on the simulated disk, what a process sees of it, and what a power cut leaves.
//!
//! Always: a cut decides by sector for bytes and by change for names, from its seed alone.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use record::tail::SECTOR_BYTES;

use super::{Calls, Fault};

pub(super) const EIO: i32 = 5;
pub(super) const ENOSPC: i32 = 28;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Directory,
    File(usize),
}

/// A change of a directory that no `sync_dir` has made durable.
#[derive(Clone, Debug)]
pub(super) enum NameChange {
    Set(String, Node),
    Rename { from: String, to: String, node: Node },
    Remove(String),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    /// What processes see.
    pub(super) now: Vec<u8>,
    /// What a power cut is sure to leave.
    pub(super) durable: Vec<u8>,
    /// Sectors written since the last sync.
    pub(super) dirty: BTreeSet<usize>,
    /// The smallest size since the last sync: beyond it `durable` is stale.
    pub(super) low_water: usize,
}

#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) files: Vec<Content>,
    pub(super) names: BTreeMap<String, Node>,
    pub(super) durable_names: BTreeMap<String, Node>,
    pub(super) unsynced_names: Vec<NameChange>,
    pub(super) locks: BTreeSet<String>,
    /// Bytes that files may still grow by; `None` = plenty.
    pub(super) free: Option<u64>,
    pub(super) calls: Calls,
    pub(super) faults: BTreeMap<u64, Fault>,
    /// The call during which the power fails.
    pub(super) cut_at: Option<u64>,
    pub(super) power_is_off: bool,
    /// Counts power cuts and restarts: a handle from before one is dead.
    pub(super) life: u64,
    pub(super) random: Random,
}

/// What is to happen at a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Go,
    Short,
    Fail(Fault),
    /// The power fails during the call: its effect is made, unsynced, and nobody learns of it.
    Cut,
}

/// SplitMix64: a seed is all its state.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `bound`, or 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % (bound.max(1) as u64)).unwrap_or(0)
    }

    pub(super) fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }

    /// Chooses which of `n` unsynced things stay: none, all, the first, the last, or any.
    pub(super) fn choose(&mut self, n: usize) -> Vec<bool> {
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

impl State {
    /// Counts a call and says what is to happen at it.
    pub(super) fn step(&mut self, count: fn(&mut Calls) -> &mut u64) -> io::Result<Step> {
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

    pub(super) fn disarm(&mut self) {
        self.faults.clear();
        self.cut_at = None;
        self.power_is_off = false;
    }

    pub(super) fn node(&self, path: &str) -> io::Result<Node> {
        if path.is_empty() {
            return Ok(Node::Directory);
        }
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn content(&mut self, path: &str) -> io::Result<&mut Content> {
        match self.node(path)? {
            Node::File(number) => self.file(number),
            Node::Directory => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn file(&mut self, number: usize) -> io::Result<&mut Content> {
        self.files.get_mut(number).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn set_name(&mut self, path: &str, node: Node) {
        self.names.insert(path.to_owned(), node);
        self.unsynced_names.push(NameChange::Set(path.to_owned(), node));
    }

    /// Takes `growth` bytes from the free space.
    pub(super) fn take_space(&mut self, growth: u64) -> io::Result<()> {
        if let Some(free) = &mut self.free {
            *free = free.checked_sub(growth).ok_or_else(|| io::Error::from_raw_os_error(ENOSPC))?;
        }
        Ok(())
    }

    pub(super) fn crash(&mut self, seed: u64, garble: bool) -> Vec<(String, u64)> {
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
    pub(super) fn apply(&self, names: &mut BTreeMap<String, Node>) {
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

    pub(super) fn directory(&self) -> &str {
        match self {
            Self::Set(path, _) | Self::Rename { to: path, .. } | Self::Remove(path) => parent(path),
        }
    }
}

impl Content {
    pub(super) fn write(&mut self, bytes: &[u8], offset: usize) {
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

    pub(super) fn set_len(&mut self, size: usize) {
        self.low_water = self.low_water.min(size);
        self.now.resize(size, 0);
        self.dirty.retain(|sector| sector * SECTOR_BYTES < size);
    }

    /// Makes the size durable, not the bytes.
    pub(super) fn sync_size(&mut self) {
        self.durable.truncate(self.low_water);
        self.durable.resize(self.now.len(), 0);
        self.low_water = self.now.len();
    }

    pub(super) fn sync_sector(&mut self, sector: usize) {
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

    pub(super) fn sync(&mut self) {
        self.sync_size();
        for sector in std::mem::take(&mut self.dirty) {
            self.sync_sector(sector);
        }
    }

    /// A sync that failed: some sectors reached the disk, all count as clean.
    pub(super) fn sync_failing(&mut self, random: &mut Random) {
        self.sync_size();
        let dirty = std::mem::take(&mut self.dirty);
        for (sector, kept) in dirty.iter().zip(random.choose(dirty.len())) {
            if kept {
                self.sync_sector(*sector);
            }
        }
    }

    pub(super) fn crash(&mut self, random: &mut Random, garble: bool) -> Vec<usize> {
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

impl Step {
    /// The error of a call that has no effect.
    pub(super) fn error_before(self) -> io::Result<()> {
        match self {
            Self::Fail(fault) => Err(fault.error()),
            Self::Go | Self::Short | Self::Cut => Ok(()),
        }
    }

    /// The error of a call whose effect nobody learns of.
    pub(super) fn error_after(self) -> io::Result<()> {
        if self == Self::Cut { Err(power_is_off()) } else { Ok(()) }
    }
}

impl Fault {
    pub(super) fn error(self) -> io::Error {
        io::Error::from_raw_os_error(if self == Self::Enospc { ENOSPC } else { EIO })
    }
}

pub(super) fn power_is_off() -> io::Error {
    io::Error::other("the power is off")
}

pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

/// Returns the directories above a path, the nearest first, the root last.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| (!path.is_empty()).then(|| parent(path))).skip(1)
}
