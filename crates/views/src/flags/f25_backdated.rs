//! F25: posted long after its date, or into a month that the parent has left behind. Ground: 截留私分.
//!
//! Readings: money only, since the register is often told late; one alert a voucher, its first line the
//! record; "the next month closed by its parent" asks the closes of the unit's parent that stand before the
//! record, of payments.

use super::Found;
use super::look::{Hit, Look};
use ledger::ids::Unit;

/// Finds vouchers dated back.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let days = look.value("days");
    let vouchers = look.facts.vouchers.iter();
    for voucher in vouchers.filter(|voucher| voucher.money && voucher.date <= look.date) {
        let age = voucher.posted.days_since(voucher.date);
        let line = voucher.first.saturating_add(voucher.lines.min(1));
        let unit = look.facts.payment_at(line).map(|payment| look.route(payment).unit);
        let closed = unit.and_then(Unit::parent).and_then(|parent| {
            let next = voucher.date.month().saturating_add(1);
            let closings = look.facts.closings.get(&parent)?;
            closings.iter().find(|(month, seq)| next <= *month && *seq < voucher.first)
        });
        if age <= days && closed.is_none() {
            continue;
        }
        let mut hit = Hit::default();
        hit.add(line, voucher.fen);
        if let Some((_, seq)) = closed {
            hit.show(*seq);
        }
        let zh = format!("倒签 {age} 天");
        let en = format!("posted {age} days after its date");
        out.extend(hit.found(look.record(line, unit.unwrap_or(Unit::PROVINCE)), zh, en));
    }
}
