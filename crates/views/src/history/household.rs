//! Balance of a household, made from its own records and those of its lineage.

use std::collections::{BTreeMap, BTreeSet};

use ledger::event::Event;
use ledger::ids::{HouseholdCode, QuotaId};
use ledger::words::Class;
use record::Seq;

use super::fold::{Key, Lineage, Own, Sums};
use super::{AsOf, Histories, HistoryError, Log, Told, told};
use crate::balance::{Balance, Fields, Row};
use crate::projection::Projection;

/// What a household's balance is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Which household.
    pub code: HouseholdCode,
    /// Position and day.
    pub as_of: AsOf,
    /// Fen a head of the review line, by the cap rule that is valid then; `None`: no review line.
    pub per_head_fen: Option<i64>,
}

/// Returns a household's balance at a position and of a day, by year, quota, purpose and project, in that
/// order; a row also names the source of its quota. `None` when no record up to there names it.
///
/// `definitions` says what a quota is: the views of the head will do for any position.
///
/// # Errors
/// [`HistoryError`].
pub fn household(
    log: &dyn Log,
    histories: &dyn Histories,
    definitions: &Projection,
    asked: &Asked,
) -> Result<Option<Balance>, HistoryError> {
    read(log, histories, asked)?.balance(definitions)
}

/// What a household's records and those of its lineage add up to, whatever quotas are.
#[derive(Debug)]
pub struct Read {
    lineage: Lineage,
    asked: Asked,
}

/// Reads a household's records: the part of [`household`] that needs the log and no views.
///
/// # Errors
/// [`HistoryError`].
pub fn read(log: &dyn Log, histories: &dyn Histories, asked: &Asked) -> Result<Read, HistoryError> {
    Ok(Read { lineage: lineage(log, histories, asked)?, asked: *asked })
}

impl Read {
    /// The part of [`household`] that needs views and no log.
    ///
    /// # Errors
    /// [`HistoryError::Overflow`].
    pub fn balance(&self, definitions: &Projection) -> Result<Option<Balance>, HistoryError> {
        balance(&self.lineage, definitions, &self.asked)
    }
}

fn balance(
    lineage: &Lineage,
    definitions: &Projection,
    asked: &Asked,
) -> Result<Option<Balance>, HistoryError> {
    let Some(own) = lineage.own.get(&asked.code).filter(|own| own.state.is_some()) else {
        return Ok(None);
    };
    let overflow = || HistoryError::Overflow { household: asked.code };
    let mut fields = totals(own).ok_or_else(overflow)?;
    if let Some(per_head) = asked.per_head_fen {
        let line = per_head.checked_mul(lineage.peak).ok_or_else(overflow)?;
        let receipts = receipts(lineage, definitions).ok_or_else(overflow)?;
        fields.push(("review_line", line));
        fields.push(("headroom", line.checked_sub(receipts).ok_or_else(overflow)?));
    }
    let rows = own.rows.iter().filter(|(_, sums)| **sums != Sums::default());
    let last = own.payments.values().max();
    Ok(Some(Balance {
        kind: "household",
        code: asked.code.to_string(),
        position: asked.as_of.position,
        date: asked.as_of.date,
        group_shortened: asked.as_of.group_shortened,
        fields,
        rows: rows
            .map(|(key, sums)| row(key, *sums, definitions))
            .collect::<Option<_>>()
            .ok_or_else(overflow)?,
        counts: vec![
            ("active_members", Some(own.active)),
            ("peak_members", Some(own.peak)),
            ("lineage_households", i64::try_from(lineage.own.len()).ok()),
            ("lineage_peak_members", Some(lineage.peak)),
        ],
        texts: vec![
            ("state", own.state.map(|state| state.to_string()).unwrap_or_default()),
            ("class", own.class.map(Class::name).unwrap_or_default().to_owned()),
            ("village", own.village.map(|unit| unit.to_string()).unwrap_or_default()),
            ("last_payment", last.map(ToString::to_string).unwrap_or_default()),
        ],
    }))
}

/// Reads and folds all records of the households that splits and merges up to the position join.
fn lineage(
    log: &dyn Log,
    histories: &dyn Histories,
    asked: &Asked,
) -> Result<Lineage, HistoryError> {
    let mut records: BTreeMap<Seq, Told> = BTreeMap::new();
    let mut known = BTreeSet::from([asked.code]);
    let mut open = vec![asked.code];
    while let Some(code) = open.pop() {
        for found in told(log, histories, code, asked.as_of.position)? {
            for relative in relatives(&found.entry.event).into_iter().flatten() {
                if known.insert(relative) {
                    open.push(relative);
                }
            }
            records.insert(found.at.seq, found);
        }
    }
    let mut lineage = Lineage { known, ..Lineage::default() };
    for Told { at, entry } in records.values().filter(|found| asked.as_of.counts(found.at.date)) {
        lineage.apply(at, &entry.event)?;
    }
    let known = &lineage.known;
    lineage.own.retain(|code, _| known.contains(code));
    Ok(lineage)
}

/// The households that a record joins.
fn relatives(event: &Event) -> [Option<HouseholdCode>; 2] {
    match event {
        Event::HouseholdSplit(e) => [Some(e.household), Some(e.new_household)],
        Event::HouseholdsMerged(e) => [Some(e.into), Some(e.from)],
        _ => [None; 2],
    }
}

/// What counts towards the review line: payments of the shared sources, net, and attributed benefit.
/// Source: domain contract, section 6.3.
fn receipts(lineage: &Lineage, definitions: &Projection) -> Option<i64> {
    let rows = lineage.own.values().flat_map(|own| own.rows.iter());
    let mut sum = 0_i64;
    for ((_, quota, ..), sums) in rows {
        sum = sum.checked_add(sums.attributed)?;
        if definitions.names.quota(quota).is_ok_and(|quota| quota.source.is_shared()) {
            sum = sum.checked_add(sums.paid)?.checked_sub(sums.refunded)?;
        }
    }
    Some(sum)
}

fn totals(own: &Own) -> Option<Fields> {
    let mut all = Sums::default();
    for sums in own.rows.values() {
        all.paid = all.paid.checked_add(sums.paid)?;
        all.refunded = all.refunded.checked_add(sums.refunded)?;
        all.attributed = all.attributed.checked_add(sums.attributed)?;
        all.asset_income = all.asset_income.checked_add(sums.asset_income)?;
    }
    fields(all)
}

fn fields(sums: Sums) -> Option<Fields> {
    Some(vec![
        ("paid", sums.paid),
        ("refunded", sums.refunded),
        ("attributed", sums.attributed),
        ("net", sums.paid.checked_sub(sums.refunded)?),
        ("asset_income", sums.asset_income),
    ])
}

fn row(key: &Key, sums: Sums, definitions: &Projection) -> Option<Row> {
    let (year, quota, purpose, project) = key;
    let source = definitions.names.quota(quota).map(|quota| quota.source.to_string());
    let id = |quota: &QuotaId| quota.to_string();
    Some(Row {
        key: vec![
            ("year", year.to_string()),
            ("source", source.unwrap_or_default()),
            ("quota", id(quota)),
            ("purpose", purpose.to_string()),
            ("project", project.to_string()),
        ],
        fields: fields(sums)?,
        ..Row::default()
    })
}
