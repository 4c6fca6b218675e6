//! Rules as data: share schemes, pairings, purposes, flows, cap, approval, flags, areas, baselines, periods.
//!
//! Lives here: the content of each rule, what makes content valid, and which version holds on a date.
//! Lives elsewhere: adopting a version (`kinds::rules`), what a rule decides about money (`kinds`).
//!
//! Always: a version is never changed, only followed; the version of a date is the last one known whose
//! first day is not after it; content prints back exactly the rows it was read from.
//! Source: domain contract, section 6.1.

use std::collections::BTreeMap;

use crate::ids::{Date, Unit};

pub mod approval;
pub mod areas;
pub mod baseline;
pub mod cap;
pub mod first;
pub mod flags;
pub mod flows;
pub mod pairing;
pub mod period;
pub mod purposes;
pub mod rows;
mod saved;
pub mod scheme;
pub mod split;
pub mod version;

pub use approval::ApprovalRule;
pub use areas::AreaList;
pub use baseline::Baseline;
pub use cap::CapRule;
pub use flags::{FlagId, FlagParameters};
pub use flows::{Channel, Flow, Flows, Mark, Movement, Place};
pub use pairing::Pairing;
pub use period::PeriodRule;
pub use purposes::{PurposeRow, Purposes};
pub use rows::{ContentError, RuleRow};
pub use scheme::{Scheme, SchemeKey};
pub use version::{Version, Versions};

/// All rule versions that are known.
///
/// Cloning is cheap: contents are shared.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// 201, by home city or for all.
    pub schemes: BTreeMap<SchemeKey, Versions<Scheme>>,
    /// 202, by home city.
    pub pairings: BTreeMap<Unit, Versions<Pairing>>,
    /// 203.
    pub purposes: Versions<Purposes>,
    /// 204.
    pub flows: Versions<Flows>,
    /// 205.
    pub cap: Versions<CapRule>,
    /// 206.
    pub approval: Versions<ApprovalRule>,
    /// 207, by flag.
    pub flags: BTreeMap<FlagId, Versions<FlagParameters>>,
    /// 208.
    pub areas: Versions<AreaList>,
    /// 209, by home city.
    pub baselines: BTreeMap<Unit, Versions<Baseline>>,
    /// 210.
    pub period: Versions<PeriodRule>,
}

impl Rules {
    /// The share scheme of a home city on a date, with the key it stands under: a scheme of the city wins
    /// over the one for all.
    pub fn scheme(&self, home: Unit, date: Date) -> Option<(SchemeKey, &Version<Scheme>)> {
        [SchemeKey::City(home), SchemeKey::All].into_iter().find_map(|key| {
            let version = self.schemes.get(&key)?.valid(date)?;
            Some((key, version))
        })
    }

    /// The pairing of a home city on a date.
    pub fn pairing(&self, home: Unit, date: Date) -> Option<&Version<Pairing>> {
        self.pairings.get(&home)?.valid(date)
    }

    /// The declared head count of a home city on a date.
    pub fn baseline(&self, home: Unit, date: Date) -> Option<&Version<Baseline>> {
        self.baselines.get(&home)?.valid(date)
    }

    /// The parameters of a flag on a date.
    pub fn flag(&self, flag: FlagId, date: Date) -> Option<&Version<FlagParameters>> {
        self.flags.get(&flag)?.valid(date)
    }
}

#[cfg(test)]
mod tests;
