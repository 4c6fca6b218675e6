//! What a log of segments must do beyond the common suite: files, rolling, full disks, refusals.

use super::*;
use crate::conformance::{BlockMaker, Opener, check_all};
use crate::disk::{RealDisk, SimDisk};

const LOG: Hash = [5; 32];

/// Closes a journal and lets go of it.
pub(super) fn closed(mut journal: SegmentJournal) -> Result<(), Error> {
    journal.close()
}

/// Opens the log in `dir`, or creates it.
fn open_or_create(
    disk: &Arc<dyn Disk>,
    dir: &str,
    options: Options,
) -> Result<SegmentJournal, Error> {
    match SegmentJournal::open(disk.clone(), dir, options) {
        Err(Error::NoLedger { .. }) => SegmentJournal::create(disk.clone(), dir, LOG, options),
        other => other.map(|(journal, _)| journal),
    }
}

fn opener(disk: Arc<dyn Disk>, options: Options) -> Opener {
    Box::new(move || {
        let journal = open_or_create(&disk, "ledger", options)?;
        Ok(Box::new(journal) as Box<dyn Journal>)
    })
}

#[test]
fn segments_conform_on_a_simulated_disk() {
    let options = Options::simulated(16 * 1024);
    check_all(|| opener(Arc::new(SimDisk::new()), options), BLOCK_BYTES_MAX);
    let options = Options { block_bytes_max: 10_000, ..options };
    check_all(|| opener(Arc::new(SimDisk::new()), options), 10_000);
}

#[test]
fn segments_conform_on_real_files() {
    let temporary = tempfile::tempdir().unwrap();
    let next = std::sync::atomic::AtomicU64::new(0);
    let options = Options::with_segment_bytes(256 * 1024);
    check_all(
        || {
            let name = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst).to_string();
            opener(Arc::new(RealDisk::new(temporary.path().join(name))), options)
        },
        BLOCK_BYTES_MAX,
    );
}

pub(super) fn sim() -> (SimDisk, Arc<dyn Disk>) {
    let disk = SimDisk::new();
    (disk.clone(), Arc::new(disk))
}

/// Creates a log and becomes its writer.
pub(super) fn writer(disk: &Arc<dyn Disk>, options: Options) -> (SegmentJournal, Epoch) {
    let mut journal = SegmentJournal::create(disk.clone(), "", LOG, options).unwrap();
    let epoch = journal.acquire().unwrap();
    (journal, epoch)
}

/// Appends a block of `bytes` bytes of records; 0 for the genesis.
pub(super) fn append(
    journal: &mut SegmentJournal,
    epoch: Epoch,
    bytes: usize,
) -> Result<Arc<Block>, Error> {
    let head = journal.head();
    let mut maker = BlockMaker::new(&head, epoch);
    let block = if bytes == 0 { maker.block(1, 0) } else { maker.block_of_bytes(bytes) };
    journal.append(&head.hash, block).map(Durable::into_inner)
}

pub(super) fn segment_names(disk: &Arc<dyn Disk>) -> Vec<String> {
    let names = disk.list("segments").unwrap();
    names.into_iter().filter(|name| names::segment_first_seq(name).is_some()).collect()
}

#[test]
fn an_append_is_one_write_and_one_sync() {
    let (sim, disk) = sim();
    let (mut journal, epoch) = writer(&disk, Options::simulated(1024 * 1024));
    append(&mut journal, epoch, 0).unwrap();
    for bytes in [100, 5_000, 100_000] {
        let before = sim.calls();
        append(&mut journal, epoch, bytes).unwrap();
        let after = sim.calls();
        assert_eq!((after.writes - before.writes, after.syncs - before.syncs), (1, 1));
        assert_eq!(after.total - before.total, 2, "and no other call");
    }
}

#[test]
fn a_block_may_end_where_its_segment_ends() {
    for spare in [0, 8] {
        let (_, disk) = sim();
        let options = Options::simulated(16 * 1024);
        let (mut journal, epoch) = writer(&disk, options);
        append(&mut journal, epoch, 0).unwrap();
        let room = 16 * 1024 - usize::try_from(journal.writer().active.end).unwrap();
        append(&mut journal, epoch, room - 112 - spare).unwrap();
        assert_eq!(segment_names(&disk).len(), 1);
        assert_eq!(journal.writer().active.end, 16 * 1024 - spare as u64);
        // Full to the last byte, and no next segment yet: opens as any other.
        drop(journal);
        let (mut journal, opened) = SegmentJournal::open(disk.clone(), "", options).unwrap();
        assert_eq!((opened.torn, opened.segments), (None, 1));
        let epoch = journal.acquire().unwrap();
        let block = append(&mut journal, epoch, 200).unwrap();
        let expected =
            ["00000000000000000000.mzs".to_owned(), names::segment_name(block.first_seq())];
        assert_eq!(segment_names(&disk), expected);
        drop(journal);
        let (reader, opened) = open_read_only(disk, "").unwrap();
        assert_eq!((opened.segments, reader.head().next_seq), (2, block.last_seq().next()));
        assert_eq!(reader.blocks(record::Seq(0)).count(), 3);
    }
}

#[test]
fn a_block_larger_than_a_segment_gets_a_file_of_its_own_size() {
    let (sim, disk) = sim();
    let options = Options::simulated(16 * 1024);
    let (mut journal, epoch) = writer(&disk, options);
    append(&mut journal, epoch, 0).unwrap();
    let large = append(&mut journal, epoch, BLOCK_BYTES_MAX).unwrap();
    append(&mut journal, epoch, 5_000).unwrap();
    let names = segment_names(&disk);
    let sizes: Vec<usize> =
        names.iter().map(|name| sim.contents(&format!("segments/{name}")).unwrap().len()).collect();
    let exact = (SEGMENT_HEADER_BYTES + large.frame().len()).next_multiple_of(4_096);
    assert_eq!(sizes, [16 * 1024, exact, 16 * 1024]);
    drop(journal);
    let (journal, opened) = SegmentJournal::open(disk, "", options).unwrap();
    assert_eq!(opened.segments, 3);
    assert_eq!(journal.reader().block_of(large.last_seq()).unwrap(), Some(large));
}

#[test]
fn the_largest_block_is_cut_as_any_other() {
    let (start, disk) = sim();
    let options = Options::simulated(16 * 1024);
    let (mut journal, epoch) = writer(&disk, options);
    append(&mut journal, epoch, 0).unwrap();
    closed(journal).unwrap();
    let (mut torn, mut whole) = (0, 0);
    // Its file is prepared in 17 pieces, synced, named; then come the write and the sync.
    for n in 0.. {
        let sim = start.fork();
        sim.restart();
        let disk: Arc<dyn Disk> = Arc::new(sim.clone());
        let (mut journal, _) = SegmentJournal::open(disk.clone(), "", options).unwrap();
        let epoch = journal.acquire().unwrap();
        sim.cut_after(n);
        let appended = append(&mut journal, epoch, BLOCK_BYTES_MAX).is_ok();
        if sim.is_armed() {
            break;
        }
        sim.crash(n);
        let (mut journal, opened) = SegmentJournal::open(disk, "", options).unwrap();
        let records = opened.head.next_seq.0;
        assert!(records == 1 || records == 258, "call {n}: {records} records");
        assert!(!appended || records == 258, "call {n}: the block is gone");
        torn += u64::from(opened.torn.is_some());
        whole += u64::from(records == 258);
        let epoch = journal.acquire().unwrap();
        append(&mut journal, epoch, 300).unwrap();
    }
    assert!(0 < torn && 0 < whole, "{torn} torn, {whole} whole");
}

#[test]
fn a_full_disk_loses_nothing_and_is_survived() {
    for prepare in [Prepare::Inline, Prepare::Background] {
        let (sim, disk) = sim();
        let options = Options { prepare, ..Options::simulated(16 * 1024) };
        let (mut journal, epoch) = writer(&disk, options);
        sim.set_free_bytes(Some(10_000));
        append(&mut journal, epoch, 0).unwrap();
        append(&mut journal, epoch, 5_000).unwrap();
        // The segment goes on while it has room.
        append(&mut journal, epoch, 5_000).unwrap();
        let head = journal.head();
        let full = append(&mut journal, epoch, 5_000).unwrap_err();
        assert!(matches!(&full, Error::DiskFull { free: 10_000, needed: 16_384, .. }), "{full:?}");
        assert_eq!(full.to_string(), "segments: 10000 bytes free, 16384 needed");
        assert_eq!(journal.head(), head);
        // A smaller one still fits, and when space is freed all goes on, in the same process.
        append(&mut journal, epoch, 300).unwrap();
        sim.set_free_bytes(None);
        append(&mut journal, epoch, 5_000).unwrap();
        assert_eq!(journal.reader().blocks(record::Seq(0)).count(), 5);
    }
}

#[test]
fn after_a_failed_sync_nothing_is_written() {
    for (at, fault) in [(1, crate::disk::Fault::Eio), (2, crate::disk::Fault::Eio)] {
        let (sim, disk) = sim();
        let (mut journal, epoch) = writer(&disk, Options::simulated(64 * 1024));
        append(&mut journal, epoch, 0).unwrap();
        let head = journal.head();
        sim.fail(at, fault);
        let unknown = append(&mut journal, epoch, 700).unwrap_err();
        assert!(matches!(unknown, Error::Unknown { .. }), "{unknown}");
        assert_eq!(journal.head(), head, "readers do not see it");
        let calls = sim.calls();
        for _ in 0..3 {
            let refused = append(&mut journal, epoch, 700).unwrap_err();
            assert!(refused.to_string().starts_with("an earlier write failed: "), "{refused}");
        }
        assert!(matches!(journal.acquire(), Err(Error::Unavailable { .. })));
        assert!(matches!(closed(journal), Err(Error::Unavailable { .. })));
        assert_eq!(sim.calls(), calls, "the disk is left alone");
        assert!(sim.contents("clean").is_err());
    }
}

#[test]
fn of_two_handles_the_newer_one_writes() {
    let (_, disk) = sim();
    let (mut old, first) = writer(&disk, Options::simulated(64 * 1024));
    append(&mut old, first, 0).unwrap();
    let mut new = old.handle();
    let second = new.acquire().unwrap();
    let refused = append(&mut old, first, 100).unwrap_err();
    assert!(matches!(refused, Error::Fenced { mine: 1, theirs: 2 }), "{refused}");
    // Not even with a block of the new epoch: the handle is fenced, not the block alone.
    let refused = append(&mut old, second, 100).unwrap_err();
    assert!(matches!(refused, Error::Fenced { mine: 1, theirs: 2 }), "{refused}");
    append(&mut new, second, 100).unwrap();
    assert_eq!(old.head(), new.head(), "both see the same log");
    assert!(matches!(closed(old), Err(Error::Fenced { mine: 1, theirs: 2 })));
    closed(new).unwrap();
}

#[test]
fn a_directory_has_one_writer_and_any_readers() {
    let temporary = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(temporary.path()));
    let options = Options::with_segment_bytes(64 * 1024);
    let nothing = SegmentJournal::open(disk.clone(), "", options).map(|_| ());
    assert!(matches!(nothing, Err(Error::NoLedger { .. })));
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "and nothing was made");
    let (mut journal, epoch) = writer(&disk, options);
    append(&mut journal, epoch, 0).unwrap();
    let locked = SegmentJournal::open(disk.clone(), "", options).map(|_| ()).unwrap_err();
    assert!(matches!(locked, Error::Locked { .. }), "{locked}");
    let locked = SegmentJournal::create(disk.clone(), "", LOG, options).map(|_| ()).unwrap_err();
    assert!(matches!(locked, Error::Locked { .. }), "{locked}");
    // Readers take no lock, and see what was there when they came.
    let (reader, _) = open_read_only(disk.clone(), "").unwrap();
    append(&mut journal, epoch, 500).unwrap();
    assert_eq!(reader.blocks(record::Seq(0)).count(), 1);
    // A journal that is closed takes nothing more, and is still in the way of others.
    journal.close().unwrap();
    assert!(matches!(append(&mut journal, epoch, 0), Err(Error::Unavailable { .. })));
    let locked = SegmentJournal::open(disk.clone(), "", options).map(|_| ()).unwrap_err();
    assert!(matches!(locked, Error::Locked { .. }), "{locked}");
    drop(journal);
    let exists = SegmentJournal::create(disk.clone(), "", LOG, options).map(|_| ()).unwrap_err();
    assert!(matches!(exists, Error::Exists { .. }), "{exists}");
    let (journal, opened) = SegmentJournal::open(disk, "", options).unwrap();
    assert!(opened.clean && opened.rewritten_bytes == 0);
    assert_eq!((opened.log_id, opened.head), (LOG, journal.head()));
    let mut files: Vec<_> = std::fs::read_dir(temporary.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, ["LOCK", "clean", "segments"]);
}

#[test]
fn a_clean_stop_survives_starts_that_append_nothing() {
    let (sim, disk) = sim();
    let options = Options::simulated(64 * 1024);
    let (mut journal, epoch) = writer(&disk, options);
    append(&mut journal, epoch, 0).unwrap();
    closed(journal).unwrap();
    let marker = sim.contents("clean").unwrap();
    for _ in 0..2 {
        let (mut journal, opened) = SegmentJournal::open(disk.clone(), "", options).unwrap();
        assert!(opened.clean);
        // Taking the epoch writes nothing; a kill here is no unclean stop.
        journal.acquire().unwrap();
    }
    let (mut journal, _) = SegmentJournal::open(disk.clone(), "", options).unwrap();
    let epoch = journal.acquire().unwrap();
    append(&mut journal, epoch, 100).unwrap();
    assert!(sim.contents("clean").is_err(), "gone with the first append");
    drop(journal);
    let (_, opened) = SegmentJournal::open(disk, "", options).unwrap();
    assert!(!opened.clean);
    assert_eq!(opened.rewritten_bytes, 64 * 1024, "as far as a block reaches, which is all of it");
    assert_eq!(marker.len(), 2 + 65, "one digit, 64 digits, two line ends");
}

#[test]
fn opening_reads_headers_and_looking_up_reads_once() {
    let (sim, disk) = sim();
    let options = Options::simulated(512 * 1024);
    let (mut journal, epoch) = writer(&disk, options);
    append(&mut journal, epoch, 0).unwrap();
    for _ in 0..120 {
        append(&mut journal, epoch, 100_000).unwrap();
    }
    closed(journal).unwrap();
    let before = sim.calls();
    let (reader, opened) = open_read_only(disk.clone(), "").unwrap();
    let read = sim.calls().bytes_read - before.bytes_read;
    assert_eq!(opened.segments, 24);
    // Of 12 MB: a page a block, the room behind each segment's last block, the last segment.
    assert!(read < 3_000_000, "{read} bytes read");
    reader.block_of(record::Seq(200)).unwrap().unwrap();
    let before = sim.calls();
    reader.block_of(record::Seq(202)).unwrap().unwrap();
    assert_eq!(sim.calls().reads - before.reads, 1);
    let before = sim.calls();
    assert_eq!(reader.blocks(record::Seq(0)).count(), 121);
    assert_eq!(sim.calls().reads - before.reads, 121, "one a large block");
}

#[test]
fn small_blocks_share_reads_and_index_entries() {
    let (sim, disk) = sim();
    let (mut journal, epoch) = writer(&disk, Options::simulated(256 * 1024));
    append(&mut journal, epoch, 0).unwrap();
    for _ in 0..3_000 {
        append(&mut journal, epoch, 200).unwrap();
    }
    let reader = journal.reader();
    let before = sim.calls();
    assert_eq!(reader.blocks(record::Seq(0)).count(), 3_001);
    let reads = sim.calls().reads - before.reads;
    // 936 KB in pieces of at most 256 KiB, and a piece ends with its segment.
    assert!(reads <= 8, "{reads} reads");
    for seq in (0..3_001).step_by(7) {
        let seq = record::Seq(seq);
        let before = sim.calls();
        assert_eq!(reader.block_of(seq).unwrap().unwrap().first_seq(), seq);
        assert_eq!(sim.calls().reads - before.reads, 1);
    }
    let spans =
        (0..3_001).filter_map(|seq| journal.writer().shared.index().span(record::Seq(seq), 0));
    let mut starts: Vec<_> = spans.map(|span| (span.segment, span.start)).collect();
    starts.dedup();
    assert!(starts.len() <= 62, "{} entries", starts.len());
}

#[test]
fn a_log_opens_for_reading_at_any_moment_of_its_writer() {
    let temporary = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(temporary.path()));
    let (mut journal, epoch) = writer(&disk, Options::with_segment_bytes(64 * 1024));
    append(&mut journal, epoch, 0).unwrap();
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let watcher = std::thread::spawn({
        let (disk, done) = (disk.clone(), done.clone());
        move || {
            let (mut opened, mut last) = (0, 0);
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                let (reader, found) = open_read_only(disk.clone(), "").expect("opens");
                assert!(last <= found.head.next_seq.0);
                last = found.head.next_seq.0;
                let read: u64 = reader
                    .blocks(record::Seq(0))
                    .map(|block| u64::from(block.expect("reads").count()))
                    .sum();
                assert_eq!(read, last);
                opened += 1;
            }
            opened
        }
    });
    for i in 0..600 {
        append(&mut journal, epoch, 100 + 37 * i % 5_000).unwrap();
    }
    done.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(0 < watcher.join().unwrap());
    assert!(15 < segment_names(&disk).len());
    closed(journal).unwrap();
    assert_eq!(disk.list("segments").unwrap(), segment_names(&disk));
}

#[test]
fn a_log_may_live_below_the_root() {
    let (sim, disk) = sim();
    let options = Options { lock: false, ..Options::simulated(16 * 1024) };
    let journal = SegmentJournal::create(disk.clone(), "attempts", LOG, options).unwrap();
    // Durable as soon as it was created.
    drop(journal);
    sim.crash(3);
    let (mut journal, _) = SegmentJournal::open(disk.clone(), "attempts", options).unwrap();
    let epoch = journal.acquire().unwrap();
    append(&mut journal, epoch, 0).unwrap();
    closed(journal).unwrap();
    assert_eq!(disk.list("attempts").unwrap(), ["clean", "segments"]);
}
