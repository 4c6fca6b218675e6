//! The cache: never stale, never believed in doubt.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::thread::{JoinHandle, yield_now};

use ledger::ids::{Date, HouseholdCode};
use record::{Block, Record, Seq};
use views::balance::{self, Filter};
use views::cache::{Cache, Options};
use views::history::{Histories, Log, LogError, as_of};

use crate::book::{MemLog, Scan};
use crate::rows;
use crate::versus_model::{fold, long};
use crate::world::World;

const OPTIONS: Options = Options {
    pending_bytes_max: 64 << 20,
    batch_mentions: 60,
    checkpoint_every: 40,
    checkpoint_bytes: u64::MAX,
};
const LOG_ID: [u8; 32] = [3; 32];

/// A log that grows, and counts the records that are read from it in runs.
#[derive(Default)]
struct Growing {
    log: RwLock<MemLog>,
    scanned: AtomicU64,
}

impl Log for Growing {
    fn next_seq(&self) -> Seq {
        self.log.read().unwrap().next_seq()
    }

    fn scan(
        &self,
        from: Seq,
        to: Seq,
        each: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), LogError> {
        self.scanned.fetch_add(to.0 - from.0, Ordering::Relaxed);
        self.log.read().unwrap().scan(from, to, each)
    }
}

impl Growing {
    fn push(&self, block: &Block) {
        let mut log = self.log.write().unwrap();
        block.records().for_each(|record| log.0.push(record.bytes().to_vec()));
    }
}

struct Running {
    cache: Cache,
    log: Arc<Growing>,
    thread: JoinHandle<()>,
}

impl Running {
    fn start(dir: &Path, log: &Arc<Growing>, log_id: [u8; 32]) -> Self {
        let log = Arc::clone(log);
        let (cache, filler) = Cache::new(dir, log_id, Arc::clone(&log) as _, OPTIONS);
        Self { cache, log, thread: std::thread::spawn(move || filler.run()) }
    }

    fn caught_up(&self) {
        while self.cache.indexed_to() < self.log.next_seq() {
            yield_now();
        }
    }

    fn stop(self) {
        self.cache.close();
        self.thread.join().unwrap();
    }
}

fn codes(world: &World) -> Vec<HouseholdCode> {
    balance::households(world.book.views.projection(), Filter::default(), None, 9_999)
}

fn assert_right(cache: &Cache, log: &Growing, codes: &[HouseholdCode]) {
    let log = log.log.read().unwrap();
    let head = log.0.len() as u64 - 1;
    for code in codes {
        for to in [head, head * 2 / 3, 5] {
            let expected = Scan(&log).positions(*code, Seq(to)).unwrap();
            assert_eq!(cache.positions(*code, Seq(to)).unwrap(), expected, "{code} to {to}");
        }
    }
}

fn whole(world: &World) -> Arc<Growing> {
    let log = Arc::new(Growing::default());
    world.book.blocks.iter().for_each(|block| log.push(block));
    log
}

#[test]
fn readers_are_never_stale() {
    let world = long(21, 220);
    let codes = codes(&world);
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(Growing::default());
    let (cache, filler) = Cache::new(dir.path(), LOG_ID, Arc::clone(&log) as _, OPTIONS);
    let blocks = &world.book.blocks;
    let (before, after) = blocks.split_at(blocks.len() / 2);
    for block in before {
        log.push(block);
        cache.offer(&Arc::new(block.clone()));
    }
    // Nothing runs yet: all is found in the newest blocks.
    log.scanned.store(0, Ordering::Relaxed);
    assert!(!dir.path().join("db").exists());
    for code in &codes[..4] {
        let expected = Scan(&log.log.read().unwrap()).positions(*code, Seq(60)).unwrap();
        assert_eq!(cache.positions(*code, Seq(60)).unwrap(), expected);
    }
    assert_eq!(log.scanned.load(Ordering::Relaxed), 0);
    let thread = std::thread::spawn(move || filler.run());
    for (n, block) in after.iter().enumerate() {
        log.push(block);
        // One block is lost on the way now and then: the log has it.
        if n % 17 != 5 {
            cache.offer(&Arc::new(block.clone()));
        }
        if n % 11 == 0 {
            assert_right(&cache, &log, &codes[..6]);
        }
    }
    assert_right(&cache, &log, &codes);
    cache.close();
    thread.join().unwrap();
    assert_right(&cache, &log, &codes);
}

#[test]
fn a_cache_that_ended_in_order_goes_on_where_it_was() {
    let world = long(22, 200);
    let codes = codes(&world);
    let dir = tempfile::tempdir().unwrap();
    let blocks = &world.book.blocks;
    let (before, after) = blocks.split_at(blocks.len() * 3 / 4);
    let log = Arc::new(Growing::default());
    before.iter().for_each(|block| log.push(block));
    let running = Running::start(dir.path(), &log, LOG_ID);
    running.caught_up();
    running.stop();
    let records = log.next_seq().0;
    // Behind: the log went on without it.
    after.iter().for_each(|block| log.push(block));
    log.scanned.store(0, Ordering::Relaxed);
    let running = Running::start(dir.path(), &log, LOG_ID);
    running.caught_up();
    assert!(log.scanned.load(Ordering::Relaxed) <= log.next_seq().0 - records);
    assert_right(&running.cache, &log, &codes);
    running.stop();
}

/// What is done to a cache that had ended in order; then it is opened again.
fn after(damage: impl Fn(&Path), log_id: [u8; 32], shorter: bool) {
    let world = long(23, 150);
    let codes = codes(&world);
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("cache");
    let log = whole(&world);
    let running = Running::start(&dir, &log, LOG_ID);
    running.caught_up();
    running.stop();
    damage(&dir);
    let log = if shorter {
        let log = Arc::new(Growing::default());
        let blocks = &world.book.blocks;
        blocks[..blocks.len() / 2].iter().for_each(|block| log.push(block));
        log
    } else {
        log
    };
    log.scanned.store(0, Ordering::Relaxed);
    let running = Running::start(&dir, &log, log_id);
    assert_right(&running.cache, &log, &codes[..3]);
    running.caught_up();
    assert_right(&running.cache, &log, &codes);
    running.stop();
    assert!(0 < log.scanned.load(Ordering::Relaxed), "it was made again");
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { out.extend(files(&path)) } else { out.push(path) }
    }
    out
}

#[test]
fn deleted() {
    after(|dir| std::fs::remove_dir_all(dir).unwrap(), LOG_ID, false);
}

#[test]
fn of_another_ledger() {
    after(|_| (), [4; 32], false);
}

#[test]
fn ahead_of_its_log() {
    after(|_| (), LOG_ID, true);
}

#[test]
fn not_ended_in_order() {
    // A copy of the folder while it runs is what a crash leaves.
    let world = long(24, 150);
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = whole(&world);
    let running = Running::start(dir.path(), &log, LOG_ID);
    running.caught_up();
    for file in files(dir.path()) {
        let to = copy.path().join(file.strip_prefix(dir.path()).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(file, to).unwrap();
    }
    running.stop();
    log.scanned.store(0, Ordering::Relaxed);
    let running = Running::start(copy.path(), &log, LOG_ID);
    running.caught_up();
    assert_right(&running.cache, &log, &codes(&world));
    running.stop();
    assert!(0 < log.scanned.load(Ordering::Relaxed), "it was made again");
}

/// Every value of the database is damaged; whatever sled makes of it, the answers are right.
#[test]
fn damaged() {
    let world = long(25, 150);
    let codes = codes(&world);
    let log = whole(&world);
    for seed in 0..6_usize {
        let dir = tempfile::tempdir().unwrap();
        let running = Running::start(dir.path(), &log, LOG_ID);
        running.caught_up();
        running.stop();
        for file in files(dir.path()) {
            let mut bytes = std::fs::read(&file).unwrap();
            for at in (seed * 37..bytes.len()).step_by(1 + seed * 97) {
                bytes[at] ^= 0x40;
            }
            std::fs::write(file, bytes).unwrap();
        }
        let running = Running::start(dir.path(), &log, LOG_ID);
        running.caught_up();
        assert_right(&running.cache, &log, &codes);
        running.caught_up();
        assert_right(&running.cache, &log, &codes);
        running.stop();
    }
}

/// The folder goes away while it is in use.
#[test]
fn deleted_while_it_runs() {
    let world = long(26, 150);
    let codes = codes(&world);
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("cache");
    let log = whole(&world);
    let running = Running::start(&dir, &log, LOG_ID);
    running.caught_up();
    std::fs::remove_dir_all(&dir).unwrap();
    assert_right(&running.cache, &log, &codes);
    running.stop();
    let running = Running::start(&dir, &log, LOG_ID);
    running.caught_up();
    assert_right(&running.cache, &log, &codes);
    running.stop();
}

#[test]
fn views_of_any_position_and_day_from_checkpoints() {
    let world = long(27, 260);
    let dir = tempfile::tempdir().unwrap();
    let blocks = &world.book.blocks;
    let (before, after) = blocks.split_at(blocks.len() / 2);
    let log = Arc::new(Growing::default());
    before.iter().for_each(|block| log.push(block));
    let running = Running::start(dir.path(), &log, LOG_ID);
    running.caught_up();
    // Live: the committer's views are copied when one is wanted.
    let mut offered = 0;
    for block in after {
        log.push(block);
        running.cache.offer(&Arc::new(block.clone()));
        let next = block.last_seq().next();
        if running.cache.wants_checkpoint(next) {
            offered += 1;
            running.cache.offer_checkpoint(fold(&world, block.last_seq(), None));
        }
        running.caught_up();
    }
    // Returns the records that a question without a day costs.
    let check = |running: &Running| {
        let head = log.next_seq().0 - 1;
        let (mut read, mut asked) = (0, 0);
        for seq in (3..=head).step_by(23).chain([head]) {
            for day in [None, Date::parse("2017-01-15")] {
                let as_of = as_of(&*log, Seq(seq), day).unwrap();
                log.scanned.store(0, Ordering::Relaxed);
                let mut found = running.cache.projection_at(as_of).unwrap();
                if day.is_none() {
                    read += log.scanned.load(Ordering::Relaxed);
                    asked += 1;
                }
                let mut expected = fold(&world, as_of.position, day);
                assert_eq!(rows::read(&found), rows::read(&expected), "{as_of:?}");
                assert_eq!(found.digests(), expected.digests(), "{as_of:?}");
            }
        }
        read / asked
    };
    // What was far from every checkpoint becomes one, so the same questions soon cost little.
    let soon = |running: &Running, wanted: u64| {
        let cheap = (0..100).any(|_| check(running) < wanted);
        assert!(cheap, "{} records read for a question", check(running));
    };
    soon(&running, OPTIONS.checkpoint_every);
    assert!(2 < offered);
    running.stop();
    let leftover = dir.path().join("views-7");
    std::fs::write(&leftover, "left by a crash").unwrap();
    let running = Running::start(dir.path(), &log, LOG_ID);
    running.caught_up();
    assert!(check(&running) < OPTIONS.checkpoint_every);
    assert!(!leftover.exists());
    // Damaged, then gone: the answers stay.
    let checkpoints = || {
        let files = files(dir.path()).into_iter();
        files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("views-"))
    };
    assert!((3..=8).contains(&checkpoints().count()));
    for path in checkpoints() {
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    check(&running);
    soon(&running, OPTIONS.checkpoint_every);
    checkpoints().for_each(|path| drop(std::fs::remove_file(path)));
    check(&running);
    running.stop();
    // More checkpoints than are kept: every second one goes, and the answers stay.
    let options = Options { checkpoint_every: 2, ..OPTIONS };
    let other = tempfile::tempdir().unwrap();
    let (cache, filler) = Cache::new(other.path(), LOG_ID, Arc::clone(&log) as _, options);
    let thread = std::thread::spawn(move || filler.run());
    let running = Running { cache, log: Arc::clone(&log), thread };
    running.caught_up();
    soon(&running, log.next_seq().0 / 5);
    running.stop();
}

#[test]
fn a_record_that_names_two_households_is_in_both_histories() {
    let world = long(28, 300);
    let mut codec = ledger::codec::Codec::new();
    let mut two = 0;
    for bytes in &world.book.log.0 {
        let record = Record::parse(bytes).unwrap();
        let found = views::history::mentions(&record, &mut codec);
        two += u32::from(found[1].is_some());
        for code in codes(&world) {
            let named = views::history::names(&record, code, &mut codec);
            assert_eq!(named, found.contains(&Some(code)));
        }
    }
    assert!(0 < two, "none was met");
}
