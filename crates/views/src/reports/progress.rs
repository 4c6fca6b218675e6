//! 6:3:1 progress 分担进度: by home city, year and tranche the three sources side by side.
//!
//! Always: what a source owes is its part of the exact split, so what is short of it is short of the split.

use std::collections::BTreeMap;

use ledger::ids::{Source, TrancheId, Unit};

use super::table::{Cell, Kind, Table};
use super::{Given, ReportError, touches};
use crate::balance::rate_bp;
use crate::drift::{Drift, add};

const COLUMNS: [(&str, Kind); 22] = [
    ("city", Kind::Text),
    ("name", Kind::Text),
    ("year", Kind::Text),
    ("tranche", Kind::Text),
    ("p_owed", Kind::Fen),
    ("h_owed", Kind::Fen),
    ("l_owed", Kind::Fen),
    ("p_issued", Kind::Fen),
    ("h_issued", Kind::Fen),
    ("l_issued", Kind::Fen),
    ("p_arrived", Kind::Fen),
    ("h_arrived", Kind::Fen),
    ("l_arrived", Kind::Fen),
    ("p_issue_shortfall", Kind::Fen),
    ("h_issue_shortfall", Kind::Fen),
    ("l_issue_shortfall", Kind::Fen),
    ("p_shortfall", Kind::Fen),
    ("h_shortfall", Kind::Fen),
    ("l_shortfall", Kind::Fen),
    ("p_arrived_share_bp", Kind::BasisPoints),
    ("h_arrived_share_bp", Kind::BasisPoints),
    ("l_arrived_share_bp", Kind::BasisPoints),
];

/// Owed, issued and arrived of each shared source.
type Sums = [[i64; 3]; 3];

pub(super) fn table(given: &Given<'_>, area: Unit) -> Result<Table, ReportError> {
    let mut rows: BTreeMap<(Unit, u16, TrancheId), Sums> = BTreeMap::new();
    for ((city, source, tranche, year), row) in given.views.homes.iter() {
        let Some(city) = Unit::of_code(*city).filter(|city| touches(area, *city)) else { continue };
        let Some(at) = Source::SHARED.iter().position(|shared| shared == source) else { continue };
        let key = (city, *year, given.views.names.tranche_id(*tranche));
        let sums = rows.entry(key).or_default();
        for (sum, more) in sums.iter_mut().zip([row.owed, row.allocated, row.received]) {
            if let Some(sum) = sum.get_mut(at) {
                add(sum, more, "a report")?;
            }
        }
    }
    let mut table = Table::new(&COLUMNS);
    let mut all = Sums::default();
    for ((city, year, tranche), sums) in rows {
        if sums == Sums::default() {
            continue;
        }
        for (all, more) in all.iter_mut().flatten().zip(sums.iter().flatten()) {
            add(all, *more, "a report")?;
        }
        let mut row = vec![
            city.into(),
            given.name(city).into(),
            year.to_string().into(),
            tranche.to_string().into(),
        ];
        row.extend(figures(&sums)?);
        table.push(row);
    }
    table.sum_up(&[])?;
    for (name, share) in ["p_arrived_share_bp", "h_arrived_share_bp", "l_arrived_share_bp"]
        .into_iter()
        .zip(shares(&all)?)
    {
        table.set_total(name, share);
    }
    Ok(table)
}

fn figures(sums: &Sums) -> Result<Vec<Cell>, Drift> {
    let [owed, issued, arrived] = sums;
    let short = |have: &[i64; 3]| -> Result<Vec<i64>, Drift> {
        let pairs = owed.iter().zip(have);
        let less = pairs.map(|(owed, have)| owed.checked_sub(*have));
        less.map(|fen| fen.ok_or(Drift::Overflow { row: "a report" })).collect()
    };
    let fen = sums.iter().flatten().copied().chain(short(issued)?).chain(short(arrived)?);
    let mut cells: Vec<Cell> = fen.map(Cell::from).collect();
    cells.extend(shares(sums)?.map(Cell::from));
    Ok(cells)
}

/// Part of each source in what arrived.
fn shares(sums: &Sums) -> Result<[Option<i64>; 3], Drift> {
    let [_, _, arrived] = sums;
    let overflow = Drift::Overflow { row: "a report" };
    let whole = arrived.iter().try_fold(0_i64, |sum, fen| sum.checked_add(*fen)).ok_or(overflow)?;
    Ok(arrived.map(|fen| rate_bp(fen, whole)))
}
