//! A reader beside a writer: what it finds when the file changes between any two of its reads.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::tests::{append, sim, writer};
use super::*;
use crate::disk::Mode;

/// A log whose only segment changes while it is read: each image stands for some reads, the last
/// one for ever.
struct Changing {
    disk: Arc<dyn Disk>,
    film: Arc<Film>,
}

struct Film {
    images: Vec<Vec<u8>>,
    /// Number of the read, from 1, that is the first to see the image after the first; after it.
    changes: Vec<usize>,
    reads: AtomicUsize,
}

struct Changed {
    file: Arc<dyn DiskFile>,
    film: Arc<Film>,
}

impl Disk for Changing {
    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.create_dir(dir)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }

    fn open(&self, path: &str, mode: Mode) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.disk.open(path, mode)?;
        Ok(Arc::new(Changed { file, film: self.film.clone() }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }

    fn try_lock(&self, path: &str) -> io::Result<Option<Lock>> {
        self.disk.try_lock(path)
    }

    fn free_bytes(&self, dir: &str) -> io::Result<u64> {
        self.disk.free_bytes(dir)
    }
}

impl DiskFile for Changed {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = self.film.reads.fetch_add(1, Ordering::SeqCst) + 1;
        let number = self.film.changes.iter().filter(|change| **change <= read).count();
        let bytes = &self.film.images[number][usize::try_from(offset).unwrap()..];
        let len = buffer.len().min(bytes.len());
        buffer[..len].copy_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        unreachable!("a reader writes nothing")
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        unreachable!("a reader writes nothing")
    }

    fn sync_data(&self) -> io::Result<()> {
        unreachable!("a reader syncs nothing")
    }

    fn sync_all(&self) -> io::Result<()> {
        unreachable!("a reader syncs nothing")
    }
}

/// The segment after each of two appends, and in the middle of them.
fn images() -> (Arc<dyn Disk>, Vec<Vec<u8>>) {
    let (sim, disk) = sim();
    let (mut journal, epoch) = writer(&disk, Options::simulated(512 * 1024));
    append(&mut journal, epoch, 0).unwrap();
    let image = || sim.contents("segments/00000000000000000000.mzs").unwrap();
    let mut images = vec![image()];
    for bytes in [3_000, 5_000] {
        let end = usize::try_from(journal.writer().active.end).unwrap();
        append(&mut journal, epoch, bytes).unwrap();
        let whole = image();
        let mut half = images.last().unwrap().clone();
        let middle = end + bytes / 2;
        half[end..middle].copy_from_slice(&whole[end..middle]);
        images.extend([half, whole]);
    }
    (disk, images)
}

#[test]
fn a_block_seen_half_is_no_damage() {
    let (disk, images) = images();
    let mut seen = [0; 3];
    for first in 0..images.len() - 2 {
        for change in 1..16 {
            for next in change..=16 {
                let images = images[first..first + 3].to_vec();
                let film = Film { images, changes: vec![change, next], reads: 0.into() };
                let changing = Changing { disk: disk.clone(), film: Arc::new(film) };
                let opened = open_read_only(Arc::new(changing), "");
                let (_, opened) = opened.unwrap_or_else(|error| {
                    panic!("from image {first}, changes at reads {change}, {next}: {error}")
                });
                // What stood there when it began, or what was appended since.
                let records = usize::try_from(opened.head.next_seq.0).unwrap();
                assert!(records != 0);
                seen[records.min(3) - 1] += 1;
            }
        }
    }
    assert!(seen.iter().filter(|times| 0 < **times).count() >= 2, "{seen:?}");
}
