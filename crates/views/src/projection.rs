//! All views but the accounts: what a position of the log looks like to readers.
//!
//! Lives here: the order in which a record reaches the views. Lives elsewhere: each view.
//!
//! Always: every view takes the same step; a projection that returned `Drift` is of no further use.

use std::io;

use ledger::event::{At, Event};
use ledger::ids::Date;
use record::{Record, Seq};

use crate::digest::{RowOut, ViewDigest};
use crate::drift::Drift;
use crate::helper_city::HelperCities;
use crate::history::in_legs;
use crate::home_city::HomeCities;
use crate::household::Households;
use crate::names::Names;
use crate::quota::Quotas;
use crate::resolve::resolve;
use crate::transit::Transits;
use crate::unit::Units;
use crate::value::{In, Out};

/// The views of one position, without the accounts.
#[derive(Clone, Debug)]
pub struct Projection {
    pub(crate) names: Names,
    pub(crate) households: Households,
    pub(crate) units: Units,
    pub(crate) homes: HomeCities,
    pub(crate) helpers: HelperCities,
    pub(crate) quotas: Quotas,
    pub(crate) transits: Transits,
    /// Position of the next record.
    next_seq: Seq,
    /// The last date met and its year.
    year: (Date, u16),
    /// The latest effective date of any record so far.
    last_date: Date,
}

impl Projection {
    /// Makes the views of an empty log.
    pub fn new() -> Self {
        Self {
            names: Names::new(),
            households: Households::new(),
            units: Units::new(),
            homes: HomeCities::new(),
            helpers: HelperCities::new(),
            quotas: Quotas::new(),
            transits: Transits::new(),
            next_seq: Seq(0),
            year: (Date(0), Date(0).year()),
            last_date: Date(0),
        }
    }

    /// Returns a copy that shares what neither side changes: a few milliseconds for millions of rows, and
    /// no further memory at first. A plain clone copies every row changed since the last share.
    #[must_use]
    pub fn share(&mut self) -> Self {
        self.names.freeze();
        self.households.freeze();
        self.units.freeze();
        self.homes.freeze();
        self.helpers.freeze();
        self.quotas.freeze();
        self.transits.freeze();
        self.clone()
    }

    pub(crate) fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        out.put(&(self.next_seq.0, self.last_date.0))?;
        self.names.save(out)?;
        self.households.save(out)?;
        self.units.save(out)?;
        self.homes.save(out)?;
        self.helpers.save(out)?;
        self.quotas.save(out)?;
        self.transits.save(out)
    }

    pub(crate) fn load(from: &mut In<'_>) -> io::Result<Self> {
        let (next_seq, last_date) = from.take()?;
        let names = Names::load(from)?;
        Ok(Self {
            households: Households::load(from)?,
            units: Units::load(from, &names)?,
            homes: HomeCities::load(from)?,
            helpers: HelperCities::load(from)?,
            quotas: Quotas::load(from, &names)?,
            transits: Transits::load(from)?,
            names,
            next_seq: Seq(next_seq),
            year: (Date(0), Date(0).year()),
            last_date: Date(last_date),
        })
    }

    /// Returns the latest effective date of any record so far.
    pub fn last_date(&self) -> Date {
        self.last_date
    }

    /// Returns the year of a date.
    pub(crate) fn year(&mut self, date: Date) -> u16 {
        if self.year.0 != date {
            self.year = (date, date.year());
        }
        self.year.1
    }

    /// Returns the position of the record that comes next.
    pub fn next_seq(&self) -> Seq {
        self.next_seq
    }

    /// Moves past a record of the format's own kinds, which no view shows.
    pub fn pass(&mut self, record: &Record<'_>) {
        self.next_seq = record.seq().next();
    }

    /// Applies a record.
    ///
    /// # Errors
    /// [`Drift`]: it does not fit what was before it, and the projection is of no further use.
    pub fn apply(&mut self, at: &At, event: &Event) -> Result<(), Drift> {
        self.apply_as(at, event, true)
    }

    /// Reads the rows of the households whose accounts these records name.
    pub(crate) fn read_ahead<'a>(&self, records: impl Iterator<Item = Record<'a>>) {
        self.households.read_ahead(records.filter_map(|record| in_legs(&record)));
    }

    /// Applies a record of a fold by date: one that is dated after the day asked for (`counts` is
    /// false) gives names their meaning and enters no sum.
    ///
    /// # Errors
    /// As [`Projection::apply`].
    pub fn apply_as(&mut self, at: &At, event: &Event, counts: bool) -> Result<(), Drift> {
        if at.seq != self.next_seq {
            return Err(Drift::Gap { expected: self.next_seq, found: at.seq });
        }
        let step = resolve(self, at, event, counts)?;
        let more = self.households.apply(&step)?;
        self.units.apply(&step, more)?;
        self.homes.apply(&step)?;
        self.helpers.apply(&step)?;
        self.quotas.apply(&step)?;
        self.transits.apply(&step)?;
        self.next_seq = at.seq.next();
        self.last_date = self.last_date.max(at.date);
        Ok(())
    }

    /// Returns the digests of views 2 and up, by number.
    pub fn digests(&mut self) -> Vec<ViewDigest> {
        let (names, out) = (&self.names, &mut RowOut::default());
        vec![
            self.households.running(names, out).digest(),
            self.units.running(names, out).digest(),
            self.homes.running(names, out).digest(),
            self.helpers.running(names, out).digest(),
            self.quotas.running(names, out).digest(),
            self.transits.running(names, out).digest(),
        ]
    }

    /// Forgets the running digests, so that the next ones are made from every row.
    pub fn unsettle(&mut self) {
        self.households.unsettle();
        self.units.unsettle();
        self.homes.unsettle();
        self.helpers.unsettle();
        self.quotas.unsettle();
        self.transits.unsettle();
    }

    /// Writes every canonical row that is not empty, in no particular order: for exports and for the
    /// sorted scan that tests compare digests with.
    pub fn scan(&self, emit: &mut dyn FnMut(&[u8])) {
        self.households.scan(&self.names, emit);
        self.units.scan(&self.names, emit);
        self.homes.scan(&self.names, emit);
        self.helpers.scan(&self.names, emit);
        self.quotas.scan(&self.names, emit);
        self.transits.scan(&self.names, emit);
    }
}

impl Default for Projection {
    fn default() -> Self {
        Self::new()
    }
}
