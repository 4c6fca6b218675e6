//! F20: posted by exception. Ground: rule of this ledger; every one must be explained.
//!
//! Reading: the record is the voucher's first line, or its header when it has none; the amount is the total.

use super::Found;
use super::look::{Hit, Look};
use ledger::ids::Unit;

/// Finds vouchers with an exception reason.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let excepted = look.facts.vouchers.iter().filter(|v| v.exception && v.date <= look.date);
    for voucher in excepted {
        let line = voucher.first.saturating_add(voucher.lines.min(1));
        let unit = look.facts.payment_at(line).map(|payment| look.route(payment).unit);
        let mut hit = Hit::default();
        hit.add(voucher.first, voucher.fen);
        let last = voucher.first.saturating_add(voucher.lines);
        let from = look.facts.skipped.partition_point(|(seq, _)| *seq < voucher.first);
        let rows = look.facts.skipped.iter().skip(from).take_while(|(seq, _)| *seq <= last);
        let mut codes: Vec<String> = Vec::new();
        for (seq, code) in rows {
            hit.show(*seq);
            codes.push(format!("MZ-{code}"));
        }
        codes.dedup();
        let codes = if codes.is_empty() { "-".to_owned() } else { codes.join(", ") };
        let zh = format!("异常补记，跳过 {codes}");
        let en = format!("posted by exception, passed over: {codes}");
        out.extend(hit.found(look.record(line, unit.unwrap_or(Unit::PROVINCE)), zh, en));
    }
}
