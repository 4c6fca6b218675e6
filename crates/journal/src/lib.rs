//! Blocks that survive a power cut.
//!
//! Lives here: the `Journal` trait with its fencing token, the segment files that implement it,
//! recovery after an unclean stop, the disk and the clock as traits, and a simulated disk that
//! forgets.
//! Lives elsewhere: the layout of a block (`record`), what a record means (`ledger`), the signed
//! checkpoint that recovery is compared with (the process).
//!
//! Always: [`Durable`] is made after the sync returned and nowhere else. At most one block can be
//! torn, since block N+1 is written only after the sync of N returned. After a failed write or sync
//! nothing more is written; the next start decides from what is on disk.
#![allow(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    reason = "no money here: offsets and counts far below 2^64, checked in tests"
)]

pub mod clock;
pub mod conformance;
pub mod disk;
pub mod segments;

mod error;
mod journal;

pub use clock::{Clock, ManualClock, SystemClock};
pub use disk::{Disk, DiskFile, Lock, Mode, RealDisk, SimDisk};
pub use error::{BlockFault, Damage, Error};
pub use journal::{Blocks, Durable, Epoch, Head, Journal, Reader};
pub use segments::{
    LOCK_FILE, Opened, Options, Prepare, SEGMENT_BYTES_DEFAULT, SegmentJournal, SegmentReader,
    Tail, lock_directory, open_read_only,
};
