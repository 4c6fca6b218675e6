//! The live views of a ledger: accounts and projection, with their digests.

use ledger::event::{At, Event};
use record::{Accounts, Hash, Record, Seq, views_digest};

use crate::digest::ViewDigest;
use crate::drift::Drift;
use crate::projection::Projection;

/// All views at the head.
#[derive(Clone, Debug, Default)]
pub struct Views {
    accounts: Accounts,
    projection: Projection,
}

impl Views {
    /// Makes the views of an empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves past a record of the format's own kinds, which no view shows.
    pub fn pass(&mut self, record: &Record<'_>) {
        self.projection.pass(record);
    }

    /// Applies a durable record, in the order of the log.
    ///
    /// # Errors
    /// [`Drift`]: it does not fit what was before it, and the views are of no further use.
    pub fn apply(&mut self, record: &Record<'_>, at: &At, event: &Event) -> Result<(), Drift> {
        self.accounts.apply_record(record)?;
        self.projection.apply(at, event)
    }

    /// Returns the last position applied; `None` before the first record.
    pub fn position(&self) -> Option<Seq> {
        self.projection.next_seq().0.checked_sub(1).map(Seq)
    }

    /// Returns balances by account path.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Returns the views but the accounts: what balances are made from.
    pub fn projection(&self) -> &Projection {
        &self.projection
    }

    /// Returns the digests of all views by number. Costs one hash a row that changed since the last
    /// time, and one more if it stood before.
    pub fn digests(&mut self) -> Vec<ViewDigest> {
        let digest = self.accounts.digest();
        let rows = self.accounts.rows();
        let mut all = vec![ViewDigest { number: 1, name: "accounts", rows, digest }];
        all.append(&mut self.projection.digests());
        all
    }

    /// Returns the digest of all views together, as a seal holds it.
    pub fn views_digest(&mut self) -> Hash {
        let all = self.digests();
        views_digest(&all.iter().map(|view| (view.number, view.digest)).collect::<Vec<_>>())
    }

    /// Returns the digest of view 1, as a seal holds it.
    pub fn accounts_digest(&mut self) -> Hash {
        self.accounts.digest()
    }
}
