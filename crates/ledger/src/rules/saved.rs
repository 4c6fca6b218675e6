//! How rule versions are kept in a snapshot: a content as the rows or fields that it was read from.

use std::io;
use std::sync::Arc;

use record::Seq;

use super::cap::CapFields;
use super::pairing::Mode;
use super::scheme::BorneBy;
use super::{
    ApprovalRule, AreaList, Baseline, CapRule, FlagId, FlagParameters, Flows, Pairing, PeriodRule,
    Purposes, RuleRow, Rules, Scheme, SchemeKey, Version, Versions,
};
use crate::ids::{Date, Unit};
use crate::kind::Kind;
use crate::saved::{In, Out, Saved, saved_as, saved_fields};

saved_fields!(Rules {
    schemes,
    pairings,
    purposes,
    flows,
    cap,
    approval,
    flags,
    areas,
    baselines,
    period
});
saved_fields!(Scheme { name, weights, borne_by });
saved_fields!(Pairing { helper, home, mode });
saved_fields!(CapFields {
    per_head_fen,
    pool_cap,
    household_line,
    programmes,
    head_basis,
    drift_basis,
    years
});
saved_fields!(ApprovalRule { threshold_fen, always });
saved_fields!(Baseline { heads, as_of, counties });
saved_fields!(PeriodRule { backdate_days, registry_backdate_days });

saved_as! {
    SchemeKey: Option<Unit>, |key| match key {
        SchemeKey::All => None,
        SchemeKey::City(city) => Some(*city),
    }, |city| Some(city.map_or(Self::All, Self::City));
    BorneBy: String, |by| by.name().to_owned(), |word| Self::parse(&word);
    Mode: String, |mode| mode.name().to_owned(), |word| Self::parse(&word);
    Kind: u16, |kind| kind.number(), Self::of_number;
    FlagId: u8, |flag| flag.number(), Self::of_number;
    FlagParameters: (String, Vec<(String, i64)>), |parameters| {
        let values = parameters.values().iter().map(|(name, value)| ((*name).to_owned(), *value));
        (parameters.flag.to_string(), values.collect())
    }, |(flag, values)| Self::parse(&flag, &values).ok();
    RuleRow: Vec<(String, String)>, |row| row.0.clone(), |cells| Some(Self(cells));
    Purposes: Vec<RuleRow>, Self::to_rows, |rows| Self::parse(&rows).ok();
    Flows: Vec<RuleRow>, Self::to_rows, |rows| Self::parse(&rows).ok();
    AreaList: Vec<RuleRow>, Self::to_rows, |rows| Self::parse(&rows).ok();
    CapRule: CapFields, Self::to_fields, |fields| Self::parse(&fields).ok();
}

impl<T: Saved> Saved for Versions<T> {
    fn layout(out: &mut String) {
        out.push_str("list of (u32, Date, optional Date, Seq, content) of ");
        T::layout(out);
    }

    fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        out.count(self.0.len())?;
        self.0.iter().try_for_each(|version| {
            (version.number, version.from, version.to).save(out)?;
            version.seq.save(out)?;
            version.content.save(out)
        })
    }

    fn load(from: &mut In<'_>) -> io::Result<Self> {
        let mut versions = Self::default();
        for _ in 0..from.count()? {
            let (number, first, to): (u32, Date, Option<Date>) = Saved::load(from)?;
            let seq = Seq::load(from)?;
            let content = Arc::new(T::load(from)?);
            versions.push(Version { number, from: first, to, seq, content });
        }
        Ok(versions)
    }
}
