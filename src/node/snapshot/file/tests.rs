//! Files that are whole, and say what they should not.

use std::sync::Arc;

use journal::conformance::BlockMaker;
use journal::disk::Fault;
use journal::segments::{Options, SegmentJournal};
use journal::{Disk, Journal, Mode, SimDisk};
use record::Seq;
use tlog::tree::leaf_hash;

use super::*;

const ID: Identity = Identity { log: [2; 32], secret: [7; 32] };

/// A log of one block, and its snapshot.
fn world() -> (SegmentJournal, Snapshot) {
    let disk = Arc::new(SimDisk::new());
    let options = Options::simulated(1 << 14);
    let mut journal = SegmentJournal::create(disk, "", ID.log, options).unwrap();
    let epoch = journal.acquire().unwrap();
    let head = journal.head();
    let block = BlockMaker::new(&head, epoch).block(1, 0);
    journal.append(&head.hash, Arc::clone(&block)).unwrap();
    let mut snapshot = Snapshot {
        chain: ChainCheck::resume(Seq(1), block.head(), block.last_time_ms()),
        unsealed: true,
        published: None,
        frontier: Frontier::new(),
        state: State::new(ID.secret),
        views: Views::new(),
    };
    for record in block.records() {
        snapshot.frontier.push(leaf_hash(record.bytes()));
        snapshot.state.pass(record.seq(), record.time_ms());
        snapshot.views.pass(&record);
    }
    (journal, snapshot)
}

fn bytes_of(snapshot: &Snapshot) -> Vec<u8> {
    let disk = SimDisk::new();
    let file = disk.open("s", Mode::Create).unwrap();
    let snapshot = snapshot.clone();
    write(&*file, &ID, snapshot, &mut || Ok(()), &mut |_| Ok(())).unwrap();
    disk.contents("s").unwrap()
}

/// Puts the right hash behind bytes.
fn hashed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len().strict_sub(32));
    let mut hasher = blake3::Hasher::new_derive_key(context::SNAPSHOT);
    bytes.extend_from_slice(hasher.update(&bytes).finalize().as_bytes());
    bytes
}

fn on_disk(bytes: &[u8]) -> (SimDisk, Arc<dyn DiskFile>) {
    let disk = SimDisk::new();
    let file = disk.open("s", Mode::Create).unwrap();
    write_all_at(&*file, bytes, 0).unwrap();
    (disk, file)
}

/// What is doubted about these bytes; nothing: an empty text.
fn doubt(journal: &SegmentJournal, bytes: &[u8], expected: Option<(u64, Hash)>) -> String {
    let (_disk, file) = on_disk(bytes);
    let read = read(&*file, 1, &ID, &*journal.reader(), expected);
    read.err().map_or_else(String::new, |doubt| format!("{doubt:?}"))
}

#[test]
fn a_whole_file_is_compared_with_the_published_checkpoint() {
    let (journal, mut snapshot) = world();
    let (root, other) = (snapshot.frontier.root(), [9; 32]);
    let unknown = "Published { size: 1 }";
    let bytes = bytes_of(&snapshot);
    assert_eq!(doubt(&journal, &bytes, None), "");
    assert_eq!(doubt(&journal, &bytes, Some((1, root))), unknown);
    // One behind it is compared when the replay comes there.
    assert_eq!(doubt(&journal, &bytes, Some((2, other))), "");
    snapshot.published = Some((1, root));
    let bytes = bytes_of(&snapshot);
    assert_eq!(doubt(&journal, &bytes, Some((1, root))), "");
    assert_eq!(doubt(&journal, &bytes, Some((1, other))), unknown);
}

#[test]
fn a_right_hash_does_not_make_a_wrong_inside_right() {
    let (journal, snapshot) = world();
    let bytes = bytes_of(&snapshot);
    assert_eq!(doubt(&journal, &hashed(bytes.clone()), None), "");
    let with = |at: usize, new: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + new.len()].copy_from_slice(new);
        doubt(&journal, &hashed(bytes), None)
    };
    assert_eq!(with(14, &[3; 32]), "Log");
    assert_eq!(with(46, &[3; 16]), "Secret");
    assert_eq!(with(62, &[2, 0]), "Name { named: 1, size: 2 }");
    assert_eq!(with(70, &[3; 32]), "Chain");
    // The frontier is too long; it is none; views of another version; a state that ends too early.
    let views = 155 + snapshot.frontier.to_bytes().len();
    assert!(with(151, &[255; 4]).starts_with("Decode"));
    assert!(with(155, &[255; 8]).starts_with("Decode"));
    assert!(with(views, &[250]).starts_with("Decode"));
    let cut = [&bytes[..bytes.len() - 40], &[0; 32]].concat();
    assert!(doubt(&journal, &hashed(cut), None).starts_with("Decode"));
    let longer = [&bytes[..bytes.len() - 32], &[0; 33]].concat();
    assert!(doubt(&journal, &hashed(longer), None).starts_with("Decode"));
    // Each of the three stands at another position than the file says.
    let none: [fn(&mut Snapshot); 3] = [
        |snapshot| snapshot.frontier = Frontier::new(),
        |snapshot| snapshot.state = State::new(ID.secret),
        |snapshot| snapshot.views = Views::new(),
    ];
    for take in none {
        let mut snapshot = world().1;
        take(&mut snapshot);
        assert!(doubt(&journal, &bytes_of(&snapshot), None).starts_with("Decode"));
    }
}

#[test]
fn what_cannot_be_read_now_is_kept_for_later() {
    let (journal, snapshot) = world();
    let bytes = bytes_of(&snapshot);
    for n in 1.. {
        let (disk, file) = on_disk(&bytes);
        disk.fail(n, Fault::Eio);
        let Err(doubt) = read(&*file, 1, &ID, &*journal.reader(), None) else {
            assert!(disk.is_armed() && 4 < n);
            return;
        };
        assert!(matches!(doubt, Doubt::Io(_)) && !doubt.lasts(), "{doubt:?}");
    }
}

#[test]
fn a_file_above_the_limit_is_neither_written_nor_read() {
    let (_disk, file) = on_disk(&[]);
    let mut go_on = || Ok(());
    let mut sink = Sink::new(&*file, &mut go_on);
    sink.written = SNAPSHOT_BYTES_MAX - 10;
    sink.piece = vec![0; 11];
    let refused = sink.put().unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::FileTooLarge);
    assert!(refused.to_string().contains("at most 34359738368 are"), "{refused}");
    assert_eq!(file.size().unwrap(), 0);
}

#[test]
fn views_are_read_alone_from_where_they_begin() {
    let (journal, snapshot) = world();
    let bytes = bytes_of(&snapshot);
    let read = |bytes: &[u8]| {
        let (_disk, file) = on_disk(bytes);
        read_views(&*file, 1, &ID.log, &*journal.reader())
    };
    let mut views = read(&bytes).unwrap();
    assert_eq!(views.digests(), snapshot.views.clone().digests());
    assert_eq!(views.position(), Some(Seq(0)));
    // A place that is none, under the right hash.
    let at = bytes.len() - 40;
    for wrong in [0, 13, 151, u64::try_from(at).unwrap(), u64::MAX] {
        let mut bytes = bytes.clone();
        bytes[at..at + 8].copy_from_slice(&wrong.to_le_bytes());
        assert!(read(&hashed(bytes)).is_err(), "{wrong}");
    }
}
