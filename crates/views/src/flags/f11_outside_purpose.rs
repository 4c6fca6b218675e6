//! F11: money outside the list of purposes. Ground: 挤占挪用; what 粤发〔2016〕13号 §13 permits.
//!
//! Reading: "not allowed by later versions" asks the list valid on the payment's day by all that is known at
//! the position, so a version adopted late with an early first day counts.

use super::Found;
use super::facts::rows::{At, purpose_of};
use super::look::{Hit, Look};
use ledger::ids::Unit;

/// Soft refusals of purpose and payee that an exception passes over.
const CODES: &[u16] = &[3040, 3041, 3042, 3049, 3053];

/// Finds records outside the list.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let mut push = |seq: At, unit: Unit, fen: i64| {
        let mut hit = Hit::default();
        hit.add(seq, fen);
        let zh = "用途或对象不在允许范围".to_owned();
        let en = "outside the purposes and payees that are allowed".to_owned();
        out.extend(hit.found(look.record(seq, unit), zh, en));
    };
    let excepted = look.facts.skipped.iter().filter(|(_, code)| CODES.contains(code));
    let mut told: std::collections::BTreeSet<At> = excepted.map(|(seq, _)| *seq).collect();
    told.retain(|seq| look.facts.payment_at(*seq).is_some_and(|p| 0 < look.net(p)));
    for (payment, net) in look.paid() {
        let list = look.facts.rules.purposes.content(payment.date());
        let allowed = list.is_none_or(|list| {
            let row = list.get(purpose_of(payment.purpose()));
            row.is_some_and(|row| row.permit.is_some())
        });
        if !allowed || told.contains(&payment.seq) {
            push(payment.seq, look.route(payment).unit, net);
        }
    }
    for row in look.facts.reversals.iter().filter(|row| row.purpose && row.date <= look.date) {
        if super::f17_reversed_after_close::closed_before(look, row).is_some() {
            push(row.seq, row.unit, row.fen);
        }
    }
}
