//! Stands in for `views` until that crate has its first version.

use ledger::event::{At, Drift, Event};
use record::{Accounts, Hash, Record, views_digest};

/// Version of the views' definitions.
pub const VERSION: u8 = 1;

/// The views.
#[derive(Default)]
pub struct Views {
    accounts: Accounts,
    position: record::Seq,
}

/// A view's digest.
#[derive(Clone, Debug)]
pub struct ViewDigest {
    /// Number.
    pub number: u16,
    /// Name.
    pub name: &'static str,
    /// Rows.
    pub rows: u64,
    /// Digest.
    pub digest: Hash,
}

impl Views {
    /// Empty views.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves past a record of the format's own.
    pub fn pass(&mut self, record: &Record<'_>) {
        self.position = record.seq();
    }

    /// Position of the last record.
    pub fn position(&self) -> Option<record::Seq> {
        Some(self.position)
    }

    /// Applies.
    pub fn apply(&mut self, record: &Record<'_>, _: &At, _: &Event) -> Result<(), Drift> {
        self.position = record.seq();
        self.accounts.apply_record(record).map_err(|e| Drift::of(e.to_string()))
    }

    /// Digests.
    pub fn digests(&mut self) -> Vec<ViewDigest> {
        let digest = self.accounts.digest();
        vec![ViewDigest { number: 1, name: "accounts", rows: self.accounts.rows(), digest }]
    }

    /// Digest of all.
    pub fn views_digest(&mut self) -> Hash {
        let list: Vec<_> = self.digests().iter().map(|d| (d.number, d.digest)).collect();
        views_digest(&list)
    }

    /// Digest of accounts.
    pub fn accounts_digest(&mut self) -> Hash {
        self.accounts.digest()
    }
}
