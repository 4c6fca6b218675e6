//! All views but the accounts: what a position of the log looks like to readers.
//!
//! Lives here: the order in which a record reaches the views. Lives elsewhere: each view.
//!
//! Always: every view takes the same step; a projection that returned `Drift` is of no further use.

use ledger::event::{At, Event};
use ledger::ids::Date;
use record::{Record, Seq};
use serde::{Deserialize, Serialize};

use crate::digest::{RowOut, ViewDigest};
use crate::drift::Drift;
use crate::helper_city::{self, HelperCities, HelperCity};
use crate::home_city::{HomeCities, PlainHomes};
use crate::household::{Households, PlainHouseholds};
use crate::names::{Names, PlainNames};
use crate::quota::{PlainQuotas, Quotas};
use crate::resolve::resolve;
use crate::transit::{Sent, Transits};
use crate::unit::{PlainUnits, Units};

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

/// A projection in plain form, for checkpoints. Its layout is no contract: it is thrown away whenever
/// the version of the views or of the cache changes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Plain {
    next_seq: u64,
    last_date: u32,
    names: PlainNames,
    households: PlainHouseholds,
    units: PlainUnits,
    homes: PlainHomes,
    helpers: Vec<(helper_city::Key, HelperCity)>,
    quotas: PlainQuotas,
    transits: Vec<(u64, Sent)>,
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

    pub(crate) fn plain(&self) -> Plain {
        Plain {
            next_seq: self.next_seq.0,
            last_date: self.last_date.0,
            names: self.names.plain(),
            households: self.households.plain(),
            units: self.units.plain(),
            homes: self.homes.plain(),
            helpers: self.helpers.plain(),
            quotas: self.quotas.plain(),
            transits: self.transits.plain(),
        }
    }

    /// Returns the projection of a plain form; `None` when it holds what this version does not know.
    pub(crate) fn of_plain(plain: Plain) -> Option<Self> {
        Some(Self {
            names: Names::of_plain(plain.names)?,
            households: Households::of_plain(plain.households)?,
            units: Units::of_plain(plain.units)?,
            homes: HomeCities::of_plain(plain.homes)?,
            helpers: HelperCities::of_plain(plain.helpers),
            quotas: Quotas::of_plain(plain.quotas)?,
            transits: Transits::of_plain(plain.transits),
            next_seq: Seq(plain.next_seq),
            year: (Date(0), Date(0).year()),
            last_date: Date(plain.last_date),
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
