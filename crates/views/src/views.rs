//! The live views of a ledger: accounts and projection, with their digests.

use std::io::{self, Read, Write};

use ledger::event::{At, Event};
use record::{Accounts, Hash, Record, Seq, views_digest};

use crate::digest::{ViewDigest, load_lanes};
use crate::drift::Drift;
use crate::projection::Projection;
use crate::value::{In, Out, invalid};

/// Version of what `save` writes, raised with any change of it, and that of the views' definitions.
const SAVED: (u16, u8) = (1, crate::VERSION);

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

    /// Reads what applying these records will read, of some dozens of them: households and accounts lie
    /// scattered, and the waits for their memory overlap where they are asked for together.
    pub fn read_ahead<'a>(&self, records: impl Iterator<Item = Record<'a>> + Clone) {
        self.accounts.read_ahead(records.clone());
        self.projection.read_ahead(records);
    }

    /// Returns a copy that shares what neither side changes: a few milliseconds for millions of rows, and
    /// no further memory at first. A plain clone copies every row changed since the last share.
    #[must_use]
    pub fn share(&mut self) -> Self {
        self.accounts.freeze();
        Self { accounts: self.accounts.clone(), projection: self.projection.share() }
    }

    /// Returns a copy of the views but the accounts, as [`Views::share`] does.
    #[must_use]
    pub fn share_projection(&mut self) -> Projection {
        self.projection.share()
    }

    /// Writes the views as they are, digests included, to be read again by [`Views::load`]: with some
    /// millions of rows in seconds, and without holding them a second time. Of a share, so that the
    /// ledger goes on meanwhile.
    ///
    /// What is written is disposable: no other version of the program need understand it.
    ///
    /// # Errors
    /// Those of `out`. It is written to in small pieces, so it should be buffered.
    pub fn save(&self, out: &mut dyn Write) -> io::Result<()> {
        let out = &mut Out(out);
        out.put(&SAVED)?;
        out.0.write_all(&self.accounts.lanes().state())?;
        let accounts = self.accounts.saved();
        out.put(&accounts.len())?;
        for row in accounts {
            out.put(&row)?;
        }
        self.projection.save(out)
    }

    /// Reads views that [`Views::save`] wrote; the next records and digests are as if they had never been
    /// away.
    ///
    /// The bytes are believed: whoever kept them compares their length and hash **before** calling this.
    /// Bytes that were never written so end in an error or in views without meaning, never in a panic.
    ///
    /// # Errors
    /// Those of `from`, which should be buffered; `InvalidData` for what another version wrote.
    pub fn load(from: &mut dyn Read) -> io::Result<Self> {
        let from = &mut In(from);
        if from.take::<(u16, u8)>()? != SAVED {
            return Err(invalid());
        }
        let mut accounts = Accounts::with_lanes(load_lanes(from)?);
        for _ in 0..from.take::<usize>()? {
            let (path, balance, digested): (String, i64, i64) = from.take()?;
            let restored = accounts.restore(&path, balance, digested);
            restored.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
        Ok(Self { accounts, projection: Projection::load(from)? })
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

    /// Returns the digests made from every row as it stands, whatever the running ones say: equal to
    /// [`Views::digests`] unless a row changed behind their back. Costs one hash a row and no memory.
    pub fn digests_anew(&mut self) -> Vec<ViewDigest> {
        self.projection.unsettle();
        let (digest, rows) = (self.accounts.digest_anew(), self.accounts.rows());
        let mut all = vec![ViewDigest { number: 1, name: "accounts", rows, digest }];
        all.append(&mut self.projection.digests());
        all
    }

    /// Shows every canonical row of every view that is not empty, in no particular order.
    pub fn scan(&self, emit: &mut dyn FnMut(&[u8])) {
        self.accounts.scan(emit);
        self.projection.scan(emit);
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
