//! Balance of a quota: its definition, and where it and its money are by unit.

use std::collections::BTreeMap;

use ledger::ids::QuotaId;

use super::{Balance, Row, total};
use crate::drift::Drift;
use crate::projection::Projection;
use crate::quota::Share;

const NAMES: [&str; 5] = ["available", "used", "in_transit", "held", "paid"];

/// Returns a quota by unit; `None` when it was never issued.
///
/// # Errors
/// [`Drift::Overflow`] where a sum leaves 64 bits.
pub fn quota(views: &Projection, id: &QuotaId) -> Result<Option<Balance>, Drift> {
    let Ok(quota) = views.names.quota(id) else { return Ok(None) };
    let whole = views.quotas.whole(quota.no);
    let mut rows = BTreeMap::new();
    for (unit, share) in views.quotas.shares(quota.no) {
        let Some(unit) = views.names.unit(unit) else { continue };
        let Share { available, used, in_transit, held } = share;
        let before = if unit == quota.to { whole.paid_before } else { 0 };
        let paid = used.checked_sub(before).ok_or(Drift::Overflow { row: "a quota" })?;
        rows.insert(unit, [available, used, in_transit, held, paid]);
    }
    let mut fields = vec![("issued", whole.issued)];
    fields.append(&mut total(NAMES, rows.values().copied())?);
    fields.push(("paid_before", whole.paid_before));
    Ok(Some(Balance {
        kind: "quota",
        code: id.to_string(),
        fields,
        rows: rows
            .into_iter()
            .filter(|(_, sums)| *sums != [0; 5])
            .map(|(unit, sums)| Row {
                key: vec![("unit", unit.to_string())],
                fields: NAMES.into_iter().zip(sums).collect(),
                ..Row::default()
            })
            .collect(),
        texts: vec![
            ("source", quota.source.to_string()),
            ("treasury", quota.treasury.to_string()),
            ("home_city", quota.home.to_string()),
            ("tranche", views.names.tranche_id(quota.tranche).to_string()),
            ("year", quota.year.to_string()),
            ("programme", quota.source.programme().to_owned()),
            ("to_unit", quota.to.to_string()),
        ],
        ..Balance::at(views)
    }))
}
