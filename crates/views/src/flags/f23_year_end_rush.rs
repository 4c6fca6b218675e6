//! F23: money rushed out in December. Ground: 挥霍浪费.

use std::collections::BTreeMap;

use ledger::ids::Unit;

use super::look::{Hit, Look};
use super::{Found, Subject};

/// Finds units that pay in December.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let mut units: BTreeMap<(Unit, u32), (i64, Hit)> = BTreeMap::new();
    for (payment, net) in look.paid() {
        let (year, month, _) = payment.date().civil();
        let (total, december) = units.entry((look.route(payment).unit, year)).or_default();
        *total = total.saturating_add(net);
        if month == 12 {
            december.add(payment.seq, net);
        }
    }
    let (share, least) = (i128::from(look.value("share_bp")), look.value("min_fen"));
    for ((unit, year), (total, hit)) in units {
        let line = i128::from(total).saturating_mul(share);
        if total < least || i128::from(hit.fen).saturating_mul(10_000) <= line {
            continue;
        }
        let zh = "十二月付款占全年比例过高".to_owned();
        let en = "December has too large a share of the year's payments".to_owned();
        out.extend(hit.found(Subject::UnitYear(unit, year), zh, en));
    }
}
