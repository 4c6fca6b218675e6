//! Why a ledger cannot be opened or goes on no more: the world's faults, with their codes.
//!
//! Lives here: one error for opening, creating and running a ledger, and what an operator does next.
//! Lives elsewhere: the refusals that clients get (`ledger::reject`), exit codes of the command line
//! (`cli::failure`).

use ledger::reject::{Reason, Text};
use record::Seq;
use thiserror::Error;

use super::clock::ClockJump;
use crate::keys::KeyFileError;

/// Why a ledger cannot be opened, created, or appended to.
#[derive(Debug, Error)]
pub enum Error {
    /// The journal says no.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    /// A file beside the journal cannot be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the file system said.
        source: std::io::Error,
    },
    /// The log ends before its last published checkpoint, or holds another history. MZ-9007.
    #[error("ledger has {size} records, the checkpoint speaks of {published}{}", contradicts(*.size, *.published))]
    RolledBack {
        /// Records in the log.
        size: u64,
        /// Records of which the checkpoint speaks.
        published: u64,
    },
    /// Bytes whose checksums hold, but which are no record of this ledger. MZ-9004.
    #[error("record {seq}: {what}")]
    Record {
        /// Which record.
        seq: Seq,
        /// What is wrong with it.
        what: String,
    },
    /// The log says that a newer program is needed behind a record. MZ-9006.
    #[error(
        "what follows record {seq} needs a reader of version {found}, this one reads {}",
        record::system::FORMAT_VERSION
    )]
    Newer {
        /// The record that says so.
        seq: Seq,
        /// The version.
        found: u32,
    },
    /// The log begins with something else than its Genesis.
    #[error("record 0 is no genesis of this ledger: {0}")]
    Genesis(String),
    /// What was asked for cannot be: an origin that is no name, a second ledger in one place.
    #[error("{0}")]
    Usage(String),
    /// The wall clock cannot be believed. MZ-9001.
    #[error("the wall clock says {} ms, {} ms was expected", .0.wall_ms, .0.expected_ms)]
    Clock(ClockJump),
    /// The process goes on no more. MZ-9001.
    #[error("{0}")]
    Stopped(String),
}

fn contradicts(size: u64, published: u64) -> &'static str {
    if published <= size { " and has another root" } else { "" }
}

impl Error {
    /// The refusal with which the command line and services answer; `None`: no code of its own.
    pub fn reason(&self) -> Option<Reason> {
        Some(match self {
            Self::Journal(error) => journal_reason(error),
            Self::RolledBack { size, published } => {
                Reason::RolledBack { size: *size, published: *published }
            }
            Self::Record { seq, .. } => Reason::JournalCorrupt {
                segment: Text::Borrowed("segments"),
                offset: 0,
                from: *seq,
                to: *seq,
            },
            Self::Newer { seq, found } => Reason::NewerFormat {
                what: Text::Owned(format!("what follows record {seq}")),
                found: *found,
                max: record::system::FORMAT_VERSION,
            },
            Self::Genesis(_) => Reason::JournalCorrupt {
                segment: Text::Borrowed("segments"),
                offset: 0,
                from: Seq(0),
                to: Seq(0),
            },
            Self::Usage(what) => Reason::Usage { what: Text::Owned(what.clone()) },
            Self::Clock(_) => Reason::ReadOnly { why: Text::Borrowed("clock") },
            Self::Stopped(why) => Reason::ReadOnly { why: Text::Owned(why.clone()) },
            Self::Keys(_) | Self::Io { .. } => return None,
        })
    }

    /// Exit code where there is no refusal.
    pub fn exit(&self) -> u8 {
        match self {
            Self::Keys(KeyFileError::Io { .. }) | Self::Io { .. } => 3,
            Self::Keys(_) => 2,
            _ => 3,
        }
    }

    /// What to do where there is no refusal.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Keys(KeyFileError::Readable { path, .. }) => {
                Some(format!("chmod 600 {}", path.display()))
            }
            Self::Keys(KeyFileError::OtherOrigin { .. }) => {
                Some("put the keys of this ledger into its `keys` folder".to_owned())
            }
            _ => None,
        }
    }
}

/// The refusal of a journal's error.
pub(crate) fn journal_reason(error: &journal::Error) -> Reason {
    use journal::Error as E;
    match error {
        E::Fenced { mine, theirs } => Reason::Fenced { mine: *mine, theirs: *theirs },
        E::Unknown { from, to, .. } => {
            Reason::OutcomeUnknown { key: Text::Owned(format!("records {from}-{to}")) }
        }
        E::TooLarge { bytes, bytes_max } => {
            Reason::VoucherTooLarge { found: *bytes, max: *bytes_max }
        }
        E::Corrupt { segment, offset, from, to, .. } => Reason::JournalCorrupt {
            segment: Text::Owned(segment.clone()),
            offset: *offset,
            from: *from,
            to: to.unwrap_or(*from),
        },
        E::Newer { what, found, max } => Reason::NewerFormat {
            what: Text::Owned(what.clone()),
            found: u32::from(*found),
            max: u32::from(*max),
        },
        E::NoLedger { dir } => Reason::NoLedger { dir: here(dir) },
        E::Locked { dir } => Reason::LedgerLocked { dir: here(dir) },
        E::RolledBack { size, published } => {
            Reason::RolledBack { size: *size, published: *published }
        }
        E::DiskFull { dir, free, needed } => {
            Reason::DiskFull { dir: here(dir), free: *free, needed: *needed }
        }
        E::Exists { dir } => {
            Reason::Usage { what: Text::Owned(format!("{} holds a ledger already", here(dir))) }
        }
        E::Conflict { .. } | E::Unavailable { .. } => {
            Reason::ReadOnly { why: Text::Owned(error.to_string()) }
        }
    }
}

/// A directory as people write it; the disk's root is the data directory itself.
fn here(dir: &str) -> Text {
    if dir.is_empty() { Text::Borrowed("the data directory") } else { Text::Owned(dir.to_owned()) }
}
