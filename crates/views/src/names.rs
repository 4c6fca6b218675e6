//! Numbers for the names that rows share: units, quotas, tranches, with what never changes of them.
//!
//! Lives here: definitions. Lives elsewhere: every sum (the views).
//!
//! Always: a name keeps its number; a definition is given once and never changes.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use ledger::ids::{QuotaId, Source, TrancheId, Unit};

use crate::drift::Drift;
use crate::table::{No, Table};
use crate::value::{In, Out, Plain};

/// A unit and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) no: No,
    pub(crate) unit: Unit,
}

/// What a quota is, as rows need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) no: No,
    pub(crate) source: Source,
    pub(crate) treasury: Unit,
    pub(crate) home: Unit,
    /// Unit that gets it from its source; of an opening the opening's unit.
    pub(crate) to: Unit,
    pub(crate) tranche: No,
    pub(crate) year: u16,
}

/// What a tranche is, as rows need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tranche {
    pub(crate) home: Unit,
    pub(crate) year: u16,
    /// Treasury of source H when it was opened.
    pub(crate) helper: Unit,
}

/// Units, quotas and tranches by number.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    units: Table<u64, ()>,
    /// Units by code, so that those of an area are a range.
    ordered: Arc<BTreeMap<u64, No>>,
    quotas: Table<QuotaId, Option<Quota>>,
    tranches: Table<TrancheId, Option<Tranche>>,
}

impl Plain for Quota {
    /// Number, source, treasury, home, to, tranche, year.
    type Form = (No, u8, [u64; 3], No, u16);

    fn plain(&self) -> Self::Form {
        let units = [self.treasury, self.home, self.to].map(Unit::code);
        (self.no, self.source.plain(), units, self.tranche, self.year)
    }

    fn of_plain((no, source, units, tranche, year): Self::Form) -> Option<Self> {
        let [treasury, home, to] = units.map(Unit::of_code);
        let (treasury, home, to) = (treasury?, home?, to?);
        Some(Self { no, source: Source::of_plain(source)?, treasury, home, to, tranche, year })
    }
}

impl Plain for Tranche {
    /// Home, year, helper.
    type Form = (u64, u16, u64);

    fn plain(&self) -> Self::Form {
        (self.home.code(), self.year, self.helper.code())
    }

    fn of_plain((home, year, helper): Self::Form) -> Option<Self> {
        Some(Self { home: Unit::of_code(home)?, year, helper: Unit::of_code(helper)? })
    }
}

/// Name of the tranche of quotas that were there before the ledger began.
pub(crate) const OPENING: &str = "opening";

impl Names {
    pub(crate) fn new() -> Self {
        Self {
            units: Table::new(),
            ordered: Arc::default(),
            quotas: Table::new(),
            tranches: Table::new(),
        }
    }

    pub(crate) fn freeze(&mut self) {
        self.units.freeze();
        self.quotas.freeze();
        self.tranches.freeze();
    }

    pub(crate) fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        self.units.save(out)?;
        self.quotas.save(out)?;
        self.tranches.save(out)
    }

    pub(crate) fn load(from: &mut In<'_>) -> io::Result<Self> {
        let units = Table::load(from)?;
        let ordered = (0..).zip(units.iter()).map(|(no, (code, ()))| (*code, no)).collect();
        let (quotas, tranches) = (Table::load(from)?, Table::load(from)?);
        Ok(Self { units, ordered: Arc::new(ordered), quotas, tranches })
    }

    /// Returns a unit with its number, which it gets at first use.
    pub(crate) fn place(&mut self, unit: Unit) -> Place {
        let before = self.units.len();
        let no = self.units.number(&unit.code());
        if before < self.units.len() {
            Arc::make_mut(&mut self.ordered).insert(unit.code(), no);
        }
        Place { no, unit }
    }

    /// Returns the unit of a number.
    pub(crate) fn unit(&self, no: No) -> Option<Unit> {
        self.units.key(no).and_then(Unit::of_code)
    }

    /// Returns the units used so far that lie in an area, the area itself too, ascending by code.
    pub(crate) fn within(&self, area: Unit) -> impl Iterator<Item = Place> {
        self.ordered
            .range(area.code()..)
            .filter_map(|(code, no)| Some(Place { no: *no, unit: Unit::of_code(*code)? }))
            .take_while(move |place| area.contains(place.unit))
    }

    /// Gives a quota its definition. The second time it must be the same.
    pub(crate) fn define(&mut self, id: QuotaId, quota: Quota) -> Result<Quota, Drift> {
        let no = self.quotas.number(&id);
        let quota = Quota { no, ..quota };
        let row = self.quotas.change(no).ok_or(Drift::Numbers)?;
        match row {
            Some(found) if *found != quota => Err(Drift::QuotaTwice { quota: id }),
            _ => {
                *row = Some(quota);
                Ok(quota)
            }
        }
    }

    /// Returns a quota by its id.
    pub(crate) fn quota(&self, id: &QuotaId) -> Result<Quota, Drift> {
        self.quotas.of(id).ok_or(Drift::UnknownQuota { quota: *id })
    }

    /// Returns the id of a quota.
    pub(crate) fn quota_id(&self, no: No) -> QuotaId {
        self.quotas.key(no).unwrap_or_default()
    }

    /// Returns a quota by its number.
    pub(crate) fn quota_of(&self, no: No) -> Option<Quota> {
        self.quotas.get(no)
    }

    /// Returns the number of a tranche. The empty one is that of quotas that have none.
    pub(crate) fn tranche(&mut self, id: &TrancheId) -> No {
        self.tranches.number(id)
    }

    /// Gives a tranche its definition.
    pub(crate) fn define_tranche(&mut self, id: &TrancheId, tranche: Tranche) -> Result<No, Drift> {
        let no = self.tranches.number(id);
        *self.tranches.change(no).ok_or(Drift::Numbers)? = Some(tranche);
        Ok(no)
    }

    /// Returns a tranche that was opened.
    pub(crate) fn tranche_of(&self, id: &TrancheId) -> Result<(No, Tranche), Drift> {
        let unknown = || Drift::UnknownTranche { tranche: *id };
        let no = self.tranches.find(id).ok_or_else(unknown)?;
        Ok((no, self.tranches.get(no).ok_or_else(unknown)?))
    }

    /// Returns the id of a tranche.
    pub(crate) fn tranche_id(&self, no: No) -> TrancheId {
        self.tranches.key(no).unwrap_or_default()
    }
}
