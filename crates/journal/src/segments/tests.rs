//! What a log of segments must do beyond the common suite: files, rolling, full disks, refusals.

use super::*;
use crate::conformance::{Opener, check_all};
use crate::disk::{RealDisk, SimDisk};

const LOG: Hash = [5; 32];

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
