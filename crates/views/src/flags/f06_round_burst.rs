//! F06: round sums rushed out in the last days of a quarter. Ground: 挥霍浪费.
//!
//! Reading: amounts are those paid, of payments of which something stayed.

use std::collections::BTreeMap;

use ledger::ids::Unit;

use super::facts::{first_day, quarter as quarter_of};
use super::look::{Hit, Look};
use super::{Found, Subject};

/// Finds units that pay round sums at a quarter's end.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let (last, whole) = (look.value("last_days"), look.value("round_fen").max(1));
    let mut units: BTreeMap<(Unit, u32), (i64, Hit)> = BTreeMap::new();
    for (payment, _) in look.paid() {
        let (date, fen) = (payment.date(), payment.fen());
        let quarter = quarter_of(date);
        let next = first_day(quarter.saturating_add(1).saturating_mul(3));
        let (total, hit) = units.entry((look.route(payment).unit, quarter)).or_default();
        *total = total.saturating_add(fen);
        if next.days_since(date) <= last && fen.checked_rem(whole) == Some(0) {
            hit.add(payment.seq, fen);
        }
    }
    let (minimum, share) = (look.count("min_count"), i128::from(look.value("share_bp")));
    for ((unit, quarter), (total, hit)) in units {
        let large =
            i128::from(total).saturating_mul(share) <= i128::from(hit.fen).saturating_mul(10_000);
        if hit.evidence.len() < minimum || !large {
            continue;
        }
        let zh = format!("季末最后 {last} 天整数付款 {} 笔", hit.evidence.len());
        let en = format!("{} round sums in the last {last} days of a quarter", hit.evidence.len());
        out.extend(hit.found(Subject::UnitQuarter(unit, quarter), zh, en));
    }
}
