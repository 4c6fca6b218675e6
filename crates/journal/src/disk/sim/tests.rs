//! What the simulated disk keeps, loses and counts.

use std::collections::BTreeSet;

use super::super::{replace_file, write_all_at};
use super::state::Random;
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
        let new: Vec<usize> = [511, 512, 1_024].into_iter().filter(|at| bytes[*at] == 2).collect();
        let sector = |at: usize, from, to| {
            let expected = if new.contains(&at) { 2 } else { 1 };
            assert!(bytes[from..to].iter().all(|byte| *byte == expected), "whole sectors: {new:?}");
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
    assert!(disk.try_lock("LOCK").unwrap().is_some(), "and released at once, as it was dropped");
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
